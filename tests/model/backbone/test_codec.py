"""Codes of a codec: those of the library, the same alone and in a batch; what learns, and what never does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.signal import resample_poly
from torch import Tensor
from transformers import EncodecConfig, EncodecModel

from project.contract import InputError
from project.model.backbone.codec import CodecTokens
from project.model.backbone.resample import resampled
from project.model.sequence_encoder import TCN

Waves = Callable[..., tuple[Tensor, Tensor]]

ENCODEC: dict[str, Any] = dict(CodecTokens.TINY)
MIMI = {"num_filters": 4, "hidden_size": 16, "codebook_size": 64, "codebook_dim": 8, "num_quantizers": 6}
MIMI |= {"vector_quantization_hidden_dimension": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
MIMI |= {"num_key_value_heads": 2, "head_dim": 8, "intermediate_size": 32, "upsample_groups": 1}
KINDS = {"encodec": (ENCODEC, {}), "mimi": (MIMI, {"spread": 4})}


def tokens(kind: str = "encodec", **options: Any) -> CodecTokens:
    torch.manual_seed(0)
    config, usual = KINDS[kind]
    settings = {"config": config, "codebooks": 4} | usual | options
    return CodecTokens(TCN(24, channels=16, layers=2), kind, **settings).eval()


@pytest.mark.parametrize(("source", "target"), [(16000, 24000), (16000, 8000), (16000, 16000)])
def test_resampling_against_scipy(voice: Callable[..., Tensor], source: int, target: int) -> None:
    waves_BN = torch.stack([voice(4001), voice(4001, seed=1)])
    expected = resample_poly(waves_BN.double().numpy(), target, source, axis=1)
    np.testing.assert_allclose(resampled(waves_BN, source, target).numpy(), expected, atol=1e-5)


def test_codes_are_the_librarys(voice: Callable[..., Tensor], tmp_path: Path) -> None:
    """Of a recording that ends with a frame, for behind its end the library mirrors it, and here is silence."""
    torch.manual_seed(0)
    library = EncodecModel(EncodecConfig(**ENCODEC)).eval()
    for layer in library.quantizer.layers:
        layer.codebook.embed.copy_(torch.randn(layer.codebook.embed.shape))
    library.save_pretrained(tmp_path)
    backbone = tokens(init="pretrained", source=str(tmp_path), config={})
    wave_N = voice(16000)
    heard_N = torch.from_numpy(resample_poly(wave_N.numpy(), 3, 2).astype(np.float32))
    expected = library.encode(heard_N[None, None], bandwidth=24.0).audio_codes[0]
    codes_BKT, frames_B = backbone.codes(wave_N[None], torch.tensor([16000]))
    assert frames_B.tolist() == [75]
    assert codes_BKT.shape == (1, 4, 75)
    assert (codes_BKT == expected[:, :4]).float().mean() > 0.99


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_alone_and_in_a_batch(kind: str, waves: Waves) -> None:
    backbone = tokens(kind)
    lengths = (16000, 9001, 3000, 300, 1)
    together_BKT, frames_B = backbone.codes(*waves(*lengths))
    rate = {"encodec": 75, "mimi": 12.5}[kind]
    assert frames_B.tolist() == [max(1, -int(-length * rate // 16000)) for length in lengths]
    for row, length in enumerate(lengths):
        alone_BKT, _ = backbone.codes(*waves(length))
        assert torch.equal(alone_BKT[0], together_BKT[row, :, : frames_B[row]])
    made_BTD, made_B = backbone(*waves(*lengths))
    assert made_BTD.shape[1] == made_B[0]
    assert backbone.frame_rate == {"encodec": 75.0, "mimi": 50.0}[kind]
    assert torch.equal(made_B, frames_B * round(backbone.frame_rate / rate))


@pytest.mark.parametrize("kind", KINDS)
def test_random_words_say_different_things(kind: str, voice: Callable[..., Tensor]) -> None:
    codes_BKT, _ = tokens(kind).codes(voice(48000)[None], torch.tensor([48000]))
    for codes_T in codes_BKT[0]:
        assert len(codes_T.unique()) >= min(10, len(codes_T) // 3)


@pytest.mark.parametrize("kind", KINDS)
def test_the_codec_never_learns(kind: str, waves: Waves) -> None:
    backbone = tokens(kind).requires_grad_(True).train()
    assert not [name for name, _ in backbone.named_parameters() if name.startswith("codec.")]
    assert not backbone.codec.training
    backbone(*waves(16000, 3000))[0].square().sum().backward()
    assert all(weight.grad is not None for weight in backbone.parameters())
    before = backbone.codes(*waves(16000))[0]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(backbone.codes(*waves(16000))[0], before)


@pytest.mark.parametrize("kind", KINDS)
def test_codes_come_with_the_weights(kind: str, waves: Waves) -> None:
    """Into one that has been used before, as when a run goes on."""
    first, second = tokens(kind), tokens(kind)
    for name, value in second.codec.state_dict().items():
        if "embed" in name:
            value.copy_(torch.randn(value.shape))
    second.codes(*waves(16000))
    second.load_state_dict(first.state_dict())
    assert torch.equal(first.codes(*waves(16000))[0], second.codes(*waves(16000))[0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"codebooks": 54}, "this codec has 53 codebooks"),
        ({"spread": 0}, "spread of 1 or more"),
        ({"config": ENCODEC | {"audio_channels": 2}}, "take one that hears one channel as it comes"),
        ({"config": ENCODEC | {"normalize": True}}, "levels whole recordings"),
        ({"config": ENCODEC | {"target_bandwidths": [0.5]}, "codebooks": 2}, "this codec has 1 codebooks"),
    ],
)
def test_what_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        tokens(**options)
