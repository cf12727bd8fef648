"""Metrics of whole spans and of a window's one answer, against trying all pairings and plain loops."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from project.build.bind import make
from project.build.compose import compose
from project.contract import Hypothesis, InputError
from project.metric.span_answers import BoundaryError, KindAccuracy
from project.metric.span_overlap import count_matches, overlaps
from project.metric.span_segments import SegmentF1, SegmentMap
from project.text.alphabet import Alphabet
from project.text.span_notation import SpanMark, write_spans

KINDS = Alphabet(("consolidation", "retracement"), " ")
NAMES = ("segment_f1", "segment_map", "start_error", "end_error", "kind_accuracy")
Span = tuple[int, int]
Window = tuple[str, Hypothesis]


def text_of(spans: Sequence[Span], kind: str = "retracement") -> str:
    return write_spans(SpanMark(kind, start, end) for start, end in spans)


def answer(spans: Sequence[Span], sure: Sequence[float], kind: int = 2) -> Hypothesis:
    text = text_of(spans, KINDS.symbols[kind - 1])
    return Hypothesis((kind,) * len(spans), text, 0.0, tuple(spans), tuple(sure))


def drawn_spans(rng: np.random.Generator, most: int, frames: int = 40) -> list[Span]:
    cuts = np.sort(rng.choice(frames, size=2 * int(rng.integers(0, most + 1)), replace=False)).tolist()
    return list(zip(cuts[::2], cuts[1::2], strict=True))


def windows(count: int = 60, most: int = 4) -> list[Window]:
    """Some spans wanted and some said near them, with gaps, splits and inventions."""
    rng = np.random.default_rng(3)
    found = []
    for _ in range(count):
        wanted = drawn_spans(rng, most)
        moved = [(max(0, a - int(rng.integers(0, 3))), b + int(rng.integers(0, 3))) for a, b in wanted]
        said = [span for span in moved if rng.random() < 0.8] + drawn_spans(rng, 1)
        reference = text_of(wanted, KINDS.symbols[int(rng.integers(0, 2))])
        found.append((reference, answer(said, rng.random(len(said)).tolist(), int(rng.integers(1, 3)))))
    return found


def columns_of(metric: Any, examples: Sequence[Window]) -> dict[str, list[float]]:
    rows = [metric.score(*example) for example in examples]
    return {name: [row[name] for row in rows] for name in rows[0]}


def figures_of(metric: Any, examples: Sequence[Window]) -> Mapping[str, float]:
    figures: Mapping[str, float] = metric.summarize(columns_of(metric, examples))
    return figures


def built(name: str) -> Any:
    return make(compose("train", [f"metric={name}"])["metric"], "metric", alphabet=KINDS)[name]


def overlap(one: Span, other: Span) -> float:
    """Of the sets of frames."""
    mine, theirs = set(range(*one)), set(range(*other))
    return len(mine & theirs) / len(mine | theirs)


def wanted_of(reference: str) -> list[Span]:
    parts = [part.rsplit(" ", 1)[1].split("-") for part in reference.split(", ")] if reference else []
    return [(int(start), int(end)) for start, end in parts]


def most_pairs(said: Sequence[Span], wanted: Sequence[Span], least: float) -> int:
    """By trying every order."""
    few, many = sorted((list(said), list(wanted)), key=len)
    orders = itertools.permutations(many, len(few))
    return max(sum(overlap(a, b) >= least for a, b in zip(few, order, strict=True)) for order in orders)


def test_overlaps_are_those_of_sets_of_frames() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        said, wanted = drawn_spans(rng, 4), drawn_spans(rng, 4)
        expected = np.array([[overlap(one, other) for other in wanted] for one in said]).reshape(len(said), len(wanted))
        np.testing.assert_array_equal(overlaps(said, wanted), expected)


def test_as_many_pairs_as_there_can_be() -> None:
    """One to one: a wanted span cut in two is one pair, and taking the best first is not always best."""
    rng = np.random.default_rng(0)
    for _ in range(300):
        shares_SW = rng.choice([0.0, 0.3, 0.5, 0.6], size=tuple(rng.integers(1, 5, 2)))
        few = shares_SW if len(shares_SW) <= shares_SW.shape[1] else shares_SW.T
        orders = itertools.permutations(range(few.shape[1]), len(few))
        best = max(sum(few[row, column] >= 0.5 for row, column in enumerate(order)) for order in orders)
        assert count_matches(shares_SW, 0.5) == best
    assert figures_of(SegmentF1("f", [0.3]), [(text_of([(0, 10)]), answer([(0, 5), (5, 10)], [1, 1]))])["f"] == 2 / 3


def test_f1_of_spans() -> None:
    examples = windows()
    figures = figures_of(SegmentF1("segment_f1", [0.5, 0.3, 0.7]), examples)
    said = sum(len(hypothesis.spans) for _, hypothesis in examples)
    wanted = sum(len(wanted_of(reference)) for reference, _ in examples)
    assert list(figures) == ["segment_f1", "segment_f1_30", "segment_f1_70"]
    for (name, figure), least in zip(figures.items(), (0.5, 0.3, 0.7), strict=True):
        pairs = sum(most_pairs(hypothesis.spans, wanted_of(text), least) for text, hypothesis in examples)
        precision, recall = pairs / said, pairs / wanted
        assert figure == pytest.approx(2 * precision * recall / (precision + recall)), name
    assert figures["segment_f1_30"] > figures["segment_f1"] > figures["segment_f1_70"] > 0


def test_an_overlap_of_just_the_least_is_enough() -> None:
    """7 of 10 frames are 0.7, and 0.7 is no number of the computer's."""
    for least, size in ((0.3, 3), (0.5, 5), (0.6, 6), (0.7, 7)):
        shares = overlaps([(0, 10)], [(0, size)])
        assert count_matches(shares, least) == 1
        assert count_matches(shares, least + 1e-9) == 0


def plain_map(examples: Sequence[Window], least: float, bins: int, rng: np.random.Generator) -> float:
    """Detections one by one from the surest bin down, those of one bin in some order."""
    found: list[tuple[float, bool]] = []
    for reference, hypothesis in examples:
        free = wanted_of(reference)
        order = sorted(range(len(hypothesis.spans)), key=lambda place: -hypothesis.confidences[place])
        for place in order:
            shares = [overlap(hypothesis.spans[place], span) for span in free]
            is_hit = bool(shares) and max(shares) >= least
            if is_hit:
                free.pop(int(np.argmax(shares)))
            found.append((min(int(hypothesis.confidences[place] * bins), bins - 1) + rng.random(), is_hit))
    hits, total = 0, 0.0
    for place, (_, is_hit) in enumerate(sorted(found, reverse=True), start=1):
        hits += is_hit
        total += is_hit * hits / place
    return total / sum(len(wanted_of(reference)) for reference, _ in examples)


@pytest.mark.parametrize("bins", [1, 5, 1_000_000])
def test_mean_average_precision_of_spans(bins: int) -> None:
    """With a million bins no two are equal; otherwise it is the mean over orders."""
    examples, levels = windows(30), (0.3, 0.7)
    found = figures_of(SegmentMap("segment_map", levels, min(bins, 1000)), examples)["segment_map"]
    rng, rounds = np.random.default_rng(0), 1 if bins > 1000 else 100
    orders = [np.mean([plain_map(examples, least, bins, rng) for least in levels]) for _ in range(rounds)]
    assert found == pytest.approx(np.mean(orders), abs=1e-3 if rounds == 1 else 4 * np.std(orders) / rounds**0.5)


def test_errors_of_start_and_end() -> None:
    examples = [
        (text_of([(10, 20)]), answer([(0, 3), (12, 19)], [0.2, 0.9])),  # the surest counts: 2 and 1
        (text_of([(10, 20), (30, 35)]), answer([(29, 40)], [0.5])),  # the nearer one is wanted: 1 and 5
        (text_of([(1, 5)]), answer([], [])),  # missed
        ("", answer([(1, 5)], [0.5])),  # nothing to be off from
    ]
    start = figures_of(BoundaryError("start_error", "start"), examples)
    assert start == {"start_error": pytest.approx(1.5), "start_error_uncounted": pytest.approx(1 / 3)}
    assert figures_of(BoundaryError("end_error", "end"), examples)["end_error"] == pytest.approx(3)
    early = figures_of(BoundaryError("start_error", "start"), examples[2:])
    assert early == {"start_error_uncounted": 1}


def test_kinds_of_windows_with_one_span() -> None:
    examples = [
        (text_of([(1, 5)], "retracement"), answer([(1, 5)], [0.5], kind=2)),
        (text_of([(1, 5)], "retracement"), answer([(1, 5)], [0.5], kind=1)),
        (text_of([(1, 5)], "retracement"), answer([], [])),
        (text_of([(1, 5)], "consolidation"), answer([(20, 25)], [0.5], kind=1)),  # wherever it lies
        (text_of([(1, 5), (8, 9)]), answer([(1, 5)], [0.5])),
        ("", answer([(1, 5)], [0.5])),
    ]
    figures = figures_of(KindAccuracy("kind_accuracy", KINDS), examples)
    assert figures == {"kind_accuracy": 0.5, "kind_accuracy_majority": 0.75}
    mixed = Hypothesis((1, 2), "", 0.0, ((0, 2), (3, 5)), (0.4, 0.6))
    assert figures_of(KindAccuracy("k", KINDS), [(text_of([(1, 5)]), mixed)])["k"] == 1


@pytest.mark.parametrize("name", NAMES)
class TestEach:
    def test_its_first_figure_bears_its_name(self, name: str) -> None:
        metric = built(name)
        perfect = [(text_of([(2, 6)]), answer([(2, 6)], [0.9])), ("", answer([], []))]
        figures = figures_of(metric, perfect)
        assert next(iter(figures)) == metric.name == name
        assert figures[name] == (0 if metric.better == "lower" else 1)

    def test_nothing_said_is_no_failure_and_nothing_wanted_is_one(self, name: str) -> None:
        metric = built(name)
        figures = figures_of(metric, [(text_of([(2, 6)]), answer([], []))])
        assert figures.get(name, 0) == 0
        assert all(np.isfinite(list(figures.values())))
        with pytest.raises(InputError, match=f"metric.{name}: no .*: evaluate"):
            figures_of(metric, [("", answer([(2, 6)], [0.9]))])

    def test_many_resamples_at_once_are_those_one_by_one(self, name: str, check_resamples: Callable[..., None]) -> None:
        check_resamples(built(name), windows(most=2))


def test_parameters_that_mean_nothing_are_refused() -> None:
    for levels in ([], [0.5, 0.5], [0.0], [1.5]):
        with pytest.raises(InputError, match=r"metric\.f\.overlaps"):
            SegmentF1("f", levels)
    with pytest.raises(InputError, match="bins"):
        SegmentMap("m", [0.5], bins=0)
    with pytest.raises(InputError, match="give start or end"):
        BoundaryError("b", "middle")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="does not say how sure"):
        SegmentMap("m", [0.5]).score("", Hypothesis((1,), "", 0.0, ((1, 2),)))
    with pytest.raises(InputError, match="kind 'trend' is not one of the alphabet"):
        KindAccuracy("k", KINDS).score("trend 1-2", answer([], []))
