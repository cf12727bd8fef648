"""Whisper: the library's extractor and encoder, its frames cut out; weights out of a checkpoint of the whole model."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration

from project.contract import InputError
from project.model.backbone.whisper import Whisper

Waves = Callable[..., tuple[Tensor, Tensor]]

SIZES = {"d_model": 32, "encoder_layers": 2, "encoder_attention_heads": 2, "encoder_ffn_dim": 64, "num_mel_bins": 128}
SIZES |= {"max_source_positions": 100}  # 2 seconds


@pytest.fixture(scope="module")
def whole() -> WhisperForConditionalGeneration:
    torch.manual_seed(0)
    decoder = {"decoder_layers": 1, "decoder_attention_heads": 2, "decoder_ffn_dim": 64, "vocab_size": 50}
    special = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1}
    return WhisperForConditionalGeneration(WhisperConfig(**SIZES, **decoder, **special)).eval()


@pytest.fixture
def saved(whole: WhisperForConditionalGeneration, tmp_path: Path) -> str:
    whole.save_pretrained(tmp_path / "whisper")
    return str(tmp_path / "whisper")


@torch.no_grad()
def test_it_is_the_librarys_extractor_and_encoder(
    whole: WhisperForConditionalGeneration, saved: str, waves: Waves
) -> None:
    backbone = Whisper(init="pretrained", source=saved).eval()
    waves_BN, lengths_B = waves(30000, 16001, 700)
    made_BTD, frames_B = backbone(waves_BN, lengths_B)
    extractor = WhisperFeatureExtractor(feature_size=128, chunk_length=2)
    for row, length in enumerate(lengths_B.tolist()):
        mel = extractor(waves_BN[row, :length].numpy(), sampling_rate=16000, return_tensors="pt").input_features
        expected_TD = whole.model.encoder(mel).last_hidden_state[0, : frames_B[row]]
        torch.testing.assert_close(made_BTD[row, : frames_B[row]], expected_TD, atol=1e-4, rtol=1e-4)


def test_weights_of_half_precision_become_whole(whole: WhisperForConditionalGeneration, tmp_path: Path) -> None:
    whole.half().save_pretrained(tmp_path)
    whole.float()
    backbone = Whisper(init="pretrained", source=str(tmp_path))
    assert {weight.dtype for weight in backbone.parameters()} == {torch.float32}


def test_lengths_are_those_of_the_recording() -> None:
    backbone = Whisper(config=SIZES)
    samples_B = torch.tensor([1, 159, 160, 479, 480, 16000, 16159, 16160, 32000])
    expected = [max(1, math.ceil((n // 160) / 2)) for n in samples_B.tolist()]
    assert backbone.num_output_frames(samples_B).tolist() == expected


def test_a_recording_that_is_too_long_is_refused(waves: Waves) -> None:
    backbone = Whisper(config=SIZES)
    with pytest.raises(InputError, match=r"2\.5 s long, and this encoder hears 2 s at most"):
        backbone(*waves(40000, 300))
    waves_BN, lengths_B = waves(40000, 300)
    backbone(waves_BN[1:], lengths_B[1:])  # padded further than any clip, but short


@torch.no_grad()
def test_all_its_layers(waves: Waves) -> None:
    backbone = Whisper(config=SIZES).eval()
    layers, frames_B = backbone.all_layers(*waves(16000, 9000))
    made_BTD, again_B = backbone(*waves(16000, 9000))
    assert len(layers) == len(backbone.layers) + 1
    assert {layer.shape for layer in layers} == {(2, 50, 32)}
    assert torch.equal(layers[-1], made_BTD)
    assert torch.equal(frames_B, again_B)


def test_places_are_never_learned() -> None:
    backbone = Whisper(config=SIZES).requires_grad_(True)
    assert not [name for name, _ in backbone.named_parameters() if "embed_positions" in name]
    assert "encoder.embed_positions.weight" in backbone.state_dict()
