"""What each setting of a sweep does to a figure, beside what seeds do: means, spreads, and shares of the variance.

The share of a setting (eta squared) is what it explains beyond all others together, so it stays right where points are
missing; where none are it is the textbook's. Points that differ in their seed alone say how much is chance. It knows
neither runs nor Reports: points come as settings and a number.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np
from scipy.special import fdtrc, stdtr

from project.evaluation.interval import Array, Interval
from project.evaluation.power import ALPHA
from project.evaluation.sweep import is_seed
from project.metric.direction import shortfall

MAX_LEVELS = 8  # of numbers, told one by one; more of them are put together
NUM_BANDS = 4
ROUNDING = 1e-12  # of the whole variance: less is none


@dataclass(frozen=True, slots=True)
class Trial:
    """A point that has a figure."""

    name: str
    settings: Mapping[str, str]  # axis -> value, as on the command line
    value: float
    interval: Interval | None = None


@dataclass(frozen=True, slots=True)
class Level:
    """One value of a setting, over all points that have it."""

    name: str
    values: tuple[float, ...]  # of the figure

    @property
    def mean(self) -> float:
        return fmean(self.values)

    @property
    def spread(self) -> float | None:
        """Standard deviation; None for one point."""
        return stdev(self.values) if len(self.values) > 1 else None


@dataclass(frozen=True, slots=True)
class Axis:
    """What one setting does."""

    name: str
    levels: tuple[Level, ...]  # in the order of their values
    share: float  # of the variance that it explains beyond the other settings
    p_value: float | None  # how likely seeds alone make such a difference; None without seeds
    noise: float | None  # standard deviation over seeds

    @property
    def range(self) -> float:
        """From the lowest to the highest mean."""
        means = [level.mean for level in self.levels]
        return max(means) - min(means)

    def best(self, direction: str) -> Level:
        """The value with the best mean."""
        return min(self.levels, key=lambda level: shortfall(level.mean, direction))

    @property
    def verdict(self) -> str:
        """ "small": less than seeds do; "unclear": no more than chance might do; "matters"; "unknown" without seeds."""
        if self.noise is None or self.p_value is None:
            return "unknown"
        if self.range < self.noise:
            return "small"
        return "matters" if self.p_value <= ALPHA else "unclear"


@dataclass(frozen=True, slots=True)
class Cell:
    """Points that differ in their seed alone."""

    settings: Mapping[str, str]
    trials: tuple[Trial, ...]

    @property
    def level(self) -> Level:
        return Level(" ".join(f"{key}={value}" for key, value in self.settings.items()) or "all points", self.values)

    @property
    def values(self) -> tuple[float, ...]:
        return tuple(trial.value for trial in self.trials)


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """A sweep as a whole."""

    axes: tuple[Axis, ...]
    seeds: float | None  # share of the variance; None where no two points differ in their seed alone
    noise: float | None  # standard deviation over seeds
    freedom: int  # how much that is known from: points less settings
    is_balanced: bool  # every combination is there equally often
    is_tangled: bool  # settings move together: which of them it is cannot be told

    @property
    def rest(self) -> float:
        """What settings do together, beyond what each does, and whatever else is left."""
        return max(0.0, 1.0 - sum(axis.share for axis in self.axes) - (self.seeds or 0.0))


def sensitivity(trials: Sequence[Trial], axes: Iterable[str]) -> Sensitivity:
    """Of each axis that varies among the points; seeds are none."""
    names = [name for name in axes if not is_seed(name) and len({_value(one, name) for one in trials}) > 1]
    values_N = np.array([trial.value for trial in trials], dtype=np.float64)
    labels = {name: _labels([_value(trial, name) for trial in trials]) for name in names}
    columns = {name: _columns(labels[name]) for name in names}
    total = float(np.square(values_N - values_N.mean()).sum())
    left, rank = _left(values_N, list(columns.values()))
    found = cells(trials)
    within = sum((value - cell.level.mean) ** 2 for cell in found for value in cell.values)
    freedom = len(trials) - len(found)
    noise = math.sqrt(within / freedom) if freedom else None
    made = []
    for name in names:
        others = [columns[other] for other in names if other != name]
        sum_of_squares = max(0.0, _left(values_N, others)[0] - left)
        share = sum_of_squares / total if total > 0 else 0.0
        p_value = _p_value(sum_of_squares, columns[name].shape[1], within, freedom, total)
        made.append(Axis(name, _levels(labels[name], values_N), share, p_value, noise))
    width = 1 + sum(own_NK.shape[1] for own_NK in columns.values())
    counts = {len(cell.trials) for cell in found}
    whole = math.prod(len({_value(one, name) for one in trials}) for name in names)
    is_balanced = len(counts) <= 1 and len(found) == whole
    seeds = (within / total if total > 0 else 0.0) if freedom else None
    return Sensitivity(tuple(made), seeds, noise, freedom, is_balanced, rank < min(width, len(trials)))


def cells(trials: Sequence[Trial]) -> list[Cell]:
    """Points put together over seeds, in the order of their first."""
    found: dict[tuple[tuple[str, str], ...], list[Trial]] = {}
    for trial in trials:
        apart = tuple((key, value) for key, value in trial.settings.items() if not is_seed(key))
        found.setdefault(apart, []).append(trial)
    return [Cell(dict(apart), tuple(members)) for apart, members in found.items()]


def ranked(found: Sequence[Cell], direction: str) -> list[Cell]:
    """Settings by their mean over seeds, best first."""
    return sorted(found, key=lambda cell: shortfall(cell.level.mean, direction))


def is_tie(one: Cell, best: Cell, result: Sensitivity) -> bool | None:
    """Whether two settings' means are no further apart than seeds make them (t test); None where that is not known."""
    if result.noise is None:
        return None
    gap = abs(one.level.mean - best.level.mean)
    error = result.noise * math.sqrt(1 / len(one.trials) + 1 / len(best.trials))
    return gap <= 0 if error <= 0 else bool(2 * stdtr(result.freedom, -gap / error) > ALPHA)


def number(text: str) -> float | None:
    """A value as a number, if it is one.

    >>> number("1e-3"), number("true"), number("nan")
    (0.001, None, None)
    """
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def in_order(values: Iterable[str]) -> list[str]:
    """Distinct values, numbers by size, others as they came.

    >>> in_order(["1e-2", "3e-4", "1e-2"]), in_order(["ctc", "masked", "ctc"])
    (['3e-4', '1e-2'], ['ctc', 'masked'])
    """
    distinct = list(dict.fromkeys(values))
    sizes = {value: number(value) for value in distinct}
    if any(size is None for size in sizes.values()):
        return distinct
    return sorted(distinct, key=lambda value: sizes[value] or 0.0)


def _value(trial: Trial, name: str) -> str:
    return trial.settings.get(name, "absent")


def _labels(values: Sequence[str]) -> list[str]:
    """The level of each point: its value, or of very many numbers the band that it lies in, equally full ones.

    >>> _labels(["2", "1"]), _labels([str(n) for n in range(12)])[::3]
    (['2', '1'], ['0 to 2', '3 to 5', '6 to 8', '9 to 11'])
    """
    ordered = in_order(values)
    if len(ordered) <= MAX_LEVELS or any(number(value) is None for value in ordered):
        return list(values)
    bands = np.array_split(np.array(ordered, dtype=object), NUM_BANDS)
    names = {one: f"{_short(band[0])} to {_short(band[-1])}" for band in bands for one in band}
    return [names[value] for value in values]


def _short(text: str) -> str:
    return f"{float(text):.3g}"


def _levels(labels: Sequence[str], values_N: Array) -> tuple[Level, ...]:
    ordered = in_order(labels)
    if any(number(label) is None for label in ordered) and all(" to " in label for label in ordered):
        ordered = sorted(ordered, key=lambda label: float(label.split(" to ")[0]))
    of_each = {
        name: tuple(float(v) for v, own in zip(values_N, labels, strict=True) if own == name) for name in ordered
    }
    return tuple(Level(name, values) for name, values in of_each.items())


def _columns(labels: Sequence[str]) -> Array:
    """(N, levels - 1) one where a point has the level; the first level is the one they are compared with."""
    ordered = list(dict.fromkeys(labels))
    return np.array([[float(label == name) for name in ordered[1:]] for label in labels], dtype=np.float64)


def _left(values_N: Array, columns: Sequence[Array]) -> tuple[float, int]:
    """The squares that these settings leave unexplained, and how many columns say something of their own."""
    design_NK = np.concatenate([np.ones((len(values_N), 1)), *columns], axis=1)
    weights_K, _, rank, _ = np.linalg.lstsq(design_NK, values_N, rcond=None)
    return float(np.square(values_N - design_NK @ weights_K).sum()), int(rank)


def _p_value(squares: float, freedom: int, within: float, within_freedom: int, total: float) -> float | None:
    """The F test of a setting against the variance over seeds."""
    if not within_freedom:
        return None
    if within <= ROUNDING * total:
        return 0.0 if squares > ROUNDING * total else 1.0
    return float(fdtrc(freedom, within_freedom, squares / freedom / (within / within_freedom)))
