"""How far two CTC outputs are from saying the same, frame by frame, even if they do not have as many frames.

It does not know which of the two is right: one is the teacher, and whoever asks decides what learns from it.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from project.contract import Emissions


def matched(one: Emissions, other: Emissions) -> tuple[Tensor, Tensor, Tensor]:
    """The log-probabilities (B, T, V) of both on the frames of the one that has more, and the lengths of those (B,).

    Example by example, by lengths and not by padding. Every frame of either has a partner, so no spike is passed over.
    """
    lengths_B = torch.maximum(one.lengths_B, other.lengths_B)
    frames = max(one.log_probs_BTV.shape[1], other.log_probs_BTV.shape[1])
    return _stretched(one, lengths_B, frames), _stretched(other, lengths_B, frames), lengths_B


def nearest(own_B: Tensor, lengths_B: Tensor, frames: int) -> Tensor:
    """(B, frames) The frame that is nearest in time, of `own_B` that last as long as `lengths_B`.

    >>> nearest(torch.tensor([2, 5]), torch.tensor([5, 5]), 5).tolist()
    [[0, 0, 1, 1, 1], [0, 1, 2, 3, 4]]
    """
    middles_T = 2 * torch.arange(frames, device=own_B.device) + 1
    found_BT = middles_T * own_B[:, None] // (2 * lengths_B.clamp(min=1))[:, None]
    return torch.minimum(found_BT, (own_B - 1).clamp(min=0)[:, None])


def divergence(teacher_BTV: Tensor, student_BTV: Tensor, temperature: float) -> Tensor:
    """(B, T) KL(teacher || student) of each frame, both softened by the temperature, times its square.

    With the square, gradients stay of one size whatever the temperature. Reckoned in float32, natural logarithm.
    """
    wanted_BTV = (teacher_BTV.float() / temperature).softmax(dim=2)
    said_BTV = (student_BTV.float() / temperature).log_softmax(dim=2)
    return functional.kl_div(said_BTV, wanted_BTV, reduction="none").sum(dim=2) * temperature**2


def mean_of_frames(values_BT: Tensor, weights_BT: Tensor) -> Tensor:
    """The weighted mean over an example's frames, then the mean over examples; without any weight an example counts 0.

    >>> mean_of_frames(torch.tensor([[1.0, 4.0], [5.0, 9.0]]), torch.tensor([[2.0, 1.0], [0.0, 0.0]])).item()
    1.0
    """
    sum_B = (values_BT * weights_BT).sum(dim=1)
    return (sum_B / weights_BT.sum(dim=1).clamp(min=torch.finfo(sum_B.dtype).tiny)).mean()


def _stretched(output: Emissions, lengths_B: Tensor, frames: int) -> Tensor:
    symbols = output.log_probs_BTV.shape[2]
    index_BT = nearest(output.lengths_B, lengths_B, frames)
    return output.log_probs_BTV.gather(1, index_BT[..., None].expand(-1, -1, symbols))
