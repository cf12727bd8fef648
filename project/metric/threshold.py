"""The threshold with the best F1, from counts of how probable frames inside and outside of spans were said to be."""

from __future__ import annotations

import torch
from torch import Tensor

from project.contract import InputError

STEPS = 200  # of half a per cent each


class Histogram:
    """How many frames, inside and outside, were given each probability, in equal steps; whatever device they are on.

    A step holds what is at least its lower edge and less than the next one; the last holds 1 too.

    >>> counts = Histogram(steps=4)
    >>> counts.add(torch.tensor([0.2, 0.25, 0.6, 1.0]), torch.tensor([0, 1, 0, 1]))
    >>> counts.inside_K.tolist(), counts.outside_K.tolist(), counts.edges_K.tolist()
    ([0, 1, 0, 1], [1, 0, 1, 0], [0.0, 0.25, 0.5, 0.75])
    """

    def __init__(self, steps: int = STEPS) -> None:
        self.edges_K = torch.arange(steps, dtype=torch.float64) / steps  # lower ones
        self.inside_K = torch.zeros(steps, dtype=torch.int64)
        self.outside_K = torch.zeros(steps, dtype=torch.int64)

    def add(self, probabilities_N: Tensor, inside_N: Tensor) -> None:
        """Count these frames; what is more than 0 in `inside_N` lies inside."""
        steps = len(self.edges_K)
        probabilities_N = probabilities_N.detach().float().cpu().double()
        if not torch.isfinite(probabilities_N).all():
            raise InputError("threshold: the probability of a frame is no number: the model has diverged, lower lr")
        places_N = torch.bucketize(probabilities_N, self.edges_K[1:], right=True)
        is_inside_N = inside_N.detach().cpu() > 0
        self.inside_K += torch.bincount(places_N[is_inside_N], minlength=steps)
        self.outside_K += torch.bincount(places_N[~is_inside_N], minlength=steps)

    def merge(self, other: Histogram) -> None:
        """Add what another one has counted."""
        assert torch.equal(self.edges_K, other.edges_K), "histograms of equal steps"
        self.inside_K += other.inside_K
        self.outside_K += other.outside_K


def best_threshold(counts: Histogram) -> tuple[float, float]:
    """The edge with the best F1 of frames at or above it, and that F1; of equally good edges the middle one.

    It is chosen on what was counted, so F1 on the same frames flatters: choose on dev, score on test.

    >>> counts = Histogram(steps=10)
    >>> counts.add(torch.tensor([0.1, 0.3, 0.5, 0.8]), torch.tensor([0, 1, 0, 1]))
    >>> value, f1 = best_threshold(counts)
    >>> round(value, 3), round(f1, 3)
    (0.3, 0.8)
    """
    wanted = int(counts.inside_K.sum())
    if not wanted:
        raise InputError("threshold: no frame lies in a span, so none can be chosen: give data.manifest.dev some spans")
    hits_K, false_alarms_K = (part.flip(0).cumsum(0).flip(0) for part in (counts.inside_K, counts.outside_K))
    f1_K = 2 * hits_K.double() / (hits_K + false_alarms_K + wanted)
    (best,) = torch.nonzero(f1_K == f1_K.max(), as_tuple=True)
    place = int(best[len(best) // 2])
    return float(counts.edges_K[place]), float(f1_K[place])
