from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import jiwer
import numpy as np
import pytest
from scipy.stats import binomtest

from project.contract import Hypothesis, InputError
from project.evaluation.estimate import make_report
from project.evaluation.interval import ratio_interval
from project.evaluation.result import Report
from project.metric.association import Array, Weighed, pearson
from project.metric.text import LengthRatio

Make = Callable[..., Report]


class Correlation:
    """A figure that is no ratio of sums, and should grow."""

    name = "correlation"
    better = "higher"

    def score(self, reference: str, hypothesis: Hypothesis) -> Mapping[str, float]:
        return {
            "cer_length": float(len(reference)),
            "wer_length": float(len(hypothesis.text.split() or reference.split())),
        }

    def summarize(self, columns: Mapping[str, Sequence[float]]) -> Mapping[str, float]:
        return {"correlation": float(np.corrcoef(columns["cer_length"], columns["wer_length"])[0, 1])}


def test_figures_against_another_library(make: Make) -> None:
    report = make("a")
    references, hypotheses = [row.reference for row in report.rows], [row.hypothesis for row in report.rows]
    assert report.primary == "cer"
    assert report.metrics["cer"] == pytest.approx(jiwer.cer(references, hypotheses))
    assert report.metrics["wer"] == pytest.approx(jiwer.wer(references, hypotheses))


def test_intervals_are_over_groups_where_there_are_enough(make: Make) -> None:
    many, few = make("a", num_groups=12), make("a", num_groups=4)
    assert many.info["interval"]["unit"] == "group"
    assert many.info["interval"]["units"] == 12
    assert few.info["interval"]["unit"] == "example"
    above, below = many.measures["cer"].counts(many.rows)
    assert many.intervals["cer"] == ratio_interval(above, below, [row.group for row in many.rows])
    assert set(many.intervals) == set(many.metrics)
    assert many.info["seconds"] == 12.5


def test_figures_that_are_no_ratios(make: Make, metrics: tuple[object, ...]) -> None:
    base = make("a")
    report = make_report(base.protocol, "a", [*metrics, Correlation()], base.rows, "2026-02-03")  # type: ignore[list-item]
    low, high = report.intervals["correlation"]
    assert low < report.metrics["correlation"] < high
    assert not report.measures["correlation"].is_ratio
    assert report.measures["correlation"].better == "higher"
    assert report.measures["cer"].better == "lower"


class Exact(Correlation):
    """A mean over examples: nothing below the line."""

    name = "exact"
    ratios: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {"exact": (("cer_hits",), ())}

    def summarize(self, columns: Mapping[str, Sequence[float]]) -> Mapping[str, float]:
        return {"exact": sum(columns["cer_hits"]) / len(columns["cer_hits"])}


def test_means_are_resampled_fast(make: Make) -> None:
    base = make("a", num_groups=120)
    rows = [replace(row, columns={"cer_hits": float(row.reference == row.hypothesis)}) for row in base.rows]
    report = make_report(base.protocol, "a", [Exact()], rows, "2026-02-03")
    assert report.measures["exact"].is_ratio
    assert report.measures["exact"].counts(report.rows)[1] == [1.0] * 120
    hits = round(120 * report.metrics["exact"])
    expected = binomtest(hits, 120).proportion_ci(method="wilson")
    assert report.intervals["exact"] == pytest.approx((expected.low, expected.high), abs=0.02)


class Fast(Correlation):
    """The same figure, offered for many resamples at once."""

    def weigh(self, columns: Mapping[str, Array]) -> dict[str, Weighed]:
        return {"correlation": pearson(columns["cer_length"], columns["wer_length"])}


def test_figures_offered_for_many_resamples_at_once(make: Make) -> None:
    base = make("a")
    reports = [make_report(base.protocol, "a", [kind()], base.rows, "2026-02-03") for kind in (Correlation, Fast)]
    slow, fast = (report.intervals["correlation"] for report in reports)
    assert reports[0].metrics == reports[1].metrics
    assert fast != slow
    assert fast == pytest.approx(slow, abs=0.1 * (slow[1] - slow[0]))


def test_a_figure_whose_best_is_one(make: Make) -> None:
    base = make("a", num_groups=120)
    metric = LengthRatio("length_ratio", "character")
    for hypothesis in ("{}", "{}A", ""):
        rows = []
        for row in base.rows:
            text = hypothesis.format(row.reference)
            rows.append(replace(row, hypothesis=text, columns=metric.score(row.reference, Hypothesis((), text, 0.0))))
        report = make_report(base.protocol, "a", [metric], rows, "2026-02-03")  # type: ignore[list-item]
        low, high = report.intervals["length_ratio"]
        figure = report.metrics["length_ratio"]
        assert (low < figure < high) or not hypothesis  # also where nothing varies: it might be longer or shorter
        assert report.measures["length_ratio"].better == "one"


def test_refused(make: Make, metrics: tuple[object, ...]) -> None:
    base = make("a", num_examples=5)
    with pytest.raises(InputError, match="nothing was evaluated"):
        make_report(base.protocol, "a", metrics, [], "2026-02-03")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="reckoned by two metrics"):
        make_report(base.protocol, "a", [metrics[0], metrics[0]], base.rows, "2026-02-03")  # type: ignore[list-item]
    crooked = Correlation()
    crooked.better = "sideways"
    with pytest.raises(InputError, match="better is 'sideways'"):
        make_report(base.protocol, "a", [crooked], base.rows, "2026-02-03")
    assert replace(base, created="2026-02-04").created == "2026-02-04"
