"""What is measured of heads that say yes or no, and how they fail: all of one mind, or no better than the base rate."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from project.contract import Answers, Finding
from project.diagnosis.evidence import Evidence
from project.diagnosis.sums import Sums


class HeadSums:
    """Sums over batches for each head: `head/<name>/mean`, `/spread` (standard deviation of its probabilities),
    `/separation` (mean probability where yes is right less that where no is right), `/rate` (part where yes is right),
    `/yes` (part where it says yes), and `skill/<name>`: 1 less its cross entropy over that of the base rate.
    """

    def __init__(self) -> None:
        self._sums: dict[str, Sums] = {}

    def add(self, heads: Mapping[str, Answers]) -> None:
        """A batch more."""
        for name, answers in heads.items():
            probs_N = answers.probabilities_N.detach().double().clamp(1e-7, 1 - 1e-7)
            yes_N = answers.targets_N.double()
            entropy = -(yes_N * probs_N.log() + (1 - yes_N) * (1 - probs_N).log()).sum()
            parts = {
                "sum": probs_N.sum(), "square": probs_N.square().sum(), "right": yes_N.sum(), "entropy": entropy,
                "sum_right": (probs_N * yes_N).sum(), "yes": (probs_N > 0.5).sum(),
            }  # fmt: skip
            sums = self._sums.setdefault(name, Sums())
            sums.add({"count": len(probs_N)} | {key: float(value) for key, value in parts.items()})

    def state(self) -> dict[str, Any]:
        """Plain sums, for other processes."""
        return {name: dict(sums) for name, sums in self._sums.items()}

    def merge(self, state: Mapping[str, Any]) -> None:
        """Another process's sums."""
        for name, sums in state.items():
            self._sums.setdefault(name, Sums()).add(sums)

    def figures(self) -> dict[str, float]:
        """The figures, by name."""
        found: dict[str, float] = {}
        for name, sums in self._sums.items():
            count, right = sums["count"], sums["right"]
            if not count:
                continue
            mean, rate = sums["sum"] / count, right / count
            found |= {
                f"head/{name}/mean": mean,
                f"head/{name}/spread": math.sqrt(max(0.0, sums["square"] / count - mean**2)),
                f"head/{name}/rate": rate,
                f"head/{name}/yes": sums["yes"] / count,
            }
            if 0 < right < count:
                wrong_mean = (sums["sum"] - sums["sum_right"]) / (count - right)
                found[f"head/{name}/separation"] = sums["sum_right"] / right - wrong_mean
                prior = -(rate * math.log(rate) + (1 - rate) * math.log(1 - rate))
                found[f"skill/{name}"] = 1 - sums["entropy"] / count / prior
        return found


class HeadCollapse:
    """A head whose probabilities are all alike, or no higher where yes is right: it cannot find anything."""

    def __init__(self, spread: float = 0.05, separation: float = 0.02, validations: int = 2) -> None:
        self.spread = spread  # beside that of the right answers, which is small where yes is rare
        self.separation = separation
        self.validations = validations

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        for name, _ in evidence.between("head/", "/spread"):
            spreads = evidence.lately(f"head/{name}/spread", self.validations)
            separations = evidence.lately(f"head/{name}/separation", self.validations)
            mean, rate = evidence.last(f"head/{name}/mean") or 0.0, evidence.last(f"head/{name}/rate") or 0.0
            remedy = (
                "Its term may be drowned by another (train/<term>/share), the rare answer may need weight, or the "
                "head's input may hold nothing of it; at this base rate a threshold of 0.5 finds nothing"
            )
            usual = math.sqrt(rate * (1 - rate)) or 1.0
            if spreads and max(spreads) < self.spread * usual:
                text = f"The {name} head says {mean:.3g} everywhere (give or take {spreads[-1]:.2g}); yes is right in "
                figures = {"mean": mean, "spread": spreads[-1], "rate": rate}
                yield Finding("", name, f"{text}{rate:.1%} of the cases", remedy, figures)
            elif separations and max(separations) < self.separation:
                text = f"The {name} head says hardly more where yes is right than elsewhere: {separations[-1]:.3f} more"
                yield Finding("", name, text, remedy, {"separation": separations[-1], "rate": rate})
