"""WavLM's attention with called projections: the library's own numbers, and adapters that are heard."""

from __future__ import annotations

import copy
import warnings

import pytest
import torch
from peft import LoraConfig, inject_adapter_in_model
from torch import Tensor
from transformers import WavLMConfig, WavLMModel

from project.model.backbone.wavlm_attention import call_projections

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
SIZES |= {"conv_dim": [8] * 7, "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2}  # type: ignore[dict-item]
WAVE_BT = torch.randn(3, 4000, generator=torch.Generator().manual_seed(0))
WITHIN_BT = (torch.arange(4000) < torch.tensor([4000, 2500, 900])[:, None]).long()
FRAMES = (12, 7, 2)


def library() -> WavLMModel:
    torch.manual_seed(0)
    return WavLMModel(WavLMConfig(**SIZES, layerdrop=0.0)).eval()


def said(model: WavLMModel) -> list[Tensor]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*mismatched key_padding_mask.*")  # the library's own way
        rows = model(WAVE_BT, attention_mask=WITHIN_BT).last_hidden_state
    return [row[:frames] for row, frames in zip(rows, FRAMES, strict=True)]


def changed(model: WavLMModel) -> WavLMModel:
    made = copy.deepcopy(model)
    call_projections(made)
    return made


def test_it_says_what_the_library_says() -> None:
    model = library()
    for mine, theirs in zip(said(changed(model)), said(model), strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-6, rtol=1e-5)


def test_its_gradients_are_the_librarys() -> None:
    model = library()
    other = changed(model)
    for one in (model, other):
        sum(row.square().sum() for row in said(one)).backward()  # type: ignore[union-attr]
    theirs = dict(model.named_parameters())
    for name, weight in other.named_parameters():
        if theirs[name].grad is not None:
            torch.testing.assert_close(weight.grad, theirs[name].grad, atol=1e-4, rtol=1e-3)


def test_mixed_precision_is_near() -> None:
    model = library()
    whole = said(model)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = said(changed(model))
    for mine, theirs in zip(mixed, whole, strict=True):
        assert (mine.float() - theirs).norm() < 0.05 * theirs.norm()


@pytest.mark.parametrize("is_changed", [False, True])
def test_an_adapter_is_heard_only_so(is_changed: bool) -> None:
    """The reason for it all: as the library has it, an adapter on a projection does nothing."""
    model = changed(library()) if is_changed else library()
    before = said(model)
    inject_adapter_in_model(LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False), model)
    assert (not torch.allclose(said(model)[0], before[0], atol=1e-4)) == is_changed
