"""The pictures of a sweep: a panel a setting, and a line a point."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from project.evaluation.page.axis_picture import axis_panels, parallel_coordinates
from project.evaluation.sensitivity import Trial, sensitivity
from project.evaluation.sensitivity_table import Figure, Outcome

CER = Figure("CER", "lower", percent=True)


def outcome_of(trials: list[Trial], figure: Figure = CER) -> Outcome:
    axes = list(trials[0].settings)
    return Outcome(tuple(trials), sensitivity(trials, axes), figure, None)


def test_a_grid(sound: Callable[[str], str]) -> None:
    """Panels of what explains most come first; the figure is written in percent at both ends of its line."""
    trials = [
        Trial(f"{n}", {"optimizer.lr": lr, "loss": loss, "seed": seed}, 0.1 * n + 0.001 * int(seed))
        for n, (lr, loss, seed) in enumerate(itertools.product(("1e-4", "1e-3"), ("ctc", "masked"), ("1", "2")))
    ]
    outcome = outcome_of(trials)
    panels = axis_panels(outcome)
    assert [panel.title for panel in panels] == ["optimizer.lr", "loss"]
    assert all(">1e-4<" in sound(panel.svg) for panel in panels[:1])
    lines = sound(parallel_coordinates(outcome))
    for text in ("1e-4", "1e-3", "ctc", "masked", "0.1", "70.2", "CER (%)"):
        assert f">{text}<" in lines
    assert outcome.best.name == "0"
    upside = outcome_of(trials, Figure("Accuracy", "higher", percent=False))
    assert upside.best.name == "7"
    assert ">0.702<" in sound(parallel_coordinates(upside))


@pytest.mark.parametrize("low", [1e-5, 0.5])
def test_a_search(low: float, sound: Callable[[str], str]) -> None:
    """Many numbers, wide or narrow, stand where they are; only their ends are written."""
    rng = np.random.default_rng(1)
    rates = np.sort(np.exp(rng.uniform(np.log(low), 0, 20)))
    trials = [Trial(f"{n}", {"lr": f"{rate:.4g}", "size": f"{n % 3}"}, rate) for n, rate in enumerate(rates)]
    outcome = outcome_of(trials)
    assert [panel.title for panel in axis_panels(outcome)] == ["lr", "size"]
    assert all(sound(panel.svg) for panel in axis_panels(outcome))
    lines = sound(parallel_coordinates(outcome))
    assert f">{rates[0]:.4g}<" in lines
    assert f">{rates[9]:.4g}<" not in lines


def test_one_setting_needs_no_lines() -> None:
    outcome = outcome_of([Trial("a", {"lr": "1"}, 0.1), Trial("b", {"lr": "2"}, 0.1)])
    assert parallel_coordinates(outcome) == ""
    assert len(axis_panels(outcome)) == 1
    assert axis_panels(outcome_of([Trial("a", {"seed": "1"}, 0.1), Trial("b", {"seed": "2"}, 0.2)])) == []
