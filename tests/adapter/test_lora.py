"""LoRA on tiny encoders of each family: nothing at first, exact counts, gradients everywhere, on and off and merged."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from project.adapter.lora import LoRA, adapter_state, disabled, layers_of, lengths, merge, unmerge
from project.adapter.target import targeted
from project.build.bind import make
from project.build.compose import compose
from project.contract import Batch, Emissions, InputError
from project.loss.ctc import CTC
from project.model.backbone.wav2vec2_bert import Wav2Vec2Bert
from project.model.backbone.wave_transformer import WaveTransformer
from project.model.backbone.wavlm_attention import call_projections
from project.model.backbone.whisper import Whisper
from project.model.ssl_ctc import SSLCTC
from project.model.tuning import Tuning
from project.part import Adapted

SYMBOLS, WIDTH, LAYERS, INNER, RANK = 5, 16, 2, 24, 3
TRANSFORMER = {
    "hidden_size": WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": 2, "intermediate_size": INNER,
    "conv_dim": [8] * 7, "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2,
    "feat_extract_norm": "layer", "do_stable_layer_norm": True,
}  # fmt: skip
WHISPER = {
    "d_model": WIDTH, "encoder_layers": LAYERS, "encoder_attention_heads": 2, "encoder_ffn_dim": INNER,
    "max_source_positions": 50,
}  # fmt: skip
BERT = {"hidden_size": WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": 2, "intermediate_size": INNER}
KINDS = ("wav2vec2", "wavlm", "whisper", "wav2vec2_bert")


def backbone_of(kind: str) -> nn.Module:
    if kind == "whisper":
        return Whisper(config=WHISPER)
    if kind == "wav2vec2_bert":
        return Wav2Vec2Bert(config=BERT)
    backbone = WaveTransformer(kind, config=TRANSFORMER)  # type: ignore[arg-type]
    call_projections(backbone)
    return backbone


def model_of(kind: str, seed: int = 0, tuning: Tuning | None = None) -> SSLCTC:
    torch.manual_seed(seed)
    return SSLCTC(SYMBOLS, backbone_of(kind), dropout=0.0, tuning=tuning)  # type: ignore[arg-type]


def adapted(kind: str, seed: int = 0, **options: Any) -> SSLCTC:
    model = model_of(kind, seed)
    LoRA(**{"rank": RANK, "targets": "qv"} | options)(model)
    return model


def stirred(model: SSLCTC) -> SSLCTC:
    """As after some training: the adapter is no longer zero."""
    torch.manual_seed(3)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.3)
            if "lora_magnitude" in name:
                weight.mul_(1.2)
    return model


def batch_of(*lengths: int) -> Batch:
    signals_BTF = torch.zeros(len(lengths), max(lengths), 1)
    for row, length in zip(signals_BTF, lengths, strict=True):
        row[:length] = torch.randn(length, 1, generator=torch.Generator().manual_seed(length))
    targets = {"symbols": torch.full((len(lengths), 2), 3), "symbol_lengths": torch.full((len(lengths),), 2)}
    return Batch(tuple(map(str, lengths)), signals_BTF, torch.tensor(lengths), targets, ("",) * len(lengths))


BATCH = batch_of(4800, 3600)


def said(model: nn.Module) -> Tensor:
    with torch.no_grad():
        output: Emissions = model.eval()(BATCH)
    return output.log_probs_BTV


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", [{}, {"dora": True}, {"rslora": True, "targets": "all_linear"}])
def test_a_fresh_adapter_changes_nothing(kind: str, options: dict[str, Any]) -> None:
    model = adapted(kind, **options)
    torch.testing.assert_close(said(model), said(model_of(kind)), atol=1e-5, rtol=1e-5)
    assert adapter_state(model) == {"lora": {"active": True, "norm": 0.0}}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dora", [False, True])
def test_off_it_is_the_base_and_merged_it_is_itself(kind: str, dora: bool) -> None:
    base, model = said(model_of(kind)), stirred(adapted(kind, dora=dora, targets="qkvo"))
    tuned = said(model)
    assert not torch.allclose(tuned, base, atol=1e-3)  # it is heard, in WavLM too
    with disabled(model):
        torch.testing.assert_close(said(model), base, atol=1e-5, rtol=1e-5)
        assert model.adapter_state()["lora"]["active"] is False  # type: ignore[operator]
    assert torch.equal(said(model), tuned)
    merge(model)
    torch.testing.assert_close(said(model), tuned, atol=1e-5, rtol=1e-4)
    unmerge(model)
    torch.testing.assert_close(said(model), tuned, atol=1e-5, rtol=1e-4)


ATTENTION = WIDTH * RANK * 2  # of a projection: rank x in and out x rank
UP, DOWN = RANK * (WIDTH + INNER), RANK * (INNER + WIDTH)
HEAD = WIDTH * SYMBOLS + SYMBOLS


@pytest.mark.parametrize(
    ("kind", "targets", "dora", "expected"),
    [
        ("wav2vec2", "qv", False, LAYERS * 2 * ATTENTION),
        ("wav2vec2", "qkv", False, LAYERS * 3 * ATTENTION),
        ("wav2vec2", "qkvo", True, LAYERS * 4 * (ATTENTION + WIDTH)),
        ("wav2vec2", "all_linear", False, LAYERS * (4 * ATTENTION + UP + DOWN) + RANK * (8 + WIDTH)),
        ("wavlm", "qkvo", False, LAYERS * 4 * ATTENTION),
        ("whisper", "qkvo", False, LAYERS * 4 * ATTENTION),
        ("whisper", ["fc1", "v_proj"], False, LAYERS * (UP + ATTENTION)),
        ("wav2vec2_bert", "qkvo", False, LAYERS * 4 * ATTENTION),
    ],
)
def test_what_learns_is_counted_by_hand(kind: str, targets: Any, dora: bool, expected: int) -> None:
    model = adapted(kind, targets=targets, dora=dora)
    learning = {name: weight.numel() for name, weight in model.named_parameters() if weight.requires_grad}
    assert sum(learning.values()) == expected + HEAD
    assert all("lora_" in name or name.startswith("head.") for name in learning)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tuning", [Tuning(), Tuning("frozen", checkpointing=True), Tuning("last", last_layers=1)])
def test_a_gradient_reaches_all_that_learns_and_nothing_else(kind: str, tuning: Tuning) -> None:
    model = model_of(kind, tuning=tuning)
    LoRA(rank=RANK, targets="all_linear", dora=kind != "wavlm")(model)
    stirred(model).train()
    CTC()(model(BATCH), BATCH)["ctc"].backward()
    for name, weight in model.named_parameters():
        assert (weight.grad is not None) == weight.requires_grad, name
        # a gain on keys alone shifts all scores of a query alike where there is a bias: near nothing is left of it
        assert weight.grad is None or weight.grad.abs().sum() > 0, name


def test_its_weights_come_back_into_a_fresh_model_and_adapter() -> None:
    model = stirred(adapted("wav2vec2", dora=True))
    other = adapted("wav2vec2", seed=9, dora=True)
    assert not torch.allclose(said(model), said(other), atol=1e-3)
    other.load_state_dict(model.state_dict())
    assert torch.equal(said(model), said(other))
    assert adapter_state(model) == adapter_state(other)
    assert torch.equal(said(copy.deepcopy(model)), said(model))


@pytest.mark.parametrize("options", [{}, {"rslora": True}, {"dora": True}])
def test_the_norm_is_that_of_the_change_of_the_weights(options: dict[str, Any]) -> None:
    model = stirred(adapted("wav2vec2", alpha=12.0, **options))
    before = [layer.get_base_layer().weight.clone() for layer in layers_of(model)]
    merge(model)
    after = [layer.get_base_layer().weight.clone() for layer in layers_of(model)]
    expected = sum(float((one - other).square().sum()) for one, other in zip(before, after, strict=True)) ** 0.5
    unmerge(model)
    assert isinstance(model, Adapted)
    assert model.adapter_state()["lora"]["norm"] == pytest.approx(expected, rel=1e-4)
    found = lengths(model)
    assert list(found) == [name for name, module in model.named_modules() if hasattr(module, "base_layer")]
    for (change, weight), one, other in zip(found.values(), before, after, strict=True):
        assert weight == pytest.approx(float(torch.linalg.norm(one)), rel=1e-5)
        assert change == pytest.approx(float(torch.linalg.norm(other - one)), rel=1e-3)


def test_alpha_and_rank_scale_what_it_adds() -> None:
    model = adapted("wav2vec2", rank=4, alpha=6.0)
    assert {layer.scaling["lora"] for layer in layers_of(model)} == {1.5}
    model = adapted("wav2vec2", rank=4, alpha=6.0, rslora=True)
    assert {layer.scaling["lora"] for layer in layers_of(model)} == {3.0}


def test_it_learns_by_heart_with_a_frozen_base() -> None:
    model = adapted("wav2vec2", rank=8, targets="all_linear").train()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    frozen = {name: weight.clone() for name, weight in model.named_parameters() if not weight.requires_grad}
    optimizer = torch.optim.AdamW([one for one in model.parameters() if one.requires_grad], lr=1e-2)
    batch = replace(BATCH, targets={**BATCH.targets, "symbols": torch.tensor([[3, 1], [2, 1]])})
    for _ in range(120):
        optimizer.zero_grad()
        loss = CTC()(model(batch), batch)["ctc"]
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.2
    now = dict(model.named_parameters())
    assert all(torch.equal(weight, now[name]) for name, weight in frozen.items())


def test_moonshine_goes_by_the_same_names() -> None:
    from transformers import MoonshineConfig, MoonshineModel

    sizes = {"encoder_num_hidden_layers": 1, "decoder_num_hidden_layers": 1, "intermediate_size": 32}
    heads = {"encoder_num_attention_heads": 2, "decoder_num_attention_heads": 2}
    model = MoonshineModel(MoonshineConfig(hidden_size=16, vocab_size=20, **sizes, **heads))
    assert len(targeted(model, "qkvo")) == 3 * 4  # the encoder's attention, and the decoder's two
    LoRA(targets="qv")(model)  # no backbone: the whole freezes
    assert all("lora_" in name for name, weight in model.named_parameters() if weight.requires_grad)
    assert len(layers_of(model)) == 6


class Bodies(nn.Module):
    """A model that tells where adapters go."""

    bodies: Sequence[str] = ("parts.one",)

    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleDict({"one": nn.Sequential(nn.Linear(4, 4)), "two": nn.Sequential(nn.Linear(4, 4))})


def test_a_model_tells_where_adapters_go() -> None:
    model = Bodies()
    LoRA(targets="all_linear")(model)
    assert len(layers_of(model.parts["one"])) == 1
    assert not layers_of(model.parts["two"])
    assert all(weight.requires_grad for weight in model.parts["two"].parameters())


def test_what_would_do_nothing_is_refused() -> None:
    with pytest.raises(InputError, match=r"no layer is called so: name some of .*q_proj"):
        LoRA(targets=["query_projection"])(model_of("wav2vec2"))
    with pytest.raises(InputError, match="rank is 0"):
        LoRA(rank=0)
    closed = model_of("wavlm")
    for module in closed.modules():
        if type(module).__name__ == "WavLMAttention":
            module.calls_projections = False  # type: ignore[assignment]
    with pytest.raises(InputError, match="reads its weights itself"):
        LoRA()(closed)


def test_it_comes_from_its_configuration() -> None:
    adapter = make(compose("train", ["adapter=lora", "adapter.targets=[q_proj]"])["adapter"], "adapter")
    assert isinstance(adapter, LoRA)
    assert adapter.targets == ["q_proj"]
    with pytest.raises(InputError, match=r"adapter\.targets"):
        make(compose("train", ["adapter=lora", "adapter.targets=qq"])["adapter"], "adapter")
