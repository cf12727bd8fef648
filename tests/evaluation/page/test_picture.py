from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from project.evaluation.comparison import compare
from project.evaluation.page.drawing import SERIES
from project.evaluation.page.picture import by_length, coloured, curve_panels, forest, thin
from project.evaluation.result import Report

Make = Callable[..., Report]
Sound = Callable[[str], str]


def test_forest(make: Make, sound: Sound) -> None:
    base, other = make("a <&> $x$"), make("令", 0.02)
    one = sound(forest(compare([base, other])))
    two = sound(forest(compare([base, other], base)))
    assert "difference to" in two
    assert "difference to" not in one
    assert "a &lt;&amp;&gt; $x$" in two
    assert "令" in two
    assert "var(--series-1)" in two


def test_curves(make: Make, sound: Sound) -> None:
    comparison = compare([make("a", num_examples=20), make("b", num_examples=20)])
    steps = [(n, 3.0 / (n + 1)) for n in range(1000)]
    curves = {
        "a": {"train/loss": steps, "dev/loss": steps[::100], "dev/cer": steps[::100], "dev/cer_deletions": steps},
        "b": {"train/loss": [*steps, (1000, float("nan"))], "train/ctc": steps, "train/lr": steps, "dev/cer": []},
        "unknown": {"train/secret": steps},
    }
    panels = curve_panels(comparison, curves)
    assert [panel.title for panel in panels] == ["Loss", "CER (%)", "CTC", "LR"]
    for panel in panels:
        assert len(sound(panel.svg)) < 60_000
    assert curve_panels(comparison, {}) == []
    alone = {"a": {"train/loss": steps, "train/ctc": steps}}
    assert [panel.title for panel in curve_panels(comparison, alone)] == ["Loss"]


def test_by_length(make: Make, sound: Sound) -> None:
    comparison = compare([make("a"), make("b")])
    assert "length (s)" in sound(by_length(comparison))
    report = comparison.reports[0]
    plain = replace(report, metrics={"pearson": 0.5}, intervals={}, measures={})
    assert by_length(compare([plain])) == ""
    equal = replace(report, rows=tuple(replace(row, length=1.0) for row in report.rows))
    assert by_length(compare([equal])) == ""


def test_colours_go_to_baseline_and_best(make: Make, sound: Sound) -> None:
    reports = [make(f"r{n:02d}", 0.01 * (n + 1), num_examples=12) for n in range(12)]
    comparison = compare(reports, reports[11])
    found = coloured(comparison)
    assert set(found) == {11, *comparison.ranking()[: len(SERIES) - 1]}
    assert sorted(found.values()) == list(range(len(SERIES)))
    sound(forest(comparison))


def test_thin_keeps_the_shape() -> None:
    points = thin([(n, float(n)) for n in range(10_000)], 100)
    assert len(points) == 100
    assert all(abs(x - y) < 1e-9 for x, y in points)
    assert thin([(0, float("inf"))]) == []
