"""Features of sound in torch: envelope, filterbank and samples, of each example of a padded batch as if it were alone.

The features themselves are numpy, one example at a time; these are the same in operations that a graph can hold.
"""

from __future__ import annotations

from typing import final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from project.contract import InputError
from project.exporting.rows import ceil_div, means, rows_at
from project.feature import fbank, samples
from project.feature.envelope import Envelope
from project.feature.fbank import Fbank
from project.feature.samples import Samples
from project.padding import inside

# B examples, N samples, T frames, F bands, K frequencies, W samples of a window


@final
class EnvelopeGraph(nn.Module):
    """(B, N) sound -> (B, T, 2) level and state."""

    def __init__(self, feature: Envelope) -> None:
        super().__init__()
        told = feature.settings
        if told["band_hz"] is not None:
            raise InputError(
                "feature.band_hz: a filter that runs forwards and backwards cannot be put into a graph: set "
                "format=package, or train with feature.band_hz=null"
            )
        self._hop: int = told["sample_rate"] // told["frame_rate"]
        self._window = max(1, round(told["smooth_ms"] / 1000 * told["sample_rate"]))
        self._threshold: float = told["threshold_ratio"]

    def forward(self, wave_BN: Tensor, lengths_B: Tensor) -> tuple[Tensor, Tensor]:
        """The columns and their numbers of frames."""
        loud_BN = wave_BN.abs().double() * inside(lengths_B, wave_BN.shape[1])
        sums_BN1 = functional.pad(loud_BN.cumsum(dim=1), (1, 0))[..., None]
        frames = (wave_BN.shape[1] + self._hop - 1) // self._hop
        begin_T = torch.arange(frames, device=wave_BN.device) * self._hop + (self._hop - self._window) // 2
        end_BT = (begin_T + self._window).clamp(min=1)[None].minimum(lengths_B[:, None])
        begin_BT = begin_T.clamp(min=0)[None].minimum(end_BT - 1).clamp(min=0)
        level_BT = (rows_at(sums_BN1, end_BT) - rows_at(sums_BN1, begin_BT))[..., 0] / (end_BT - begin_BT)
        frames_B = ceil_div(lengths_B, self._hop)
        level_BT = level_BT * inside(frames_B, frames)
        peak_B1 = level_BT.amax(dim=1, keepdim=True)
        level_BT = torch.where(peak_B1 > 0, level_BT / peak_B1.clamp(min=1e-300), level_BT)
        states_BT = (level_BT >= self._threshold) & inside(frames_B, frames)
        return torch.stack([level_BT.float(), states_BT.float()], dim=2), frames_B


@final
class FbankGraph(nn.Module):
    """(B, N) sound -> (B, T, F) levelled log power in bands."""

    def __init__(self, feature: Fbank) -> None:
        super().__init__()
        told = feature.settings
        rate: int = told["sample_rate"]
        self._hop = rate // told["frame_rate"]
        window = round(fbank._WINDOW_SECONDS * rate)
        size = 1 << (window - 1).bit_length()
        angles_KW = -2 * np.pi / size * np.outer(np.arange(size // 2 + 1), np.arange(window))
        taper_W = np.hanning(window + 2)[1:-1] / np.sqrt(window)
        weight_KW = np.concatenate([np.cos(angles_KW), np.sin(angles_KW)]) * taper_W
        bands_KF = fbank.mel_bands(told["bands"], size, rate, told["low_hz"])
        self.weight_K1W: Tensor
        self.bands_KF: Tensor
        self.register_buffer("weight_K1W", torch.from_numpy(weight_KW.astype(np.float32))[:, None])
        self.register_buffer("bands_KF", torch.from_numpy(bands_KF))

    def forward(self, wave_BN: Tensor, lengths_B: Tensor) -> tuple[Tensor, Tensor]:
        """The bands and their numbers of frames."""
        wave_BN = wave_BN * inside(lengths_B, wave_BN.shape[1])
        before_BN = functional.pad(wave_BN, (1, 0))[:, :-1]  # the first sample has none, as after silence
        risen_BN = (wave_BN - fbank._PREEMPHASIS * before_BN) * inside(lengths_B, wave_BN.shape[1])
        window, frames = self.weight_K1W.shape[2], (wave_BN.shape[1] + self._hop - 1) // self._hop
        padded_B1N = functional.pad(risen_BN, ((window - self._hop) // 2, window))[:, None]
        spectrum_BKT = functional.conv1d(padded_B1N, self.weight_K1W, stride=self._hop)[:, :, :frames]
        real_BKT, imaginary_BKT = spectrum_BKT.chunk(2, dim=1)
        # in double precision: of a band that hardly varies, what varies is small beside the rest
        power_BTK = (real_BKT.square() + imaginary_BKT.square()).transpose(1, 2).double()
        frames_B = ceil_div(lengths_B, self._hop).clamp(min=1)
        # over the floor, which the level takes out again: onnxscript's optimizer drops the addition of what is as small
        return levelled((power_BTK @ self.bands_KF / fbank._FLOOR + 1).log(), frames_B).float(), frames_B


def levelled(x_BTF: Tensor, lengths_B: Tensor) -> Tensor:
    """Each column with mean 0 and deviation 1 inside each length; one that does not vary is 0, and so is all beyond."""
    inside_BT1 = inside(lengths_B, x_BTF.shape[1])[..., None]
    centred_BTF = (x_BTF - means(x_BTF, lengths_B)[:, None]) * inside_BT1
    deviation_B1F = means(centred_BTF.square(), lengths_B).sqrt()[:, None]
    varies_B1F = deviation_B1F > 1e-6
    return torch.where(varies_B1F, centred_BTF / torch.where(varies_B1F, deviation_B1F, 1), 0)


@final
class SamplesGraph(nn.Module):
    """(B, N) sound -> (B, N, 1) at one loudness."""

    def __init__(self, feature: Samples) -> None:
        super().__init__()
        self._level: str = feature.settings["level"]

    def forward(self, wave_BN: Tensor, lengths_B: Tensor) -> tuple[Tensor, Tensor]:
        """The samples and how many there are."""
        inside_BN1 = inside(lengths_B, wave_BN.shape[1])[..., None]
        wave_BN1 = wave_BN[..., None] * inside_BN1
        exact_BN1 = wave_BN1.double()
        if self._level == "standard":
            centred_BN1 = (exact_BN1 - means(exact_BN1, lengths_B)[:, None]) * inside_BN1
            variance_B11 = means(centred_BN1.square(), lengths_B)[:, None]
            return (centred_BN1 / (variance_B11 + samples._FLOOR).sqrt()).float(), lengths_B
        if self._level == "rms":
            rms_B11 = means(exact_BN1.square(), lengths_B).sqrt()[:, None]
            factor_B11 = torch.where(rms_B11 > 0, samples._RMS / torch.where(rms_B11 > 0, rms_B11, 1), 1)
            return wave_BN1 * factor_B11.float(), lengths_B
        return wave_BN1, lengths_B
