"""The pace of a sender, found before symbols are, and what it is good for: sums and looks that are as long as marks.

What a letter looks like depends on how fast it is sent, and on little else. A network that knows the pace looks at
frames half a mark apart instead of frames a tenth of a second apart, and learns each letter once instead of at each
speed. It does not know letters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from project.contract import InputError, Pace
from project.model.sequence_encoder import DilatedBlock, Look
from project.model.weighted_rows import weighted_rows

# B examples, T frames, F features, L lengths of sums, D lengths in dits, C channels, K paces, N frames looked at

_KERNEL = 5  # frames that one look of the finder takes in
_SHARE = 0.1  # of a frame's evidence in the sum: frames that lie beside each other say the same
_SURE = 4.0  # by how much what is likelier counts more in the mean


@final
class PaceFinder(nn.Module):
    """A small network that finds the pace: what speaks for each in every frame, added up over some seconds.

    `inputs`: numbers of a frame that it is given. `frames`: the shortest and the longest pace that it knows, in frames;
    those between are evenly spaced on a logarithmic scale. `reach`: frames to either side that have a say.
    """

    def __init__(
        self,
        inputs: int,
        *,
        channels: int = 48,
        dilations: Sequence[int] = (1, 4, 16),
        frames: Sequence[float] = (0.6, 9.0),
        paces: int = 48,
        reach: int = 150,
    ) -> None:
        super().__init__()
        if len(frames) != 2 or not 0 < frames[0] < frames[1]:
            raise InputError(f"model.finder.frames is {list(frames)}: give the shortest and the longest pace")
        self.enter = nn.Linear(inputs, channels)
        self.blocks = nn.ModuleList(DilatedBlock(channels, _KERNEL, distance, 0.0) for distance in dilations)
        self.norm = nn.LayerNorm(channels)
        self.head = nn.Linear(channels, paces)
        with torch.no_grad():
            self.head.weight *= 0.1  # sums are large: at first no pace is to be much likelier than another
        self.frames_K: Tensor
        shortest, longest = map(math.log, frames)
        self.register_buffer("frames_K", torch.linspace(shortest, longest, paces).exp(), persistent=False)
        self.paces, self.longest = paces, float(frames[1])
        self.context_frames = reach + _KERNEL // 2 * sum(dilations)  # of its input
        self._reach = reach

    def forward(self, x_BTC: Tensor, mask_BT1: Tensor) -> Pace:
        """How likely each pace is at each frame, by all that lies around it."""
        y_BTC = self.enter(x_BTC)
        for block in self.blocks:
            y_BTC = block(y_BTC, mask_BT1)
        said_BTK = self.head(self.norm(y_BTC)).float()
        evidence_BTK = (said_BTK - said_BTK.mean(dim=2, keepdim=True)) * mask_BT1  # sums stay small, and so exact
        return Pace((_SHARE * sums_around(evidence_BTK, self._reach)).log_softmax(dim=2), self.frames_K)


@final
class PacedBlock(Look):
    """One look around at one distance, which is counted in half marks: at `distance` 2 it sees frames a mark apart.

    What lies between two frames is a mean of both, so that a pace that is a little other changes little. No look goes
    farther than `farthest` frames.
    """

    def __init__(self, channels: int, kernel: int, distance: int, farthest: int, dropout: float) -> None:
        super().__init__(channels, kernel, dropout)
        steps_N = 0.5 * distance * torch.tensor([step for step in range(-(kernel // 2), kernel // 2 + 1) if step])
        self.steps_N: Tensor
        self.register_buffer("steps_N", steps_N, persistent=False)  # of all but the frame itself
        self._farthest = farthest

    def forward(self, x_BTC: Tensor, mask_BT1: Tensor, pace_BT: Tensor) -> Tensor:
        """`pace_BT`: how many frames a mark lasts at each frame. It is given: what is seen teaches it nothing."""
        own_BTC = self.normed(x_BTC, mask_BT1)
        padded_BTC = functional.pad(own_BTC, (0, 0, 2, 2))  # before and after: nothing
        rows_BTN, part_BTN = self._places(pace_BT, padded_BTC.shape[1])
        plain = self.training and type(self.look) is nn.Linear
        seen = self._learned if plain else self._asked  # one that is adapted, or becomes part of a graph, is asked
        return self.made(x_BTC, seen(own_BTC, padded_BTC, rows_BTN, part_BTN))

    def _places(self, pace_BT: Tensor, padded: int) -> tuple[Tensor, Tensor]:
        """Of what each frame sees the row in a padded batch, and which part of the way to the next row it is."""
        batch, frames = pace_BT.shape
        away_BTN = (pace_BT.detach()[..., None] * self.steps_N).clamp(-self._farthest, self._farthest)
        whole_BTN = away_BTN.floor()
        at_BTN = (torch.arange(frames, device=pace_BT.device)[:, None] + whole_BTN.long()).clamp(-2, frames) + 2
        firsts_B11 = padded * torch.arange(batch, device=pace_BT.device)[:, None, None]
        return at_BTN + firsts_B11, away_BTN - whole_BTN

    def _asked(self, own_BTC: Tensor, padded_BTC: Tensor, rows_BTN: Tensor, part_BTN: Tensor) -> Tensor:
        """What the look sees of frames side by side."""
        flat, rows = padded_BTC.flatten(0, 1), rows_BTN.flatten()
        shape = (*rows_BTN.shape, own_BTC.shape[2])
        low_BTNC, high_BTNC = (flat.index_select(0, rows + step).reshape(shape) for step in (0, 1))
        others_BTNC = torch.lerp(low_BTNC, high_BTNC, part_BTN[..., None].to(own_BTC.dtype))
        earlier_BTC, later_BTC = others_BTNC.flatten(2).chunk(2, dim=2)
        seen_BTC: Tensor = self.look(torch.cat([earlier_BTC, own_BTC, later_BTC], dim=2))
        return seen_BTC

    def _learned(self, own_BTC: Tensor, padded_BTC: Tensor, rows_BTN: Tensor, part_BTN: Tensor) -> Tensor:
        """The same, in less time where it learns: first what each frame is to each of the steps, and then what lies
        between two of them.
        """
        steps, channels = len(self.steps_N), own_BTC.shape[2]
        looks = self.look.weight.view(channels, steps + 1, channels).transpose(0, 1)
        others = torch.cat([looks[: steps // 2], looks[steps // 2 + 1 :]]).flatten(0, 1)
        table_RC = functional.linear(padded_BTC, others).reshape(-1, channels)
        low_BTN = steps * rows_BTN + torch.arange(steps, device=rows_BTN.device)
        rows_MK = torch.cat([low_BTN, low_BTN + steps], dim=2).flatten(0, 1)
        weights_MK = torch.cat([1 - part_BTN, part_BTN], dim=2).flatten(0, 1)
        others_BTC = weighted_rows(table_RC, rows_MK, weights_MK).view_as(own_BTC)
        return others_BTC + functional.linear(own_BTC, looks[steps // 2], self.look.bias)


@final
class PacedSums(nn.Module):
    """Of a feature's sums those that are so many `dits` long at the pace found: what they say around each output frame.

    A sum as long as a mark has all of its tone and the least noise. Between two lengths it is a mean of both; where all
    are too short it is the longest one, and the other way round. `lengths`: of the feature's first columns, in input
    frames, rising.
    """

    def __init__(
        self, lengths: Sequence[float], dits: Sequence[float], channels: int, kernel: int, stride: int
    ) -> None:
        super().__init__()
        self.enter = nn.Conv1d(len(dits), channels, kernel, stride=stride, padding=kernel // 2)
        self.logs_L: Tensor
        self.logs_D: Tensor
        self.register_buffer("logs_L", torch.tensor(lengths, dtype=torch.float32).log(), persistent=False)
        frames_D = stride * torch.tensor(dits, dtype=torch.float32)  # of input, where a dit is one frame of output
        self.register_buffer("logs_D", frames_D.log(), persistent=False)
        self._stride = stride

    def forward(self, x_BTF: Tensor, pace_BT: Tensor) -> Tensor:
        """(B, T / stride, C) of input frames and of the pace in output frames."""
        wanted_BTD1 = (pace_BT.log()[..., None] + self.logs_D)[..., None]
        ways_BTDL = ((wanted_BTD1 - self.logs_L[:-1]) / (self.logs_L[1:] - self.logs_L[:-1])).clamp(0, 1)
        ways_BTDL = ways_BTDL.repeat_interleave(self._stride, dim=1)[:, : x_BTF.shape[1]]
        levels_BTL = x_BTF[..., : len(self.logs_L)]
        rises_BT1L = (levels_BTL[..., 1:] - levels_BTL[..., :-1])[:, :, None]  # from each length to the next
        levels_BTD = levels_BTL[..., :1] + (ways_BTDL * rises_BT1L).sum(dim=3)
        paced_BTC: Tensor = self.enter(levels_BTD.transpose(1, 2)).transpose(1, 2)
        return paced_BTC


def sums_around(x_BTK: Tensor, reach: int) -> Tensor:
    """Sums over each frame and so many to either side.

    >>> sums_around(torch.tensor([[[1.0], [2.0], [4.0], [8.0]]]), 1)[0, :, 0].tolist()
    [3.0, 7.0, 14.0, 12.0]
    """
    frames = x_BTK.shape[1]
    sums_BTK = functional.pad(x_BTK.cumsum(dim=1), (0, 0, 1, 0))
    at_T = torch.arange(frames, device=x_BTK.device)
    return sums_BTK[:, (at_T + reach + 1).clamp(max=frames)] - sums_BTK[:, (at_T - reach).clamp(min=0)]


def likeliest(pace: Pace) -> Tensor:
    """(B, T) How many frames a mark lasts: a mean of what is likeliest, so that no small difference makes it jump."""
    chances_BTK = (_SURE * pace.log_probs_BTK).softmax(dim=2)
    return (chances_BTK * pace.frames_K.log()).sum(dim=2).exp()
