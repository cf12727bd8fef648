"""What is measured of features, and whether those of validation are like those of training."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from project.contract import Batch, Finding
from project.diagnosis.evidence import Evidence
from project.padding import inside

FEWEST = 6  # examples that say what features are like
_REACHED = 0.9  # part of the features that do not differ by more than the figure
FEATURES = "features.json"  # in a run's folder


class FeatureSums:
    """Sums of each feature over the frames of some batches; frames beyond a length don't count."""

    def __init__(self) -> None:
        self.count = 0.0  # frames
        self.examples = 0.0
        self.sum_F: Tensor | None = None
        self.square_F: Tensor | None = None

    def add(self, batch: Batch) -> None:
        """A batch more."""
        signals_BTF = batch.signals_BTF.detach()
        inside_BT = inside(batch.lengths_B, signals_BTF.shape[1])
        frames_NF = signals_BTF[inside_BT].double()
        parts = {"sum_F": frames_NF.sum(dim=0).cpu(), "square_F": frames_NF.square().sum(dim=0).cpu()}
        self.merge({"count": float(len(frames_NF)), "examples": float(len(batch)), **parts})

    def state(self) -> dict[str, Any]:
        """Plain sums, for a checkpoint and for other processes."""
        if self.sum_F is None or self.square_F is None:
            return {"count": 0.0}
        return {
            "count": self.count,
            "examples": self.examples,
            "sum_F": self.sum_F.tolist(),
            "square_F": self.square_F.tolist(),
        }

    def merge(self, state: Mapping[str, Any]) -> None:
        """More sums."""
        if not state["count"]:
            return
        self.count += state["count"]
        self.examples += state["examples"]
        sum_F, square_F = (torch.as_tensor(state[name], dtype=torch.double) for name in ("sum_F", "square_F"))
        self.sum_F = sum_F if self.sum_F is None else self.sum_F + sum_F
        self.square_F = square_F if self.square_F is None else self.square_F + square_F

    def moments(self) -> tuple[Tensor, Tensor]:
        """(F,) mean and standard deviation of each feature."""
        assert self.sum_F is not None
        assert self.square_F is not None
        mean_F = self.sum_F / self.count
        return mean_F, (self.square_F / self.count - mean_F.square()).clamp(min=0).sqrt()


def feature_figures(train: FeatureSums, dev: FeatureSums) -> dict[str, float]:
    """`feature/<part>/mean` and `/spread` over all features, and how far the two parts are from each other:
    `feature/shift`, the difference of a feature's means in its standard deviations in training, and `feature/stretch`,
    the ratio of its standard deviations, either way: each the largest that a tenth of the features reach, so that of
    few it is the largest of all and of thousands not that of an odd one. `feature/shift_of`: one with that shift.
    """
    figures: dict[str, float] = {}
    for name, sums in (("train", train), ("dev", dev)):
        if sums.count:
            mean_F, spread_F = sums.moments()
            figures |= {f"feature/{name}/mean": float(mean_F.mean()), f"feature/{name}/spread": float(spread_F.mean())}
    if min(train.examples, dev.examples) >= FEWEST and train.count and dev.count:
        (mean_F, spread_F), (other_F, other_spread_F) = train.moments(), dev.moments()
        floor = 1e-3 * max(float(spread_F.max()), 1e-9)
        shift_F = (other_F - mean_F).abs() / spread_F.clamp(min=floor)
        stretch_F = (other_spread_F.clamp(min=floor) / spread_F.clamp(min=floor)).log().abs().exp()
        rank = math.ceil(_REACHED * (len(shift_F) - 1))
        number = int(shift_F.argsort()[rank])
        figures |= {
            "feature/shift": float(shift_F[number]),
            "feature/shift_of": float(number),
            "feature/stretch": float(stretch_F.sort().values[rank]),
        }
    return figures


class FeatureDrift:
    """What is validated on does not look like what is trained on."""

    def __init__(self, shift: float = 1.0, stretch: float = 4.0) -> None:
        self.shift = shift
        self.stretch = stretch

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        shift, stretch = evidence.last("feature/shift"), evidence.last("feature/stretch")
        if shift is None or stretch is None or (shift <= self.shift and stretch <= self.stretch):
            return
        number = int(evidence.last("feature/shift_of") or 0)
        yield Finding(
            "", f"feature {number}",
            f"Features in validation are not those of training: number {number} is {shift:.1f} standard deviations "
            f"off, one spreads {stretch:.1f} times as much or as little",
            "Compare levels, sample rates and sources of the two manifests; is the signal normalized in one place, for "
            "both, and augmentation not far from real?",
            {"shift": shift, "stretch": stretch},
        )  # fmt: skip
