"""How a loss's terms stand to each other and to what is wanted: one that rules, a loss that falls for nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from project.contract import Finding
from project.diagnosis.evidence import Evidence


class Domination:
    """One term makes up nearly all of the weighted loss, or of the gradient of what the terms share.

    That is no failure where the others learn all the same (their skill tells), or are mere regularizers.
    """

    def __init__(
        self, loss: float = 0.8, gradient: float = 0.9, records: int = 3, heard: float = 0.05,
        validations: int = 2, ignore: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self.loss = loss
        self.gradient = gradient
        self.records = records
        self.heard = heard  # skill from which on a term is not drowned
        self.validations = validations  # in a row in which it had less
        self.ignore = tuple(ignore)  # terms that may be drowned

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        parts = {
            name: evidence.recent(f"train/{name}/share", self.records)
            for name, _ in evidence.between("train/", "/share")
        }
        yield from self._found(evidence, parts, self.loss, "weighted loss")
        parts = {
            name: evidence.recent(f"gradient/share/{name}", self.records)
            for name, _ in evidence.between("gradient/share/")
        }
        yield from self._found(evidence, parts, self.gradient, "gradient of what they share")

    def _found(self, evidence: Evidence, parts: dict[str, list[float]], most: float, what: str) -> Iterator[Finding]:
        for name, recent in parts.items():
            drowned = [other for other in parts if other != name and self._is_drowned(evidence, other, parts[other])]
            if not drowned or len(recent) < self.records or min(recent) <= most:
                continue
            yield Finding(
                "", name, f"{name} makes up {recent[-1]:.0%} of the {what}: {', '.join(drowned)} cannot be heard",
                f"Lower weighting.{name}, bring its targets to the scale of the others, or learn the weights "
                "(uncertainty weighting)",
                {"share": recent[-1]},
            )  # fmt: skip

    def _is_drowned(self, evidence: Evidence, name: str, recent: list[float]) -> bool:
        if name in self.ignore or max(recent) == 0:  # its weight is 0
            return False
        skills = evidence.lately(f"skill/{name}", self.validations)
        return max(skills) < self.heard if skills else evidence.last(f"skill/{name}") is None


class WithoutGain:
    """The loss falls, the figure that decides does not follow."""

    def __init__(self, fall: float = 0.3, gain: float = 0.05, validations: int = 4, solved: float = 0.1) -> None:
        self.fall = fall  # part of its first value that the loss has lost
        self.gain = gain  # part of the first error, or of what is missing to 1, that has gone
        self.validations = validations
        self.solved = solved  # an error below this needs no gain

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        losses, figures = evidence.curves.get("dev/loss", ()), evidence.curves.get(evidence.primary, ())
        if min(len(losses), len(figures)) < self.validations or losses[0][1] <= 0:
            return
        values = [value if evidence.better == "lower" else 1 - value for _, value in figures]
        fall, gain = 1 - losses[-1][1] / losses[0][1], 1 - min(values[1:]) / max(values[0], 1e-9)
        if fall < self.fall or gain > self.gain or values[-1] < self.solved:
            return
        name = evidence.primary.removeprefix("dev/")
        yield Finding(
            "", name,
            f"dev/loss has fallen by {fall:.0%}, and {name} is {figures[-1][1]:.3f}, {figures[0][1]:.3f} at first",
            "The loss measures something else: a term that is not the task, examples that count 0 (zero_infinity), a "
            "head at its base rate, or a decoder that does not fit; rank by the metric",
            {"fall": fall, "gain": gain},
        )  # fmt: skip
