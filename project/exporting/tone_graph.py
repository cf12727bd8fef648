"""The envelope of a keyed tone in torch: what `project.feature.tone_envelope` makes of each example of a padded batch.

The feature itself is numpy, one example at a time; this is the same in operations that an exported graph can hold.
What is not causal looks at whole recordings, so lengths enter everywhere.
"""

from __future__ import annotations

from typing import final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from project.contract import InputError
from project.exporting.rows import ceil_div, quantile, row_at, rows_at, sorted_rows
from project.exporting.tone_path import best_path, leaping, on_time
from project.feature import tone, tone_envelope
from project.feature.tone_envelope import ToneEnvelope
from project.padding import inside

# B examples, N samples, H hops, K frequencies, S steps of the track, T frames, W window lengths

_TINY = 1e-20


@final
class ToneGraph(nn.Module):
    """(B, N) sound at the feature's sample rate -> (B, T, F) its columns."""

    def __init__(self, feature: ToneEnvelope) -> None:
        super().__init__()
        told = feature.settings
        if told["causal"]:
            raise InputError(
                "feature.causal=true: a level that is followed from hop to hop cannot be put into a graph: set "
                "format=package, or train with feature.causal=false"
            )
        self._rate: int = told["sample_rate"]
        self._frame_hop = self._rate // told["frame_rate"]
        self._windows = [max(1, round(length / 1000 * self._rate)) for length in told["integrate_ms"]]
        self._peak_frames = max(1, round(told["peak_seconds"] * told["frame_rate"]))
        self._hop = round(tone._HOP_SECONDS * self._rate)
        self._step = tone._STEP * self._hop
        self._width = max(1, round(told["average_seconds"] / (self._hop / self._rate * tone._STEP)))
        weight_K1W, self._low_hz, self._spacing = spectrum(self._rate, told["band_hz"])
        self.weight_K1W: Tensor
        self.register_buffer("weight_K1W", weight_K1W)

    def forward(self, wave_BN: Tensor, lengths_B: Tensor) -> tuple[Tensor, Tensor]:
        """The columns and their numbers of frames."""
        wave_BN = wave_BN * inside(lengths_B, wave_BN.shape[1])
        frames_B = ceil_div(lengths_B, self._frame_hop)
        parts = self._at_zero(wave_BN, lengths_B)
        powers = [self._power(parts, window) for window in self._windows]
        floors = self._floors(powers, frames_B)
        scale = 10 / tone_envelope._RANGE_DB
        levels = [scale * torch.log10(1 + power / floor[:, None]) for power, floor in zip(powers, floors, strict=True)]
        middle = min(1, len(powers) - 1)
        size = 2 * self._peak_frames + 1
        peak_BT = functional.max_pool1d(powers[middle][:, None], size, 1, self._peak_frames)[:, 0]
        under_BT = (powers[middle] / torch.maximum(peak_BT, 9 * floors[middle][:, None])).sqrt()
        frames_BTF = torch.stack([*levels, under_BT, (under_BT > 0.5).to(under_BT.dtype)], dim=2).clamp(0, 1)
        return frames_BTF * inside(frames_B, frames_BTF.shape[1])[..., None], frames_B

    def tone_hz(self, wave_BN: Tensor, lengths_B: Tensor) -> Tensor:
        """(B, N) the tone's frequency at each sample, in float32."""
        white_BHK, shaped_BHK, hops_B = self._whitened(wave_BN, lengths_B)
        steps_B = ceil_div(hops_B, tone._STEP)
        sharp_BSK, dull_BSK = (self._steps(one, hops_B) for one in (white_BHK, shaped_BHK))
        white_BSK, shaped_BSK = (self._averaged(one, steps_B) for one in (sharp_BSK, dull_BSK))
        path_BS = best_path(white_BSK.clamp(min=1).log(), steps_B)
        path_BS = on_time(leaping(path_BS, self._width), sharp_BSK.clamp(min=1).log(), steps_B, self._width)
        track_BS = self._low_hz + self._spacing * placed(shaped_BSK, path_BS).float()
        samples_N = torch.arange(wave_BN.shape[1], device=wave_BN.device)
        place_N = samples_N.double() / self._step - 0.5
        left_N = place_N.floor()
        last_B1 = (steps_B - 1)[:, None]
        left_BN, right_BN = (
            track_BS.gather(1, one_N.long().clamp(min=0)[None].minimum(last_B1)).double()
            for one_N in (left_N, left_N + 1)
        )
        hertz_BN: Tensor = left_BN + (right_BN - left_BN) * (place_N - left_N)
        return hertz_BN.float()

    def _at_zero(self, wave_BN: Tensor, lengths_B: Tensor) -> tuple[Tensor, Tensor]:
        """The signal with its tone at zero frequency: real and imaginary part."""
        turns_BN = self.tone_hz(wave_BN, lengths_B).double().cumsum(dim=1) / self._rate
        phase_BN = (2 * np.pi * (turns_BN - turns_BN.floor())).float()
        return wave_BN * phase_BN.cos(), wave_BN * -phase_BN.sin()

    def _whitened(self, wave_BN: Tensor, lengths_B: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Power in units of the noise, the same with its shape over frequencies kept, and how many hops there are."""
        window = self.weight_K1W.shape[2]
        hops = (wave_BN.shape[1] + self._hop - 1) // self._hop
        hops_B = ceil_div(lengths_B.clamp(min=1), self._hop)
        padded_B1N = functional.pad(wave_BN, (window // 2, window))[:, None]
        spectrum_BHK = functional.conv1d(padded_B1N, self.weight_K1W, stride=self._hop)[:, :, :hops].transpose(1, 2)
        real_BHK, imaginary_BHK = spectrum_BHK.chunk(2, dim=2)
        power_BHK = real_BHK.square() + imaginary_BHK.square()
        power_BHK = power_BHK * inside(hops_B, power_BHK.shape[1])[..., None]
        share = -np.log(1 - tone._IDLE)
        floor_BK = row_at(sorted_rows(power_BHK, hops_B), hops_B // round(1 / tone._IDLE)) / share
        loud_B = quantile(floor_BK, torch.full_like(hops_B, floor_BK.shape[1]), 0.9)
        least_B = torch.maximum(tone._FILTERED * loud_B, tone._DEEPEST * power_BHK.amax(dim=(1, 2))).clamp(min=_TINY)
        white_BHK = power_BHK / torch.maximum(floor_BK, least_B[:, None])[:, None]
        place = int(tone._IDLE * white_BHK.shape[2])
        moment_BH1 = (white_BHK.sort(dim=2).values[..., place : place + 1] / share).clamp(min=1)
        return (white_BHK / moment_BH1).clamp(max=tone._LARGEST), power_BHK / moment_BH1, hops_B

    def _steps(self, x_BHK: Tensor, hops_B: Tensor) -> Tensor:
        """(B, S, K) means over the hops of each step; the last one goes on as its last hop."""
        steps = (x_BHK.shape[1] + tone._STEP - 1) // tone._STEP
        hops_BH = torch.arange(steps * tone._STEP, device=x_BHK.device)[None].minimum((hops_B - 1)[:, None])
        steps_BSK = rows_at(x_BHK.double(), hops_BH)
        return steps_BSK.reshape(steps_BSK.shape[0], -1, tone._STEP, steps_BSK.shape[2]).mean(dim=2)

    def _averaged(self, steps_BSK: Tensor, steps_B: Tensor) -> Tensor:
        """Means over some steps around each; ends go on as they are."""
        around_W = torch.arange(self._width, device=steps_BSK.device) - self._width // 2
        steps_S = torch.arange(steps_BSK.shape[1], device=steps_BSK.device)
        places_SW = (steps_S[:, None] + around_W).clamp(min=0)
        places_BSW = places_SW[None].minimum((steps_B - 1)[:, None, None])
        around_BSK = rows_at(steps_BSK, places_BSW.flatten(1))
        return around_BSK.reshape(around_BSK.shape[0], -1, self._width, around_BSK.shape[2]).mean(dim=2)

    def _power(self, parts: tuple[Tensor, Tensor], window: int) -> Tensor:
        """(B, T) mean power of the sums over a window around each frame's middle."""
        sums = [self._sums(part_BN, window).square() for part_BN in parts]
        return (sums[0] + sums[1]) / window**2

    def _sums(self, x_BN: Tensor, window: int) -> Tensor:
        before = max(0, (window - self._frame_hop + 1) // 2)
        skipped = max(0, (self._frame_hop - window) // 2)
        frames = (x_BN.shape[1] + self._frame_hop - 1) // self._frame_hop
        padded_B1N = functional.pad(x_BN, (before, window + self._frame_hop))[:, None, skipped:]
        ones = torch.ones(1, 1, window, dtype=x_BN.dtype, device=x_BN.device)
        return functional.conv1d(padded_B1N, ones, stride=self._frame_hop)[:, 0, :frames]

    def _floors(self, powers: list[Tensor], frames_B: Tensor) -> list[Tensor]:
        """(B,) mean power of the noise in each window length."""
        floors: list[Tensor] = []
        for place, (power_BT, window) in enumerate(zip(powers, self._windows, strict=True)):
            inside_BT = inside(frames_B, power_BT.shape[1])
            floor_B = quantile(power_BT, frames_B, tone_envelope._IDLE) / -np.log(1 - tone_envelope._IDLE)
            if place:
                even = tone_envelope._EVEN * self._windows[place - 1] / window
                floor_B = floor_B.minimum(even * floors[-1])
            least = 10 ** (-tone_envelope._QUIETEST_DB / 10) * self._rate / (2500 * window)
            peak_B = power_BT.masked_fill(~inside_BT, 0).amax(dim=1)
            floors.append(torch.maximum(floor_B, least * peak_B).clamp(min=_TINY))
        return floors


def spectrum(rate: int, band_hz: list[float]) -> tuple[Tensor, float, float]:
    """(2 K, 1, W) a filter for each frequency, real parts first; the lowest frequency, and how far they are apart."""
    window = round(tone._WINDOW_SECONDS * rate)
    size = 1 << max(window - 1, round(rate / tone._SPACING_HZ) - 1).bit_length()
    spacing = rate / size
    low, high = round(band_hz[0] / spacing), round(band_hz[1] / spacing)
    angles_KW = -2 * np.pi / size * np.outer(np.arange(low, high + 1), np.arange(window))
    weight_KW = np.concatenate([np.cos(angles_KW), np.sin(angles_KW)]) * np.hanning(window)
    return torch.from_numpy(weight_KW.astype(np.float32))[:, None], low * spacing, spacing


def placed(shaped_BSK: Tensor, path_BS: Tensor) -> Tensor:
    """(B, S) where the peak is that a path follows, in parts of the spacing of frequencies."""
    last = shaped_BSK.shape[2] - 1
    around_BSR = (path_BS[..., None] + torch.arange(-2, 3, device=path_BS.device)).clamp(0, last)
    best_BS1 = shaped_BSK.gather(2, around_BSR).argmax(dim=2, keepdim=True)
    summit_BS1 = around_BSR.gather(2, best_BS1)
    below, here, above = (
        shaped_BSK.gather(2, (summit_BS1 + shift).clamp(0, last))[..., 0].clamp(min=_TINY).log() for shift in (-1, 0, 1)
    )
    curvature_BS = 2 * here - below - above
    is_peak_BS = curvature_BS > 1e-6
    offset_BS = torch.where(is_peak_BS, (above - below) / (2 * torch.where(is_peak_BS, curvature_BS, 1)), 0)
    return summit_BS1[..., 0] + offset_BS.clamp(-0.5, 0.5)
