"""Masked prediction: the library's own way of hiding, lengths, gradients, and what decides what is hidden."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from project.build.bind import make
from project.build.compose import compose, options
from project.contract import Batch, InputError, UnitOutput
from project.loss.units import UnitLoss
from project.model.backbone.wave_transformer import WaveTransformer
from project.model.hiding import generator_of, hidden_spans
from project.model.masked_units import MaskedUnits

pytest.importorskip("transformers", reason="the extra `speech` is not installed")

TINY: dict[str, Any] = {
    "conv_dim": [16] * 7, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4,
}  # fmt: skip
CALM = dict.fromkeys(("hidden_dropout", "activation_dropout", "attention_dropout", "feat_proj_dropout"), 0.0)
LAYER_NORMS = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
LENGTHS = (16000, 9000, 4321)
UNITS = 7


def build(kind: Any = "hubert", **options: Any) -> MaskedUnits:
    torch.manual_seed(0)
    config = TINY | CALM | ({} if kind == "wavlm" else LAYER_NORMS)
    return MaskedUnits(UNITS + 1, WaveTransformer(kind, config=config), width=16, **options)


def batch_of(model: MaskedUnits, *lengths: int) -> Batch:
    signals_BTF = torch.zeros(len(lengths), max(lengths), 1)
    for row, length in zip(signals_BTF, lengths, strict=True):
        row[:length, 0] = torch.randn(length, generator=torch.Generator().manual_seed(length))
    lengths_B = torch.tensor(lengths)
    counts_B = model.num_output_frames(lengths_B)
    units_BL = torch.zeros(len(lengths), int(counts_B.max()), dtype=torch.int64)
    for row, count in zip(units_BL, counts_B.tolist(), strict=True):
        row[:count] = torch.arange(count) // 5 % UNITS
    targets = {"units": units_BL, "unit_lengths": counts_B}
    return Batch(tuple(f"example-{one}" for one in lengths), signals_BTF, lengths_B, targets, ("",) * len(lengths))


@pytest.mark.parametrize("kind", ["hubert", "wav2vec2"])
def test_frames_are_hidden_as_the_library_itself_hides_them(kind: Any) -> None:
    model = build(kind).eval()
    nn.init.normal_(model.units.bias)
    batch = batch_of(model, 8000)
    output = model(batch)
    assert output.hidden_BT.any()
    backbone: Any = model.backbone
    theirs = backbone.model
    theirs.config.apply_spec_augment = True
    theirs.masked_spec_embed = nn.Parameter(model.hidden_frame.detach().clone())
    with torch.no_grad():
        rows = theirs(batch.signals_BTF[..., 0], mask_time_indices=output.hidden_BT).last_hidden_state
        told = nn.functional.cosine_similarity(
            model.project(rows)[..., None, :], model.units.weight[None, None], dim=-1
        )
    torch.testing.assert_close(output.logits_BTK, told / 0.1 + model.units.bias, atol=1e-4, rtol=1e-4)


def test_what_is_hidden_is_not_seen() -> None:
    """Rows of hidden frames may be anything before they are replaced; those of seen frames may not."""
    model = build().eval()
    batch = batch_of(model, 16000)
    expected = model(batch)
    entrance: Any = model.backbone.entrance

    def spoil(frames_T: Tensor) -> Any:
        return lambda _module, _inputs, rows: torch.where(frames_T[None, :, None], 100.0, rows)

    for hidden, is_alike in ((expected.hidden_BT[0], True), (~expected.hidden_BT[0], False)):
        handle = entrance.register_forward_hook(spoil(hidden))
        assert torch.allclose(model(batch).logits_BTK, expected.logits_BTK, atol=1e-5) == is_alike
        handle.remove()


def test_lengths_and_hidden_frames_are_those_of_the_backbone() -> None:
    model = build().train()
    batch = batch_of(model, *LENGTHS)
    output: UnitOutput = model(batch)
    assert output.logits_BTK.dtype == torch.float32
    assert output.logits_BTK.shape == (3, 49, UNITS)
    assert output.lengths_B.tolist() == model.num_output_frames(batch.lengths_B).tolist() == [49, 27, 13]
    assert not (output.hidden_BT & (torch.arange(49) >= output.lengths_B[:, None])).any()
    assert output.hidden_BT.any(dim=1).all()


def test_ids_decide_what_is_hidden_outside_of_training_whoever_is_beside() -> None:
    model = build().eval()
    together, again = (model(batch_of(model, *LENGTHS)) for _ in range(2))
    assert torch.equal(together.hidden_BT, again.hidden_BT)
    for row, length in enumerate(LENGTHS):
        alone = model(batch_of(model, length))
        frames = int(alone.lengths_B)
        assert torch.equal(alone.hidden_BT[0], together.hidden_BT[row, :frames])
        assert torch.equal(alone.hidden_BT[0], hidden_spans(frames, 0.08, 10, generator_of(f"example-{length}")))
        torch.testing.assert_close(alone.logits_BTK[0], together.logits_BTK[row, :frames], atol=1e-4, rtol=1e-4)


def test_the_seed_of_a_step_decides_in_training() -> None:
    model = build().train()
    batch, found = batch_of(model, *LENGTHS), []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        found.append(model(batch).hidden_BT)
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_a_batch_that_asks_for_nothing_is_heard_whole() -> None:
    model = build().eval()
    output = model(replace(batch_of(model, *LENGTHS), targets={}))
    assert not output.hidden_BT.any()


@pytest.mark.parametrize("kind", ["hubert", "wav2vec2", "wavlm"])
def test_the_gradient_reaches_every_weight(kind: Any) -> None:
    model = build(kind).train()
    batch = batch_of(model, *LENGTHS)
    UnitLoss()(model(batch), batch)["masked"].backward()
    missed = [name for name, weight in model.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert not missed


def test_the_weights_of_the_backbone_are_where_others_look_for_them() -> None:
    names = [name for name in build().state_dict() if name.startswith("backbone.")]
    assert {name.removeprefix("backbone.") for name in names} == set(
        WaveTransformer("hubert", config=TINY | LAYER_NORMS).state_dict()
    )


def test_what_is_wrong_is_told() -> None:
    with pytest.raises(InputError, match="mask_frames=0"):
        build(mask_frames=0)
    with pytest.raises(InputError, match="temperature is 0"):
        build(temperature=0)
    with pytest.raises(InputError, match="cannot be hidden from Linear"):
        MaskedUnits(8, nn.Linear(1, 1))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [name for name in options("model") if name.startswith("masked_units")])
def test_models_of_conf_are_built(name: str) -> None:
    """On the meta device: their sizes fit each other, and no weight is drawn."""
    node = compose("train", [f"model={name}"])["model"]
    with torch.device("meta"):
        model = make(node, "model", num_symbols=101, num_features=1, architecture=None)
    assert model.units.out_features == 100
    assert model.architecture["kind"] == "hubert"
    assert not model.mixes_padding
