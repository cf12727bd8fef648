from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.special import expit

from project.contract import Track
from project.evaluation.comparison import compare
from project.evaluation.page.inside_picture import LIMIT, inside_panels, log_odds, told_frames
from project.evaluation.page.section import inside_section
from project.evaluation.result import Report

Make = Callable[..., Report]
Sound = Callable[[str], str]


def test_a_picture_for_each_run_and_two_for_all(make_spans: Make, sound: Sound) -> None:
    comparison = compare([make_spans("base"), make_spans("wide", 4.0)])
    panels = inside_panels(comparison, told_frames(comparison))
    assert [panel.title for panel in panels] == ["base", "wide", "Calibration", "Precision over recall"]
    for panel in panels:
        assert len(sound(panel.svg)) < 30_000
        assert "mathdefault" not in panel.svg
    alone = compare([make_spans("base")])
    assert inside_panels(alone, told_frames(alone))[0].title == "Probabilities inside and outside"


def test_log_odds_are_the_inverse_of_the_sigmoid() -> None:
    odds_N = np.linspace(-5, 5, 31)
    assert np.allclose(log_odds(expit(odds_N)), odds_N)
    assert log_odds(np.array([0.0, 1.0])).tolist() == [-LIMIT, LIMIT]


def test_nothing_said_of_frames_is_no_section(make: Make, make_spans: Make) -> None:
    assert inside_section(compare([make("a", num_examples=9)])) == ""
    report = make_spans("a", num_examples=9)
    assert "<svg" in inside_section(compare([report]))
    without = replace(report, rows=tuple(replace(row, track=None) for row in report.rows))
    assert inside_section(compare([without])) == ""
    assert inside_section(compare([report, replace(without, run="b")])).count("<svg") == 3


def test_a_model_that_says_the_same_of_all(make_spans: Make, sound: Sound) -> None:
    """All in one bin, nothing above the threshold: a collapsed head is drawn as well."""
    report = make_spans("a", num_examples=9)
    rows = tuple(replace(row, track=Track((0.06,) * 105, 0.5)) for row in report.rows)
    comparison = compare([replace(report, rows=rows)])
    for panel in inside_panels(comparison, told_frames(comparison)):
        sound(panel.svg)
    html = inside_section(comparison)
    assert "<td>0.000</td>" in html  # separation
    assert "<td>-</td>" in html  # precision
