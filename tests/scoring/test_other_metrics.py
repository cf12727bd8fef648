"""Metrics in place of a run's own: every set of conf binds, and what is none is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from project.build.assemble import OFFERS
from project.build.bind import check, make
from project.build.compose import CONF, compose, options
from project.contract import InputError
from project.run import Run
from project.scoring.other_metrics import GROUP, other_metrics, shelf

SETS = [name for name in options(GROUP) if not name.startswith("hypotheses/")]


def test_there_are_some() -> None:
    assert "phoneme/source" in SETS


@pytest.mark.parametrize("name", SETS)
def test_every_set_of_metrics_binds(name: str) -> None:
    config = compose("evaluate", [f"evaluation={name}"])
    own = other_metrics(config)
    assert check(own["metric"], "metric", OFFERS["metric"]) >= 2
    assert [metric.name for metric in make(own["metric"], "metric").values()] == list(own["metric"])
    assert shelf(Run(Path("runs/a")), config) == Path("runs/a/reports") / config[GROUP]["name"]
    assert (CONF / GROUP / f"{name}.yaml").read_text(encoding="utf-8").startswith("# ")


def test_without_one_all_stays_as_it_was() -> None:
    config = compose("evaluate")
    assert other_metrics(config) == {}
    assert shelf(Run(Path("runs/a")), config) == Path("runs/a/reports")


@pytest.mark.parametrize(
    "asked", ["phoneme", {"metric": {}}, {"name": "../up", "metric": {}}, {"name": "a", "statement": ""}]
)
def test_what_names_no_metrics_is_refused(asked: Any) -> None:
    with pytest.raises(InputError, match="evaluation: it names no metrics: choose from phoneme/source"):
        other_metrics({GROUP: asked})
