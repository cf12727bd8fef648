"""Speed: a recording played faster and thereby higher, or slower and lower, and what that does to times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from project.contract import InputError
from project.corpus.ranges import between_log, check_range
from project.corpus.shifter.step import Sound, Surroundings
from project.feature.waveform import resample

_STEPS = 100  # speeds are hundredths: filters stay short


@dataclass(frozen=True, slots=True)
class Speed:
    """How much faster recordings are played. Labels that are times move with it; all others stay."""

    factor: Sequence[float] | None = None  # 1.1 is faster by a tenth; ratios drawn evenly; None: as it is
    timed: Sequence[str] = ("places", "pace")  # labels that are seconds

    def __post_init__(self) -> None:
        if self.factor is not None:
            check_range("speed.factor", self.factor, 0.25, 4)

    def draw(self, rng: np.random.Generator) -> Mapping[str, Any]:
        """A speed in hundredths."""
        return {} if self.factor is None else {"speed": round(between_log(self.factor, rng), 2)}

    def apply(self, sound: Sound, around: Surroundings, drawn: Mapping[str, Any], rng: np.random.Generator) -> Sound:
        """The recording at its rate, shorter by the speed."""
        del around, rng
        return resample(sound.astype(np.float32), round(drawn["speed"] * _STEPS), _STEPS).astype(np.float64)

    def labels(self, labels: Mapping[str, Any] | None, speed: float) -> Mapping[str, Any] | None:
        """The labels of a recording that is played at this speed.

        >>> Speed().labels({"places": [0.5, 1.0], "accuracy": 8}, 2.0)
        {'places': [0.25, 0.5], 'accuracy': 8}
        """
        if labels is None or speed == 1:
            return labels
        return {key: _faster(key, value, speed) if key in self.timed else value for key, value in labels.items()}


def _faster(key: str, value: Any, speed: float) -> Any:
    if isinstance(value, list | tuple):
        return [_faster(key, one, speed) for one in value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"label `{key}` is {value!r:.40}, no seconds: take it out of corpus.speed.timed")
    return round(value / speed, 4)
