"""Wav2Vec2-BERT: the library's extractor and model, with lengths that are halved where frames are, and only there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import SeamlessM4TFeatureExtractor, Wav2Vec2BertConfig, Wav2Vec2BertModel

from project.contract import InputError
from project.model.backbone.wav2vec2_bert import Wav2Vec2Bert

Waves = Callable[..., tuple[Tensor, Tensor]]

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
SIZES |= {"conv_depthwise_kernel_size": 5, "output_hidden_size": 48, "layerdrop": 0.0, "apply_spec_augment": False}
DURATIONS = (1, 400, 559, 560, 719, 720, 880, 1040, 1041, 1200, 1360, 2000, 4321, 16000, 16159, 16160, 24077)


@pytest.mark.parametrize("adapter_layers", [0, 1, 2])
@torch.no_grad()
def test_it_is_the_librarys_extractor_and_model(tmp_path: Path, waves: Waves, adapter_layers: int) -> None:
    torch.manual_seed(0)
    added = {"add_adapter": adapter_layers > 0, "num_adapter_layers": adapter_layers}
    library = Wav2Vec2BertModel(Wav2Vec2BertConfig(**SIZES, **added, mask_time_prob=0.0)).eval()
    library.save_pretrained(tmp_path)
    backbone = Wav2Vec2Bert(init="pretrained", source=str(tmp_path), adapter_layers=adapter_layers).eval()
    waves_BN, lengths_B = waves(30000, 16001, 700)
    made_BTD, frames_B = backbone(waves_BN, lengths_B)
    extractor = SeamlessM4TFeatureExtractor()
    for row, length in enumerate(lengths_B.tolist()):
        heard = extractor(waves_BN[row, :length].numpy(), sampling_rate=16000, return_tensors="pt")
        pairs = int(heard["attention_mask"].sum())
        expected_TD = library(heard["input_features"][:, :pairs]).last_hidden_state[0]
        assert len(expected_TD) == frames_B[row]
        torch.testing.assert_close(made_BTD[row, : frames_B[row]], expected_TD, atol=2e-3, rtol=2e-3)


@pytest.mark.parametrize(("adapter_layers", "rate", "width"), [(0, 50.0, 32), (1, 25.0, 48), (2, 12.5, 48)])
@torch.no_grad()
def test_lengths_against_what_comes_out(waves: Waves, adapter_layers: int, rate: float, width: int) -> None:
    backbone = Wav2Vec2Bert(config=SIZES, adapter_layers=adapter_layers).eval()
    assert (backbone.frame_rate, backbone.num_features) == (rate, width)
    for samples in DURATIONS:
        made_BTD, frames_B = backbone(*waves(samples))
        assert made_BTD.shape == (1, int(frames_B[0]), width)
        assert torch.isfinite(made_BTD).all()
    second = backbone.num_output_frames(torch.tensor([160000]))
    assert abs(int(second[0]) / 10 - rate) < 0.5


@torch.no_grad()
def test_an_adapter_does_not_hear_the_padding(waves: Waves) -> None:
    """Its norms make something of nothing, so zeros before them would not do."""
    torch.manual_seed(0)
    backbone = Wav2Vec2Bert(config=SIZES, adapter_layers=2).eval()
    for weight in backbone.parameters():
        weight.add_(0.1 * torch.randn(weight.shape))
    together_BTD, frames_B = backbone(*waves(16000, 9001, 5200, 300))
    for row, length in enumerate((16000, 9001, 5200, 300)):
        alone_BTD, _ = backbone(*waves(length))
        torch.testing.assert_close(together_BTD[row, : frames_B[row]], alone_BTD[0], atol=1e-4, rtol=1e-4)


def test_a_new_adapter_on_old_weights(tmp_path: Path) -> None:
    Wav2Vec2BertModel(Wav2Vec2BertConfig(**SIZES)).save_pretrained(tmp_path)
    backbone = Wav2Vec2Bert(init="pretrained", source=str(tmp_path), adapter_layers=1)
    assert len(backbone.above) == 1
    with pytest.raises(InputError, match=r"frames of another rate: set 0, or model\.mix=last"):
        backbone.all_layers(torch.zeros(1, 1000), torch.tensor([1000]))
