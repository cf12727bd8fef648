"""Whisper's encoder: it was taught on clips of 30 seconds, so each example is padded to that, and its frames cut out.

Silence behind an example is part of what the encoder was taught to hear, and it attends to it: an example comes out the
same alone and in any batch. Frames of the silence are no output: lengths are those of the example.
"""

from __future__ import annotations

from typing import Any, ClassVar, final

from torch import Tensor

from project.model.backbone.library import LibraryEncoder
from project.model.backbone.mel import HOP, clip, whisper_mel

# B examples, N samples


@final
class Whisper(LibraryEncoder):
    """Log-mel frames, made here, and the library's WhisperEncoder; 50 output frames a second.

    `config.max_source_positions` is half the mel frames of a clip: 1500 are 30 seconds, and nothing longer goes in.
    """

    frame_rate = 50.0
    kind = "whisper"
    config_class = "WhisperConfig"
    level = "none"  # full scale is 1, and how loud it is counts
    parts: ClassVar = {r"^model\.encoder\.": "", r"^encoder\.": ""}

    def encoder_class(self) -> Any:
        """The encoder alone, without the language model behind it."""
        from transformers.models.whisper.modeling_whisper import WhisperEncoder

        return WhisperEncoder

    def heard(self, wave_BN: Tensor, lengths_B: Tensor) -> dict[str, Tensor]:
        """Mel frames of the whole clip."""
        config = self.encoder.config
        clip_BN = clip(wave_BN, lengths_B, 2 * HOP * int(config.max_source_positions))
        mel_BFT = whisper_mel(clip_BN, int(config.num_mel_bins))
        return {"input_features": mel_BFT.to(self.encoder.conv1.weight.dtype)}

    def num_output_frames(self, num_samples: Tensor) -> Tensor:
        """One for two mel frames, begun ones included; at least one."""
        return ((num_samples // HOP + 1) // 2).clamp(min=1)
