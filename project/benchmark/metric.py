"""How fast error rates are reckoned: ours, jiwer's and torchmetrics', by turns on the same texts."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from project.benchmark.table import Table
from project.contract import Hypothesis
from project.metric.text import ErrorRate, Unit

Rate = Callable[[Sequence[str], Sequence[Any]], float]  # references, and hypotheses as the library takes them

UNITS: dict[str, Unit] = {"wer": "word", "cer": "character"}
LETTERS = "etaoinshrdlucmfwypvbgkqjxz"
SAME = 1e-6  # torchmetrics reckons in single precision


class ErrorRates:
    """A row for each error rate and library: seconds, and how many times as fast ours is in each round.

    Ours is what an evaluation does with a decoder's Hypotheses: errors by kind of every example, then the rate of all.
    Slow libraries take a part of the texts, and their seconds are reckoned up to all of them.
    """

    def __init__(
        self,
        num_utterances: int = 10_000,
        words: int = 20,
        rate: float = 0.1,
        rounds: int = 5,
        most_slow: int = 200,
        seed: int = 0,
    ) -> None:
        self.num_utterances = num_utterances
        self.words = words
        self.rate = rate
        self.rounds = rounds
        self.most_slow = most_slow
        self.seed = seed

    def run(self) -> Table:
        """All libraries in turns."""
        references, hypotheses = sentences(self.num_utterances, self.words, self.rate, self.seed)
        rows: list[tuple[Any, ...]] = []
        for name, unit in UNITS.items():
            peers: dict[str, tuple[Rate, int]] = {"scansion": (ours(unit), self.num_utterances)}
            if find_spec("jiwer"):
                peers["jiwer"] = getattr(import_module("jiwer"), name), self.num_utterances
            if find_spec("torchmetrics"):
                peers["torchmetrics"] = torchmetrics(name), min(self.most_slow, self.num_utterances)
            rows += self._rows(name, peers, references, hypotheses)
        notes = (
            f"{self.num_utterances:,} utterances of {self.words} words, {self.rate:.0%} of them wrong, medians of "
            f"{self.rounds} rounds; torchmetrics takes {self.most_slow:,} and its seconds are reckoned up",
            *(f"not installed: {name}" for name in ("jiwer", "torchmetrics") if not find_spec(name)),
        )
        columns = ("rate", "library", "seconds", "ours, times", "min", "max", "same rate")
        return Table("Metric: error rates beside other libraries", columns, tuple(rows), notes)

    def _rows(
        self, name: str, peers: dict[str, tuple[Rate, int]], references: Sequence[str], hypotheses: Sequence[str]
    ) -> list[tuple[Any, ...]]:
        answers = [Hypothesis((), text, 0.0) for text in hypotheses]
        seconds: dict[str, list[float]] = {library: [] for library in peers}
        figures = dict.fromkeys(peers, 0.0)
        for _ in range(self.rounds):
            for library, (reckon, count) in peers.items():
                texts, found = references[:count], (answers if library == "scansion" else hypotheses)[:count]
                started = time.perf_counter()
                figures[library] = float(reckon(texts, found))
                seconds[library].append((time.perf_counter() - started) * len(references) / count)
        rows: list[tuple[Any, ...]] = []
        for library, taken in seconds.items():
            count = peers[library][1]
            expected = peers["scansion"][0](references[:count], answers[:count])
            ratios = [theirs / mine for theirs, mine in zip(taken, seconds["scansion"], strict=True)]
            shown = (f"{ratio:.1f}" for ratio in (statistics.median(ratios), min(ratios), max(ratios)))
            same = "yes" if abs(figures[library] - expected) < SAME else "NO"
            rows.append((name, library, f"{statistics.median(taken):.3f}", *shown, same))
        return rows


def ours(unit: Unit) -> Rate:
    """An error rate as an evaluation reckons it, example by example."""
    metric = ErrorRate("x", unit)

    def reckon(references: Sequence[str], hypotheses: Sequence[Hypothesis]) -> float:
        rows = [metric.score(reference, found) for reference, found in zip(references, hypotheses, strict=True)]
        return metric.summarize({name: [row[name] for row in rows] for name in rows[0]})["x"]

    return reckon


def torchmetrics(name: str) -> Rate:
    """Its function of that rate, which takes hypotheses first."""
    library = import_module("torchmetrics.functional.text")
    function = {"wer": library.word_error_rate, "cer": library.char_error_rate}[name]
    return lambda references, hypotheses: float(function(list(hypotheses), list(references)))


def sentences(count: int, words: int, rate: float, seed: int) -> tuple[list[str], list[str]]:
    """Made-up references, and hypotheses in which that part of words is replaced, left out or followed by another."""
    rng = random.Random(seed)  # noqa: S311 - texts, no secrets
    vocabulary = ["".join(rng.choices(LETTERS, k=rng.randint(2, 9))) for _ in range(5_000)]
    references, hypotheses = [], []
    for _ in range(count):
        said = rng.choices(vocabulary, k=words)
        heard: list[str] = []
        for word in said:
            draw = rng.random() / rate if rate else 1.0
            if draw < 0.5:
                heard.append(rng.choice(vocabulary))
            elif draw >= 0.75:
                heard += [word] if draw >= 1 else [word, rng.choice(vocabulary)]
        references.append(" ".join(said))
        hypotheses.append(" ".join(heard))
    return references, hypotheses
