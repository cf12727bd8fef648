"""Qwen2-Audio's ear: what its language model would be given, and as many frames."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import Qwen2AudioConfig, Qwen2AudioForConditionalGeneration, WhisperFeatureExtractor

from project.model.backbone.qwen2_audio import Qwen2Audio

Waves = Callable[..., tuple[Tensor, Tensor]]

SIZES = {"d_model": 32, "encoder_layers": 2, "encoder_attention_heads": 2, "encoder_ffn_dim": 64, "num_mel_bins": 128}
SIZES |= {"max_source_positions": 100}  # 2 seconds
SAYS: dict[str, Any] = {"model_type": "qwen2", "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1}
SAYS |= {"num_attention_heads": 2, "num_key_value_heads": 2, "vocab_size": 50}
AUDIO = 49


@pytest.fixture(scope="module")
def whole() -> Qwen2AudioForConditionalGeneration:
    torch.manual_seed(0)
    config = Qwen2AudioConfig(audio_config=SIZES, text_config=SAYS, audio_token_index=AUDIO)
    return Qwen2AudioForConditionalGeneration(config).eval()


@torch.no_grad()
def test_it_is_what_the_language_model_is_given(
    whole: Qwen2AudioForConditionalGeneration, tmp_path: Path, waves: Waves
) -> None:
    """The library counts the placeholders that stand for frames, and refuses another number."""
    whole.save_pretrained(tmp_path)
    backbone = Qwen2Audio(init="pretrained", source=str(tmp_path)).eval()
    given: list[Tensor] = []
    tower = next(module for name, module in whole.named_modules() if name.endswith("audio_tower"))
    tower.register_forward_hook(lambda _, inputs, output: given.append(output.last_hidden_state[0]))
    waves_BN, lengths_B = waves(30000, 16001, 700)
    made_BTD, frames_B = backbone(waves_BN, lengths_B)
    extractor = WhisperFeatureExtractor(feature_size=128, chunk_length=2)
    for row, length in enumerate(lengths_B.tolist()):
        wave = waves_BN[row, :length].numpy()
        heard = extractor(wave, sampling_rate=16000, return_tensors="pt", return_attention_mask=True)
        ids_BL = torch.tensor([[1, *[AUDIO] * int(frames_B[row]), 2]])
        mask = heard["attention_mask"]
        whole(
            ids_BL,
            attention_mask=torch.ones_like(ids_BL),
            input_features=heard["input_features"],
            feature_attention_mask=mask,
        )
        _, expected = whole.get_submodule("model.audio_tower")._get_feat_extract_output_lengths(mask.sum(-1))
        assert int(expected) == frames_B[row]
        torch.testing.assert_close(made_BTD[row, : frames_B[row]], given[-1][: frames_B[row]], atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_all_its_layers_at_the_rate_of_the_last(waves: Waves) -> None:
    backbone = Qwen2Audio(config=SIZES).eval()
    layers, frames_B = backbone.all_layers(*waves(16000, 9000, 1))
    made_BTD, _ = backbone(*waves(16000, 9000, 1))
    assert len(layers) == len(backbone.layers) + 1
    assert {layer.shape for layer in layers} == {(3, 25, 32)}
    assert frames_B.tolist() == [25, 14, 1]
    assert torch.equal(layers[-1], made_BTD)
