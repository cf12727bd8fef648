"""How fast intervals and tests are: ours, scipy's and a plain loop over resamples, by turns on the same counts."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from project.benchmark.table import Table
from project.evaluation.interval import Array, difference_interval, ratio_interval, weighed_intervals
from project.evaluation.significance import exchange_test
from project.metric.association import auc, pearson, spearman


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to reckon, in our way and in others that take fewer resamples."""

    name: str
    ours: Callable[[], object]
    others: dict[str, Callable[[int], object]]  # each of so many resamples


class Bootstrap:
    """A row for each figure and way: seconds for all resamples, and how many times as fast ours is in each round.

    Other ways make a part of the resamples, and their seconds are reckoned up to all of them.
    """

    def __init__(
        self,
        num_utterances: int = 10_000,
        num_resamples: int = 10_000,
        part: int = 100,
        rounds: int = 3,
        num_scores: int = 2_500,
        seed: int = 0,
    ) -> None:
        self.num_utterances = num_utterances
        self.num_resamples = num_resamples
        self.part = part
        self.rounds = rounds
        self.num_scores = num_scores
        self.seed = seed

    def run(self) -> Table:
        """All ways in turns."""
        rows = [row for task in (*self._counts(), *self._scores()) for row in self._rows(task)]
        notes = (
            f"{self.num_resamples:,} resamples of {self.num_utterances:,} utterances, or {self.num_scores:,} scores; "
            f"others make {self.part} of them and are reckoned up; medians of {self.rounds} rounds",
            "words: few distinct counts, resampled by how often each comes; characters: many, resampled one by one",
            "the matched-pair test is exact; scipy's permutation test samples",
        )
        columns = ("figure", "way", "seconds", "ours, times", "min", "max")
        return Table("Bootstrap: intervals and tests beside other ways", columns, tuple(rows), notes)

    def _counts(self) -> list[Task]:
        tasks = []
        for name, least, most in (("words", 5, 40), ("characters", 20, 200)):
            rng = np.random.default_rng(self.seed)
            below = rng.integers(least, most, self.num_utterances).astype(np.float64)
            first, second = (rng.binomial(below.astype(int), 0.08).astype(np.float64) for _ in range(2))
            mine, theirs = (first, below), (second, below)
            one, two = np.stack(mine, axis=1), np.stack([first - second, below], axis=1)
            tasks += [
                Task(f"rate, {name}", _interval(ratio_interval, mine, self.num_resamples), _ratio_ways(one)),
                Task(
                    f"pair, {name}", _interval(difference_interval, mine, theirs, self.num_resamples), _ratio_ways(two)
                ),
                Task(f"test, {name}", lambda a=mine, b=theirs: exchange_test(a, b), {"scipy": _permutation(two[:, 0])}),  # type: ignore[misc]
            ]
        return tasks

    def _scores(self) -> list[Task]:
        rng = np.random.default_rng(self.seed)
        x = rng.normal(size=self.num_scores)
        y = x + rng.normal(size=self.num_scores)
        label = (y > 1).astype(np.float64)
        kinds = {
            "Pearson": (pearson(x, y), y, lambda a, b: stats.pearsonr(a, b)[0]),
            "Spearman": (spearman(x, y), y, lambda a, b: stats.spearmanr(a, b)[0]),
            "AUC": (auc(x, label), label, lambda a, b: stats.mannwhitneyu(a[b > 0], a[b <= 0])[0]),
        }
        return [
            Task(
                name,
                lambda figure=figure: weighed_intervals({"x": figure}, len(x), num_resamples=self.num_resamples),  # type: ignore[misc]
                {"loop with scipy": _loop(np.stack([x, other], axis=1), lambda rows, slow=slow: slow(*rows.T))},  # type: ignore[misc]
            )
            for name, (figure, other, slow) in kinds.items()
        ]

    def _rows(self, task: Task) -> list[tuple[Any, ...]]:
        seconds: dict[str, list[float]] = {way: [] for way in ("scansion", *task.others)}
        for _ in range(self.rounds):
            seconds["scansion"].append(_seconds(task.ours))
            for way, reckon in task.others.items():
                spent = _seconds(lambda reckon=reckon: reckon(self.part))  # type: ignore[misc]
                seconds[way].append(spent * self.num_resamples / self.part)
        rows = []
        for way, taken in seconds.items():
            ratios = [theirs / mine for theirs, mine in zip(taken, seconds["scansion"], strict=True)]
            shown = (f"{ratio:.1f}" for ratio in (statistics.median(ratios), min(ratios), max(ratios)))
            rows.append((task.name, way, f"{statistics.median(taken):.3f}", *shown))
        return rows


def _interval(function: Callable[..., object], *arguments: Any) -> Callable[[], object]:
    *counts, num_resamples = arguments
    pair = tuple(counts) if function is difference_interval else counts[0]
    return lambda: function(*pair, num_resamples=num_resamples)


def _ratio_ways(rows_NC: Array) -> dict[str, Callable[[int], object]]:
    def scipys(num_resamples: int) -> object:
        return stats.bootstrap(
            tuple(rows_NC.T), lambda above, below, axis: above.sum(axis) / below.sum(axis), paired=True,
            n_resamples=num_resamples, method="percentile", vectorized=True, batch=10,
        )  # fmt: skip

    def ratio(drawn_NC: Array) -> float:
        above, below = drawn_NC.sum(axis=0)
        return float(above / below)

    return {"plain loop": _loop(rows_NC, ratio), "scipy": scipys}


def _loop(rows_NC: Array, figure: Callable[[Array], float]) -> Callable[[int], object]:
    def reckon(num_resamples: int) -> object:
        rng = np.random.default_rng(0)
        figures = [figure(rows_NC[rng.integers(0, len(rows_NC), len(rows_NC))]) for _ in range(num_resamples)]
        return np.quantile(figures, [0.025, 0.975])

    return reckon


def _permutation(gaps_N: Array) -> Callable[[int], object]:
    return lambda num_resamples: stats.permutation_test(
        (gaps_N,), lambda gaps, axis: gaps.sum(axis), permutation_type="samples", n_resamples=num_resamples,
        vectorized=True, batch=10, rng=np.random.default_rng(0),
    )  # fmt: skip


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
