"""The CTC head on a backbone: what learns, how fast, and what is said of it."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from project.build.bind import make
from project.build.compose import compose
from project.contract import Batch, InputError
from project.loss.ctc import CTC
from project.model.backbone.wave_transformer import WaveTransformer
from project.model.ssl_ctc import SSLCTC
from project.model.tuning import Tuning

SYMBOLS = 6
TINY: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 32}
TINY |= {"conv_dim": [16] * 7, "num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2}
LARGE = TINY | {"feat_extract_norm": "layer", "do_stable_layer_norm": True}
# Published numbers of weights, without the vector that stands in for what their training hid.
PUBLISHED = {"wav2vec2": 94_371_712 - 768, "hubert_large": 315_438_720 - 1024, "xlsr": 315_438_720 - 1024}
PUBLISHED |= {"wavlm": 94_381_936 - 768, "mms": 315_438_720 - 1024, "wav2vec2_phoneme": 315_438_720 - 1024}


class Echo(nn.Module):
    """A backbone that repeats every fourth sample, and tells nothing of its parts."""

    num_features, frame_rate, mixes_padding = 3, 4000.0, False
    architecture: ClassVar = {"echo": 1}

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3))

    def forward(self, wave_BT: Tensor, lengths_B: Tensor) -> tuple[Tensor, Tensor]:
        return wave_BT[:, ::4, None] * self.scale, self.num_output_frames(lengths_B)

    def num_output_frames(self, num_samples: Tensor) -> Tensor:
        return (num_samples + 3) // 4


def built(kind: Any = "wav2vec2", seed: int = 0, config: dict[str, Any] = LARGE, **options: Any) -> SSLCTC:
    torch.manual_seed(seed)
    return SSLCTC(SYMBOLS, WaveTransformer(kind, config=config), **options)


def batch_of(*lengths: int) -> Batch:
    signals_BTF = torch.zeros(len(lengths), max(lengths), 1)
    for row, length in zip(signals_BTF, lengths, strict=True):
        row[:length] = torch.randn(length, 1, generator=torch.Generator().manual_seed(length))
    targets = {"symbols": torch.tensor([[1, 2]] * len(lengths)), "symbol_lengths": torch.tensor([2] * len(lengths))}
    return Batch(("",) * len(lengths), signals_BTF, torch.tensor(lengths), targets, ("",) * len(lengths))


def gradients(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
    torch.manual_seed(3)
    CTC()(model(batch), batch)["ctc"].backward()
    return {name: one.grad for name, one in model.named_parameters() if one.grad is not None}


@pytest.mark.parametrize("name", PUBLISHED)
def test_by_default_a_row_has_the_published_size(name: str) -> None:
    with torch.device("meta"):
        model = make(compose("train", [f"model={name}"])["model"], "model", num_symbols=40)
    assert sum(parameter.numel() for parameter in model.backbone.parameters()) == PUBLISHED[name]


@pytest.mark.parametrize("hidden", [0, 9])
def test_the_head_reads_what_the_backbone_says(hidden: int) -> None:
    torch.manual_seed(0)
    model = SSLCTC(SYMBOLS, Echo(), hidden=hidden).eval()
    batch = batch_of(40, 21)
    output = model(batch)
    x_BTD = batch.signals_BTF[:, ::4].expand(-1, -1, 3)
    if model.hidden is not None:
        first = model.hidden[0]
        x_BTD = nn.functional.gelu(x_BTD @ first.weight.T + first.bias)
    expected_BTV = (x_BTD @ model.head.weight.T + model.head.bias).log_softmax(dim=2)
    torch.testing.assert_close(output.log_probs_BTV, expected_BTV)
    assert output.lengths_B.tolist() == [10, 6] == model.num_output_frames(batch.lengths_B).tolist()
    assert (model.architecture, model.mixes_padding, model.frame_rate) == ({"echo": 1}, False, 4000.0)


def test_it_starts_at_blank() -> None:
    model = SSLCTC(SYMBOLS, Echo())
    nn.init.zeros_(model.head.weight)
    nn.init.zeros_(model.head.bias[1:].detach())
    blank = model.head.bias[0].item()
    assert math.exp(blank) / (math.exp(blank) + SYMBOLS - 1) == pytest.approx(0.95)


@pytest.mark.parametrize("mix", ["weighted", "normalized"])
def test_a_mix_needs_all_layers_and_learns_over_a_frozen_backbone(mix: Any) -> None:
    with pytest.raises(InputError, match=rf"model\.mix={mix}: Echo tells its last layer alone"):
        SSLCTC(SYMBOLS, Echo(), mix=mix)
    model = built(mix=mix, tuning=Tuning("frozen"))
    assert model.mix is not None
    assert model.mix.weights.tolist() == [0.0] * 4
    assert gradients(model, batch_of(3000, 2000)).keys() == {"mix.weights", "head.weight", "head.bias"}


@pytest.mark.parametrize("kind", ["wav2vec2", "hubert", "wavlm", "data2vec"])
@pytest.mark.parametrize("mode", ["full", "last"])
def test_checkpointing_changes_no_gradient(kind: str, mode: Any) -> None:
    """Dropout included: what is run again drops out the same. The norm over all lengths is the exact one."""
    batch, found = batch_of(3000, 2000, 900), []
    for checkpointing in (False, True):
        torch.manual_seed(0)
        backbone = WaveTransformer(kind, config=TINY, padding="exact")
        tuning = Tuning(mode, last_layers=2 * (mode == "last"), checkpointing=checkpointing)
        found.append(gradients(SSLCTC(SYMBOLS, backbone, tuning=tuning), batch))
    plain, again = found
    assert plain.keys() == again.keys()
    for name, gradient in plain.items():
        torch.testing.assert_close(again[name], gradient, atol=1e-6, rtol=1e-4, msg=name)


def test_checkpointing_runs_layers_twice_and_only_those_that_learn() -> None:
    model = built(tuning=Tuning("last", last_layers=1, checkpointing=True))
    calls = []
    for index, layer in enumerate(model.backbone.layers):
        layer.attention.register_forward_hook(lambda *_, index=index: calls.append(index))
    gradients(model, batch_of(2000))
    assert calls == [0, 1, 2, 2]
    calls.clear()
    model.eval()(batch_of(2000))
    assert calls == [0, 1, 2]


def test_what_does_not_learn_does_not_drop_out() -> None:
    batch = batch_of(3000)
    frozen = built(tuning=Tuning("frozen"), dropout=0.0).train()
    assert frozen.training
    assert not any(module.training for module in frozen.backbone.modules())
    assert torch.equal(frozen(batch).log_probs_BTV, frozen(batch).log_probs_BTV)
    x_BTD, _ = frozen.encode(batch.signals_BTF[..., 0], batch.lengths_B)
    assert not x_BTD.requires_grad
    last = built(tuning=Tuning("last", last_layers=1)).train()
    assert [layer.training for layer in last.backbone.layers] == [False, False, True]
    assert last.backbone.layers[2].dropout.training
    assert not last.backbone.model.feature_extractor.training
    full = built().train()
    assert all(module.training for module in full.modules())
    assert not any(module.training for module in full.eval().modules())


def test_convolutions_can_stay_as_they_are() -> None:
    model = built(tuning=Tuning(freeze_features=True))
    reached = gradients(model, batch_of(3000, 2000))
    still = {name for name, _ in model.named_parameters()} - reached.keys()
    assert still == {name for name, _ in model.named_parameters() if ".feature_extractor." in name}


def test_weights_that_begin_to_learn_later_are_reached() -> None:
    """As an adapter's, which is put in when all else is frozen."""
    model = built(tuning=Tuning("frozen"))
    model.backbone.layers[1].attention.q_proj.weight.requires_grad_(True)
    model.train()
    assert [layer.training for layer in model.backbone.layers] == [False, True, False]
    assert "backbone.model.encoder.layers.1.attention.q_proj.weight" in gradients(model, batch_of(3000))


def test_rates_fall_from_the_head_downwards() -> None:
    model = built(tuning=Tuning(layer_decay=0.5))
    expected = {"head.weight": 1.0, "backbone.model.encoder.layer_norm.weight": 0.5}
    expected |= {
        f"backbone.model.encoder.layers.{index}.attention.q_proj.bias": 0.5 ** (3 - index) for index in (0, 1, 2)
    }
    expected |= {"backbone.model.encoder.layers.2.attention.q_proj.lora_A.lora.weight": 0.5}
    expected |= {"backbone.model.feature_projection.projection.weight": 0.5**4}
    expected |= {"backbone.model.feature_extractor.conv_layers.0.conv.weight": 0.5**4}
    assert {name: model.rate_of(name) for name in expected} == expected
    assert {built().rate_of(name) for name in expected} == {1.0}
    assert built(tuning=Tuning(head_steps=9)).head_steps == 9


def test_of_ten_layers_or_more_each_has_its_own_rate() -> None:
    model = built(config=LARGE | {"num_hidden_layers": 12}, tuning=Tuning(layer_decay=0.9))
    rates = [model.rate_of(f"backbone.model.encoder.layers.{index}.attention.q_proj.bias") for index in range(12)]
    assert rates == [0.9 ** (12 - index) for index in range(12)]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"mode": "last"}, "give mode=last a number of layers above 0"),
        ({"last_layers": 2}, "and other modes none"),
        ({"layer_decay": 0.0}, "layer_decay is 0.0: give a part above 0"),
        ({"layer_decay": 1.1}, "layer_decay is 1.1"),
        ({"head_steps": -1}, "head_steps is -1"),
    ],
)
def test_tunings_that_mean_nothing_are_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        Tuning(**options)


def test_more_layers_than_there_are_cannot_learn() -> None:
    with pytest.raises(InputError, match="last_layers is 4: the backbone has 3 layers"):
        built(tuning=Tuning("last", last_layers=4))
