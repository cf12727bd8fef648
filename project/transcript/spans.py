"""What was recognized in a window of bars: stretches of it, each of a kind. It knows no files and no formats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from project.transcript.transcript import Mark, mean_confidence


@dataclass(frozen=True, slots=True)
class SpanTranscript:
    """All that was recognized in one window. Places are bars from its beginning, as labels of manifests count them."""

    file: str
    length: float
    marks: tuple[Mark, ...]
    text: str  # with the places, as references of manifests are written

    unit: ClassVar[str] = "bars"

    @property
    def confidence(self) -> float | None:
        """The mean over its spans; none where there is none."""
        return mean_confidence(self.marks)

    def tiers(self) -> Mapping[str, Sequence[Mark]]:
        """What has places, by name."""
        return {"spans": self.marks}

    def captions(self) -> list[Mark]:
        """The spans: there are no words to make rows of."""
        return list(self.marks)
