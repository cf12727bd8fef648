from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from project.contract import Example, Hypothesis, Track
from project.evaluation.comparison import compare
from project.evaluation.drift import drift_grid
from project.evaluation.result import Report, Row
from project.evaluation.span_report import (
    LEAST_OVERLAP,
    Frames,
    at_threshold,
    calibration,
    distance,
    frame_grid,
    frames_of,
    is_of_spans,
    matched,
    overlap,
    precision_recall,
)
from project.metric.span_calibration import FrameCalibration
from project.scoring.reports import rows_of
from project.system.base import Scored
from project.text.span_notation import SpanMark, write_spans

Make = Callable[..., Report]


def row_of(wanted: str, said: str, track: Track | None = None) -> Row:
    return Row("a", wanted, said, None, 50.0, 0.0, {}, track=track)


def random_marks(rng: random.Random) -> list[SpanMark]:
    ends = sorted(rng.sample(range(30), 2 * rng.randint(0, 4)))
    return [SpanMark(rng.choice("ab"), *ends[n : n + 2]) for n in range(0, len(ends), 2)]


def share(one: SpanMark, other: SpanMark) -> float:
    mine, theirs = set(range(one.start, one.end)), set(range(other.start, other.end))
    return len(mine & theirs) / len(mine | theirs)


def test_which_reports_are_of_spans(make: Make, make_spans: Make) -> None:
    report = make_spans("a", num_examples=9)
    assert is_of_spans(report)
    without = tuple(replace(row, track=None) for row in report.rows)
    assert is_of_spans(replace(report, rows=without))
    figures = {"bar_f1": report.metrics["bar_f1"]}
    ranked = replace(report, metrics=figures, intervals={}, measures={})
    assert is_of_spans(ranked)
    assert not is_of_spans(replace(ranked, rows=without))
    assert not is_of_spans(make("b", num_examples=9))
    assert frames_of(replace(report, rows=without)) is None
    assert drift_grid(compare([report]), [0]) is None


@pytest.mark.parametrize(
    ("wanted", "said", "found"),
    [
        ("", "", 1.0), ("a 3-7", "", 0.0), ("", "a 3-7", 0.0), ("a 3-7", "b 3-7", 1.0), ("a 3-7", "a 5-9", 2 / 6),
        ("a 0-4, b 10-14", "a 2-12", 4 / 14), ("a 3-7", "a 7-9", 0.0),
    ],
)  # fmt: skip
def test_overlap(wanted: str, said: str, found: float) -> None:
    assert overlap(row_of(wanted, said)) == pytest.approx(found)


def test_matching_is_the_best_there_is() -> None:
    """By trying all ways: as many pairs as can be, and of these the ones that overlap most."""
    rng = random.Random(0)
    for _ in range(300):
        wanted, said = random_marks(rng), random_marks(rng)
        found = matched(row_of(write_spans(wanted), write_spans(said)))
        assert sorted(one for one, _ in found if one) == sorted(wanted)
        assert sorted(other for _, other in found if other) == sorted(said)
        mine = [share(one, other) for one, other in found if one and other]
        assert all(part >= LEAST_OVERLAP for part in mine)
        few, many = sorted((wanted, said), key=len)
        ways = (
            [part for one, other in zip(few, chosen, strict=True) if (part := share(one, other)) >= LEAST_OVERLAP]
            for chosen in permutations(many, len(few))
        )
        assert (len(mine), pytest.approx(sum(mine))) == max((len(way), sum(way)) for way in ways)


def test_distance() -> None:
    assert distance(row_of("a 1-2", "", Track((0.5, 0.25, 0.0), 0.5))) == pytest.approx((0.25 + 0.75**2) / 3)
    assert distance(row_of("a 1-2", "")) == 0


def test_figures_of_frames_are_those_of_the_metrics(make_spans: Make) -> None:
    report = make_spans("a")
    frames = frames_of(report)
    assert frames is not None
    assert len(frames.said_N) == 40 * 105
    precision, recall = at_threshold(frames)
    assert precision == pytest.approx(report.metrics["bar_f1_precision"])
    assert recall == pytest.approx(report.metrics["bar_f1_recall"])
    (row,) = frame_grid(["a"], [frames]).rows
    assert row[5] == f"{report.metrics['bar_separation']:.3f}"
    silent = replace(frames, threshold=1.5)
    assert at_threshold(silent) == (None, 0.0)
    assert frame_grid(["a"], [silent]).rows[0][7] == "-"


def test_calibration_is_that_of_the_metric(make_spans: Make) -> None:
    report = make_spans("a")
    frames = frames_of(report)
    assert frames is not None
    bins = calibration(frames)
    gap = sum(one.num_frames * abs(one.said - one.inside) for one in bins) / len(frames.said_N)
    metric = FrameCalibration("ece", "brier", bins=10)
    scores = [metric.score(row.reference, Hypothesis((), "", 0.0, track=row.track)) for row in report.rows]
    columns = {name: [score[name] for score in scores] for name in scores[0]}
    assert gap == pytest.approx(metric.summarize(columns)["ece"])
    assert sum(one.num_frames for one in bins) == len(frames.said_N)


def test_precision_and_recall_at_each_threshold() -> None:
    rng = np.random.default_rng(0)
    said_N = rng.integers(0, 12, 200) / 12
    frames = Frames(said_N, rng.random(200) < said_N, 0.5)
    precision_K, recall_K = precision_recall(frames)
    found = [at_threshold(replace(frames, threshold=level)) for level in sorted({*said_N.tolist()}, reverse=True)]
    assert precision_K.tolist() == pytest.approx([precision for precision, _ in found])
    assert recall_K.tolist() == pytest.approx([recall for _, recall in found])
    assert recall_K[-1] == 1


def test_rows_keep_what_is_said_of_frames() -> None:
    track = Track((0.25, 0.75), 0.5)
    hypothesis = Hypothesis((1,), "a 1-2", -1.0, ((1, 2),), (0.75,), track=track)
    examples = [Example("x", "s.npy#0:2", 2), Example("y", "s.npy#2:4", 2)]
    silent = replace(hypothesis, track=None)
    scored = {"x": Scored("x", "a 0-2", hypothesis, {}), "y": Scored("y", "", silent, {})}
    assert [row.track for row in rows_of(examples, scored)] == [track, None]  # type: ignore[arg-type]


def test_frames_of_one_side_alone_are_none(make_spans: Make) -> None:
    report = make_spans("a", num_examples=9)
    assert frames_of(replace(report, rows=tuple(replace(row, reference="") for row in report.rows))) is None
    everywhere = tuple(replace(row, reference="retracement 0-105") for row in report.rows)
    assert frames_of(replace(report, rows=everywhere)) is None
