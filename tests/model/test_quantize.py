"""Frozen layers in few bits: near the originals, smaller, saved and loaded, and beside an adapter that learns."""

from __future__ import annotations

import copy
import importlib.util
import sys

import pytest
import torch
from torch import Tensor, nn

from project.adapter.lora import LoRA, adapter_state
from project.contract import InputError
from project.model.backbone.wave_transformer import WaveTransformer
from project.model.backbone.wavlm_attention import call_projections
from project.model.quantize import Bits, quantize

needs_library = pytest.mark.skipif(
    importlib.util.find_spec("bitsandbytes") is None, reason="bitsandbytes, an extra, is not installed"
)
WIDTH, LAYERS = 64, 2
CONFIG = {
    "hidden_size": WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": 2, "intermediate_size": 128,
    "conv_dim": [8] * 7, "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2,
}  # fmt: skip
WAVE_BT = torch.randn(2, 4800, generator=torch.Generator().manual_seed(0))


def backbone(kind: str = "wav2vec2", seed: int = 0) -> WaveTransformer:
    torch.manual_seed(seed)
    made = WaveTransformer(kind, config=CONFIG)  # type: ignore[arg-type]
    call_projections(made)
    return made.requires_grad_(False).eval()


def said(model: nn.Module) -> Tensor:
    features_BTD: Tensor = model(WAVE_BT, torch.tensor([4800, 3200]))[0]
    return features_BTD


def num_bytes(module: nn.Module) -> int:
    """What a state dict holds in memory."""
    return sum(value.numel() * value.element_size() for value in module.state_dict().values())


@needs_library
@pytest.mark.parametrize("kind", ["wav2vec2", "wavlm"])
@pytest.mark.parametrize(("bits", "most"), [("nf4", 0.15), ("int8", 0.02)])
def test_it_is_near_the_original_and_smaller(kind: str, bits: Bits, most: float) -> None:
    model = backbone(kind)
    whole, before = said(model), num_bytes(model.model.encoder.layers)
    count = quantize(model, bits)
    assert count == LAYERS * 6
    difference = (said(model) - whole).norm() / whole.norm()
    assert 0 < difference < most
    assert num_bytes(model.model.encoder.layers) < before * (0.25 if bits == "nf4" else 0.35)


@needs_library
@pytest.mark.parametrize("bits", ["nf4", "int8"])
def test_its_weights_come_back_into_a_model_quantized_alike(bits: Bits) -> None:
    model, other = backbone(), backbone(seed=5)
    quantize(model, bits)
    expected = said(model)
    quantize(other, bits)
    assert not torch.allclose(said(other), expected, atol=1e-2)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    assert {name: value.shape for name, value in other.state_dict().items()} == {n: v.shape for n, v in state.items()}
    other.load_state_dict(state)
    assert torch.equal(said(other), expected)
    again = other.state_dict()
    assert all(torch.equal(value, again[name]) for name, value in state.items())
    assert torch.equal(said(copy.deepcopy(other)), expected)


@needs_library
@pytest.mark.parametrize("bits", ["nf4", "int8"])
def test_an_adapter_learns_beside_it(bits: Bits) -> None:
    model = backbone()
    quantize(model, bits)
    expected = said(model)
    LoRA(rank=2, targets="qkvo")(model)
    torch.testing.assert_close(said(model), expected, atol=1e-5, rtol=1e-5)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.normal_()
    said(model).square().sum().backward()
    learning = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    assert len(learning) == LAYERS * 4 * 2
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in learning.values())
    assert adapter_state(model)["lora"]["norm"] > 0
    state, other = model.state_dict(), backbone(seed=5)
    quantize(other, bits)
    LoRA(rank=2, targets="qkvo")(other)
    other.load_state_dict(state)
    torch.testing.assert_close(said(other), said(model), atol=0, rtol=0)


@needs_library
def test_what_learns_keeps_its_precision() -> None:
    model = backbone()
    layers = model.model.encoder.layers
    layers[-1].requires_grad_(True)
    assert quantize(model, "nf4") == (LAYERS - 1) * 6
    assert type(layers[-1].attention.q_proj) is nn.Linear
    with pytest.raises(InputError, match="no large linear layer is frozen"):
        quantize(layers[-1], "nf4")


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(InputError, match=r"pip install 'scansion\[quantized\]'"):
        quantize(backbone(), "nf4")
