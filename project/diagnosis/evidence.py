"""What a diagnosis rests on: the scalars that were recorded, and what it is all about. Knows no run and no file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol, TypeAlias

from project.contract import Finding
from project.metrics_file import Point

Curves: TypeAlias = Mapping[str, Sequence[Point]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The curves of a run, or of one evaluation, where each has one point."""

    curves: Curves
    primary: str = "dev/cer"  # the figure that decides
    better: Literal["lower", "higher"] = "lower"
    final: bool = False  # an evaluation: nothing more will be recorded, what is there must do

    def last(self, name: str) -> float | None:
        """The latest value of a scalar; None if it was never recorded."""
        curve = self.curves.get(name)
        return curve[-1][1] if curve else None

    def recent(self, name: str, count: int) -> list[float]:
        """Its latest values, at most so many."""
        return [value for _, value in self.curves.get(name, ())[-count:]]

    def lately(self, name: str, count: int) -> list[float]:
        """Its latest `count` values, to tell what stays from what passes: fewer are none as long as more may come.

        >>> Evidence({"cer": [(5, 0.9)]}).lately("cer", 2), Evidence({"cer": [(5, 0.9)]}, final=True).lately("cer", 2)
        ([], [0.9])
        """
        values = self.recent(name, count)
        return values if len(values) == count or self.final else []

    def falls(self, name: str, count: int, part: float = 0.05) -> bool:
        """Whether it has lost that part of itself over its latest `count` values.

        >>> Evidence({"loss": [(5, 4.0), (9, 3.0)]}).falls("loss", 2), Evidence({"loss": [(5, 4.0)]}).falls("loss", 2)
        (True, False)
        """
        values = self.recent(name, count)
        return len(values) > 1 and values[-1] < (1 - part) * values[0]

    def between(self, prefix: str, suffix: str = "") -> Iterator[tuple[str, Sequence[Point]]]:
        """Scalars named prefix + something + suffix: that something, and the curve.

        >>> evidence = Evidence({"train/ctc/share": [(1, 0.2)], "train/ctc": [(1, 3.0)]})
        >>> list(evidence.between("train/", "/share"))
        [('ctc', [(1, 0.2)])]
        """
        for name, curve in self.curves.items():
            if name.startswith(prefix) and name.endswith(suffix) and len(name) > len(prefix) + len(suffix) and curve:
                yield name[len(prefix) : len(name) - len(suffix)], curve


class Check(Protocol):
    """Looks for one kind of failure: nothing, or what it found. Its thresholds are its constructor's arguments."""

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        """Findings without their step and without the name of the check: who runs it knows both."""


def run_checks(checks: Mapping[str, Check | None], evidence: Evidence) -> list[Finding]:
    """What all of them find, each finding with its check's name; one that is None is switched off."""
    return [replace(one, check=name) for name, check in checks.items() if check is not None for one in check(evidence)]
