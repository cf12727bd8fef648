"""Whether output lengths are those of the input: of the right examples, and of all that the model said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from project.contract import Batch, Emissions, Finding
from project.diagnosis.evidence import Evidence
from project.diagnosis.sums import Sums

FEWEST = 6  # examples that say how lengths go together
_SPREAD = 0.1  # of the input lengths, against their mean: below it nobody can tell


class ExtentSums:
    """Adds up over batches what `figures` then says.

    `length/fixed`: the part of an output's mean length that is there whatever the input's length, of a straight line
    through both; 0 where frames follow from samples, 1 where each example has as many. `length/unused`: the part of the
    frames that a model gives for a batch which lie beyond its longest output.
    """

    def __init__(self) -> None:
        self._sums = Sums()

    def add(self, output: Emissions, batch: Batch) -> None:
        """A batch more."""
        given_B, made_B = batch.lengths_B.double(), output.lengths_B.double()
        frames = output.log_probs_BTV.shape[1]
        parts: dict[str, Tensor | float] = {
            "examples": len(batch),
            "given": given_B.sum(),
            "made": made_B.sum(),
            "given_squared": given_B.square().sum(),
            "product": (given_B * made_B).sum(),
            "frames": frames,
            "longest": torch.clamp(made_B.max(), max=frames),
        }
        self._sums.add({name: float(value) for name, value in parts.items()})

    def state(self) -> dict[str, float]:
        """Plain sums, for other processes."""
        return dict(self._sums)

    def merge(self, state: Mapping[str, float]) -> None:
        """Another process's sums."""
        self._sums.add(state)

    def figures(self) -> dict[str, float]:
        """The figures, by name."""
        sums, count = self._sums, self._sums["examples"]
        if not sums["frames"]:
            return {}
        figures = {"length/unused": 1 - sums["longest"] / sums["frames"]}
        given, made = sums["given"] / count, sums["made"] / count
        variance = sums["given_squared"] / count - given**2
        if count >= FEWEST and made and variance > (_SPREAD * given) ** 2:
            slope = (sums["product"] / count - given * made) / variance
            figures["length/fixed"] = 1 - slope * given / made
        return figures


class ForeignLength:
    """Output lengths that are not those of the recordings: the same for all, or shorter than what the model gives."""

    def __init__(self, fixed: float = 0.3, unused: float = 0.25) -> None:
        self.fixed = fixed
        self.unused = unused

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        fixed, unused = evidence.last("length/fixed"), evidence.last("length/unused")
        if fixed is not None and fixed > self.fixed:
            yield Finding(
                "", "fixed", f"Output lengths do not follow input lengths: {fixed:.0%} of them are there in any case",
                "Give each example the frames of its own signal, not those of what it was padded to (a clip of 30 s, "
                "the longest of the batch), in the loss and in decoding",
                {"fixed": fixed},
            )  # fmt: skip
        if unused is not None and unused > self.unused:
            yield Finding(
                "", "unused", f"{unused:.0%} of the output's frames lie beyond the longest length: they are never read",
                "Look whether the model's lengths are divided by a stride that was counted before, or by one that it "
                "does not have: compare them with the shape of what it gives",
                {"unused": unused},
            )  # fmt: skip
