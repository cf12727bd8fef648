"""All that is measured while examples are scored, in validation and in evaluation, in one process or several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from project.contract import Answers, Batch, Emissions, Hypothesis, Output, Terms
from project.diagnosis.emission import EmissionSums
from project.diagnosis.extent import ExtentSums
from project.diagnosis.feature import FeatureSums
from project.diagnosis.head import HeadSums
from project.diagnosis.prior import skills
from project.diagnosis.sums import Sums


class ValidationSums:
    """Sums over batches of emissions, heads, features, and of losses beside those of one that has not listened."""

    def __init__(self) -> None:
        self.features = FeatureSums()
        self._emissions = EmissionSums()
        self._extents = ExtentSums()
        self._heads = HeadSums()
        self._losses = Sums()
        self._priors = Sums()
        self._counts = Sums()

    def add(self, output: Output, hypotheses: Sequence[Hypothesis], batch: Batch, *, is_taught: bool = True) -> None:
        """What a batch's emissions and answers look like; answers that nothing taught mean nothing."""
        self.features.add(batch)
        if is_taught and isinstance(output, Emissions):
            self._emissions.add(output, hypotheses, batch)
            self._extents.add(output, batch)

    def add_heads(self, heads: Mapping[str, Answers]) -> None:
        """What its heads said."""
        self._heads.add(heads)

    def add_counts(self, counts: Mapping[str, float]) -> None:
        """What a system counts that tells of a failure: figures `count/<name>`."""
        self._counts.add(counts)

    def add_terms(self, terms: Terms, priors: Terms, num_examples: int) -> None:
        """Its terms, and those of one that has not listened; equal ones do not look at what that one ignores."""
        for name, value in priors.items():
            if name in terms and value != terms[name]:
                self._losses.add({name: float(terms[name]) * num_examples})
                self._priors.add({name: float(value) * num_examples})

    def state(self) -> dict[str, Any]:
        """Plain sums, for other processes."""
        return {
            "features": self.features.state(),
            "emissions": self._emissions.state(),
            "extents": self._extents.state(),
            "heads": self._heads.state(),
            "losses": dict(self._losses),
            "priors": dict(self._priors),
            "counts": dict(self._counts),
        }

    def merge(self, state: Mapping[str, Any]) -> None:
        """Another process's sums."""
        self.features.merge(state["features"])
        self._emissions.merge(state["emissions"])
        self._extents.merge(state["extents"])
        self._heads.merge(state["heads"])
        self._losses.add(state["losses"])
        self._priors.add(state["priors"])
        self._counts.add(state["counts"])

    def figures(self) -> dict[str, float]:
        """The figures, by name."""
        said = {**self._emissions.figures(), **self._extents.figures(), **self._heads.figures()}
        said |= {f"count/{name}": value for name, value in self._counts.items()}
        return said | skills(self._losses, self._priors)
