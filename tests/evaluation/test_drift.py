from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from project.contract import Hypothesis
from project.evaluation.comparison import compare
from project.evaluation.drift import Drift, drift_grid, length_cells, length_drift, length_strata
from project.evaluation.page.condition_picture import by_text_length
from project.evaluation.result import Report
from project.evaluation.verdict import verdicts

Make = Callable[..., Report]
Sound = Callable[[str], str]


@pytest.fixture
def recognized(make: Make, metrics: tuple[object, ...]) -> Callable[..., Report]:
    """A Report whose hypotheses are made by a function of the reference."""

    def change(recognize: Callable[[str], str], run: str = "a") -> Report:
        report = make(run, num_groups=120)
        rows = []
        for row in report.rows:
            text = recognize(row.reference)
            columns: dict[str, float] = {}
            for metric in metrics:
                columns |= metric.score(row.reference, Hypothesis((), text, 0.0))  # type: ignore[attr-defined]
            rows.append(replace(row, hypothesis=text, columns=columns))
        return replace(report, rows=tuple(rows))

    return change


def test_the_line_is_that_of_weighted_least_squares(recognized: Callable[..., Report]) -> None:
    rng = random.Random(5)
    report = recognized(lambda text: "".join(symbol for symbol in text if rng.random() > len(text) / 500) or "E")
    drift = length_drift(report)
    assert drift is not None
    wanted = np.array([len(row.reference) for row in report.rows], dtype=float)
    ratios = np.array([len(row.hypothesis) for row in report.rows]) / wanted
    slope, _ = np.polyfit(wanted, ratios, 1, w=np.sqrt(wanted))
    assert drift.short, drift.long == pytest.approx(np.quantile(wanted, [0.05, 0.95]))
    assert drift.change == pytest.approx(slope * (drift.long - drift.short))
    quarter = wanted >= np.quantile(wanted, 0.75)
    assert drift.ratio_long == pytest.approx(np.average(ratios[quarter], weights=wanted[quarter]))
    assert drift.interval[0] < drift.change < drift.interval[1] < 0


def test_lost_ends_of_long_texts_are_told(recognized: Callable[..., Report]) -> None:
    cut = recognized(lambda text: text[:35], "cut")
    longer = recognized(lambda text: text + "E" * (len(text) // 12), "longer")
    found = [verdict for verdict in verdicts(compare([cut, longer])) if "the longer the text is" in verdict.text]
    assert [verdict.text.split(" symbols")[0] for verdict in found] == ["cut loses more", "longer puts in more"]
    assert all(verdict.kind == "warning" for verdict in found)
    assert "points [-" in found[0].evidence
    assert "1.000 in the shortest quarter, 0." in found[0].evidence


def test_even_loss_and_slight_drift_are_not_told(recognized: Callable[..., Report]) -> None:
    rng = random.Random(7)
    even = recognized(lambda text: "".join(symbol for symbol in text if rng.random() > 0.1) or "E", "even")
    slight = recognized(lambda text: text[:-1] if len(text) > 62 else text, "slight")
    right = recognized(lambda text: text, "right")
    assert not any("the longer the text is" in verdict.text for verdict in verdicts(compare([even, slight, right])))
    drift = length_drift(right)
    assert drift is not None
    assert (drift.change, drift.is_real) == (0, False)


@pytest.mark.parametrize(
    ("change", "interval", "is_real"),
    [
        (-0.016, (-0.037, -0.0003), False),  # written as [-3.7, -0.0]
        (-0.016, (-0.037, 0.0), False),
        (0.016, (0.0004, 0.037), False),
        (-0.016, (-0.037, -0.0006), True),  # [-3.7, -0.1]
        (0.016, (0.001, 0.037), True),
        (-0.009, (-0.02, -0.005), False),  # less than 1 %
    ],
)
def test_an_interval_that_is_written_as_touching_0_is_no_drift(
    change: float, interval: tuple[float, float], is_real: bool
) -> None:
    assert Drift(3, 15, change, interval, 1.0, 0.99, "example", "symbols").is_real is is_real


def test_the_table_against_plain_loops(recognized: Callable[..., Report], sound: Sound) -> None:
    comparison = compare([recognized(lambda text: text[:35])])
    strata = length_strata(comparison)
    assert strata is not None
    for place, part in enumerate(length_cells(comparison.reports[0], strata)):
        rows = [row for row in comparison.reports[0].rows if strata.place(float(len(row.reference))) == place]
        assert part is not None
        assert part.num_examples == len(rows)
        expected = sum(len(row.hypothesis) for row in rows) / sum(len(row.reference) for row in rows)
        assert part.value == pytest.approx(expected)
        if expected == 1:
            assert part.interval
            assert part.interval[0] < 1 < part.interval[1]
    grid = drift_grid(comparison, [0])
    assert grid is not None
    assert sum(int(row[1]) for row in grid.rows) == 120
    assert grid.headings[0] == "symbols in the reference"
    assert "length ratio" in sound(by_text_length(comparison))


def test_nothing_to_fit(make: Make) -> None:
    report = make("a", num_examples=20)
    plain = replace(report, metrics={"pearson": 0.5}, intervals={}, measures={})
    assert length_drift(plain) is None
    assert drift_grid(compare([plain]), [0]) is None
    assert by_text_length(compare([plain])) == ""
    assert length_drift(make("a", num_examples=6)) is None
