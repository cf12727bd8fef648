"""The ear of Qwen2-Audio: Whisper's encoder taught further, with the silence behind an example masked, at 25 Hz.

Lengths are reckoned as the library reckons them for the language model behind it, which is not part of this.
"""

from __future__ import annotations

from typing import Any, ClassVar, final

from torch import Tensor

from project.model.backbone.library import LibraryEncoder
from project.model.backbone.mel import HOP, clip, whisper_mel
from project.padding import inside

# B examples, N samples, T frames, D features

_FEWEST = 3  # mel frames that make an output frame


@final
class Qwen2Audio(LibraryEncoder):
    """Log-mel frames, made here, and the library's Qwen2AudioEncoder, which pools pairs of frames at its end.

    `config.max_source_positions` is half the mel frames of a clip: 1500 are 30 seconds, and nothing longer goes in.
    """

    frame_rate = 25.0
    kind = "qwen2_audio"
    config_class = "Qwen2AudioEncoderConfig"
    level = "none"  # full scale is 1, and how loud it is counts
    parts: ClassVar = {r"^model\.audio_tower\.": "", r"^audio_tower\.": ""}

    def encoder_class(self) -> Any:
        """The encoder alone, without the language model behind it."""
        from transformers import Qwen2AudioEncoder

        return Qwen2AudioEncoder

    def heard(self, wave_BN: Tensor, lengths_B: Tensor) -> dict[str, Tensor]:
        """Mel frames of the whole clip, and the mask within which frames look at each other."""
        config = self.encoder.config
        positions = int(config.max_source_positions)
        mel_BFT = whisper_mel(clip(wave_BN, lengths_B, 2 * HOP * positions), int(config.num_mel_bins))
        seen_BT = inside(_convolved(lengths_B), positions)
        mask_B1TT = seen_BT[:, None, None].expand(-1, 1, positions, -1)
        return {"input_features": mel_BFT, "attention_mask": mask_B1TT}

    def pooled(self, x_BTD: Tensor) -> Tensor:
        """Pairs of frames, as behind the last layer."""
        paired_BTD: Tensor = self.encoder.avg_pooler(x_BTD.transpose(1, 2)).transpose(1, 2)
        return paired_BTD

    def num_output_frames(self, num_samples: Tensor) -> Tensor:
        """Whole pairs of what a convolution by 2 makes of the mel frames, begun ones included; at least one."""
        return _convolved(num_samples) // 2


def _convolved(num_samples: Tensor) -> Tensor:
    """Frames before the pooling.

    >>> import torch
    >>> _convolved(torch.tensor([1, 16000, 16001])).tolist()
    [2, 50, 51]
    """
    mel_frames = ((num_samples + HOP - 1) // HOP).clamp(min=_FEWEST)
    return (mel_frames + 1) // 2
