"""Layers for padded batches that see only the frames inside each length, so an example is the same in any company.

They do not know what a frame is. What they put beyond a length is of no account: the next layer does not look there.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

# B examples, C channels, T frames


@dataclass(frozen=True, slots=True)
class Extent:
    """How far each example of a padded batch reaches."""

    lengths_B: Tensor
    outside_B1T: Tensor  # True beyond each length

    @classmethod
    def of(cls, lengths_B: Tensor, num_frames: int) -> Extent:
        """The extent of examples that are padded to so many frames."""
        places_T = torch.arange(num_frames, device=lengths_B.device)
        return cls(lengths_B, (places_T >= lengths_B[:, None])[:, None])

    def strided(self, stride: int) -> Extent:
        """What is left if only each so manieth frame is looked at, the first included."""
        if stride == 1:
            return self
        return Extent.of(num_strided(self.lengths_B, stride), -(-self.outside_B1T.shape[2] // stride))


def num_strided(num_frames: Tensor, stride: int) -> Tensor:
    """How many of so many frames are looked at.

    >>> num_strided(torch.tensor([1, 4, 5]), 4).tolist()
    [1, 1, 2]
    """
    return (num_frames + stride - 1) // stride


class MaskedConv1d(nn.Conv1d):
    """A convolution around each frame, to which frames beyond a length are zero, as beyond the ends of an example."""

    def __init__(
        self, channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1, bias: bool = True
    ) -> None:
        assert kernel % 2, "an even kernel has no middle"
        super().__init__(channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=bias)

    def forward(self, x_BCT: Tensor, extent: Extent) -> Tensor:  # type: ignore[override]
        """(B, C, T / stride); `extent` is that of the input."""
        if self.kernel_size[0] > 1:
            x_BCT = x_BCT.masked_fill(extent.outside_B1T, 0)
        return super().forward(x_BCT)


class MaskedBatchNorm1d(nn.Module):
    """Each channel less its mean, over its standard deviation: of all frames of the batch that lie inside lengths.

    In evaluation with the means and variances of training. It is torch's BatchNorm1d where nothing is padded, but that
    a single frame is no error: it becomes the learned bias.
    """

    running_mean_C: Tensor
    running_var_C: Tensor

    def __init__(self, channels: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.eps = eps
        self.momentum = momentum
        self.is_recalled = True  # whether a batch seen in training changes what evaluation takes
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean_C", torch.zeros(channels))
        self.register_buffer("running_var_C", torch.ones(channels))

    def forward(self, x_BCT: Tensor, extent: Extent) -> Tensor:
        """(B, C, T) in the precision of the input."""
        if not self.training:
            scale_C = self.weight * (self.running_var_C + self.eps).rsqrt()
            shift_C = self.bias - self.running_mean_C * scale_C
            return (x_BCT * scale_C[:, None] + shift_C[:, None]).to(x_BCT.dtype)
        outside_B1T = extent.outside_B1T
        count = extent.lengths_B.sum().clamp(min=1)
        exact_BCT = x_BCT.float()
        mean_C = exact_BCT.masked_fill(outside_B1T, 0).sum(dim=(0, 2)) / count
        centred_BCT = (exact_BCT - mean_C[:, None]).masked_fill(outside_B1T, 0)
        var_C = centred_BCT.square().sum(dim=(0, 2)) / count
        if self.is_recalled:
            with torch.no_grad():
                spread_C = var_C * (count / (count - 1).clamp(min=1))
                sound_C = (mean_C + spread_C).isfinite()  # a batch that overflows is skipped, and must leave no trace
                self.running_mean_C.lerp_(mean_C.where(sound_C, self.running_mean_C), self.momentum)
                self.running_var_C.lerp_(spread_C.where(sound_C, self.running_var_C), self.momentum)
        scale_C = self.weight * (var_C + self.eps).rsqrt()
        return (centred_BCT * scale_C[:, None] + self.bias[:, None]).to(x_BCT.dtype)


class Unrecalled:
    """While a part is run once more on what it has seen, its norms do not count the batch twice.

    It can be entered again and again, for gradients may be asked of each term of a loss.
    """

    def __init__(self, part: nn.Module) -> None:
        self._norms = [one for one in part.modules() if isinstance(one, MaskedBatchNorm1d)]

    def __enter__(self) -> None:
        for norm in self._norms:
            norm.is_recalled = False

    def __exit__(self, *_: object) -> None:
        for norm in self._norms:
            norm.is_recalled = True


class SqueezeExcite(nn.Module):
    """Each channel times a factor from 0 to 1, decided by the means of all channels over an example's own frames."""

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, channels // reduction)
        self.excite = nn.Linear(channels // reduction, channels)

    def forward(self, x_BCT: Tensor, extent: Extent) -> Tensor:
        lengths_B1 = extent.lengths_B[:, None]
        mean_BC = x_BCT.masked_fill(extent.outside_B1T, 0).sum(dim=2) / lengths_B1
        factors_BC = nn.functional.hardsigmoid(self.excite(self.squeeze(mean_BC).relu()))
        return x_BCT * factors_BC[..., None]


class MaskedLSTM(nn.Module):
    """Reads each example forwards and backwards, both from its own ends; each layer reads what both gave before.

    It turns examples around by themselves: torch's packed sequences do the same, and take two to seven times as long
    on a processor, for each step's gradient is a sequence of zeros first.
    """

    def __init__(self, channels: int, hidden: int, layers: int = 1, dropout: float = 0.0) -> None:
        super().__init__()
        entering = [channels, *[2 * hidden] * (layers - 1)]
        self.forwards = nn.ModuleList(nn.LSTM(size, hidden, batch_first=True) for size in entering)
        self.backwards = nn.ModuleList(nn.LSTM(size, hidden, batch_first=True) for size in entering)
        self.dropout = nn.Dropout(dropout)  # between layers

    def forward(self, x_BTC: Tensor, lengths_B: Tensor) -> Tensor:
        """(B, T, 2 hidden)."""
        places_BT1 = turned(lengths_B, x_BTC.shape[1])[..., None]
        for depth, (forwards, backwards) in enumerate(zip(self.forwards, self.backwards, strict=True)):
            if depth:
                x_BTC = self.dropout(x_BTC)
            ahead_BTC, _ = forwards(x_BTC)
            back_BTC, _ = backwards(x_BTC.gather(1, places_BT1.expand_as(x_BTC)))
            x_BTC = torch.cat([ahead_BTC, back_BTC.gather(1, places_BT1.expand_as(back_BTC))], dim=2)
        return x_BTC


def turned(lengths_B: Tensor, num_frames: int) -> Tensor:
    """(B, T) Which frame stands in which place when each example is turned around, and padding left behind it.

    >>> turned(torch.tensor([3, 2]), 3).tolist()
    [[2, 1, 0], [1, 0, 2]]
    """
    places_T = torch.arange(num_frames, device=lengths_B.device)
    from_end_BT = lengths_B[:, None] - 1 - places_T
    return torch.where(from_end_BT < 0, places_T, from_end_BT)
