"""Error rates of 2,000 random pairs against jiwer, errors by kind included, and how fast they are reckoned."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import jiwer
import pytest

from project.contract import Hypothesis
from project.metric.edit import distance, edit_counts
from project.metric.text import ErrorRate


def corrupt(words: list[str], vocabulary: list[str], rate: float, rng: random.Random) -> list[str]:
    """Words with some replaced, left out and put in."""
    heard: list[str] = []
    for word in words:
        draw = rng.random() / rate
        if draw < 0.5:
            heard.append(rng.choice(vocabulary))
        elif 0.75 <= draw < 1:
            heard += [word, rng.choice(vocabulary)]
        elif draw >= 1:
            heard.append(word)
    return heard


def texts(count: int, seed: int = 0) -> tuple[list[str], list[str]]:
    """References and hypotheses, from nearly right to mostly wrong, some empty."""
    rng = random.Random(seed)
    letters = "abcdefghijklmnopqrstuvwxyzäß'"
    vocabulary = ["".join(rng.choices(letters, k=rng.randint(1, 8))) for _ in range(500)]
    references = [rng.choices(vocabulary, k=rng.randint(1, 30)) for _ in range(count)]
    hypotheses = [corrupt(words, vocabulary, rng.choice((0.02, 0.1, 0.3, 0.9)), rng) for words in references]
    return [" ".join(words) for words in references], [" ".join(words) for words in hypotheses]


def columns(metric: ErrorRate, references: list[str], hypotheses: list[Hypothesis]) -> dict[str, list[float]]:
    rows = [metric.score(reference, found) for reference, found in zip(references, hypotheses, strict=True)]
    return {name: [row[name] for row in rows] for name in rows[0]}


@pytest.mark.parametrize(
    ("metric", "process"),
    [(ErrorRate("x", "word"), jiwer.process_words), (ErrorRate("x", "character"), jiwer.process_characters)],
)
def test_two_thousand_pairs(metric: ErrorRate, process: Callable[..., jiwer.WordOutput]) -> None:
    references, hypotheses = texts(2_000)
    found = columns(metric, references, [Hypothesis((), text, 0.0) for text in hypotheses])
    expected = process(references, hypotheses)
    for kind in ("substitutions", "deletions", "insertions"):
        assert sum(found[f"x_{kind}"]) == getattr(expected, kind)
    figure = expected.wer if hasattr(expected, "wer") else expected.cer
    assert metric.summarize(found)["x"] == pytest.approx(figure, abs=1e-15)


def test_each_pair_by_itself() -> None:
    """Also in its errors by kind, and the same without kinds."""
    for reference, hypothesis in zip(*texts(2_000, seed=1), strict=True):
        left, right = reference.split(), hypothesis.split()
        counts, other = edit_counts(reference=left, hypothesis=right), jiwer.process_words(reference, hypothesis)
        assert tuple(counts) == (other.substitutions, other.deletions, other.insertions, len(left))
        assert distance(reference=left, hypothesis=right) == counts.errors


def test_much_faster_than_jiwer() -> None:
    """Five times and more where nothing else runs; twice is no matter of load."""
    references, hypotheses = texts(3_000)
    answers = [Hypothesis((), text, 0.0) for text in hypotheses]
    for unit, other in (("word", jiwer.wer), ("character", jiwer.cer)):
        metric, ratios = ErrorRate("x", unit), []  # type: ignore[arg-type]
        for _ in range(3):
            started = time.perf_counter()
            metric.summarize(columns(metric, references, answers))
            middle = time.perf_counter()
            other(references, hypotheses)
            ratios.append((time.perf_counter() - middle) / (middle - started))
        assert max(ratios) > 2
