"""Metrics in place of a run's own: what evaluation=<name> of `scansion evaluate` asks for.

Everything else of a run stays as it was. A Report of other metrics is of the same Protocol, so that it would take the
place of the run's own: it goes to a folder of its own, which comparisons of runs do not look into.
"""

from __future__ import annotations

import re
from pathlib import Path

from project.build.compose import options
from project.contract import Config, InputError
from project.run import Run

GROUP = "evaluation"


def other_metrics(config: Config) -> Config:
    """What changes in the run's configuration: its metrics, or nothing."""
    asked = config[GROUP]
    if asked is None:
        return {}
    if (
        not isinstance(asked, dict)
        or asked.keys() != {"name", "metric"}
        or not re.fullmatch(r"\w+", str(asked["name"]))
    ):
        known = ", ".join(name for name in options(GROUP) if not name.startswith("hypotheses/"))
        raise InputError(f"{GROUP}: it names no metrics: choose from {known}")
    return {"metric": asked["metric"]}


def shelf(run: Run, config: Config) -> Path:
    """Where Reports go."""
    return run.reports / str(config[GROUP]["name"]) if config[GROUP] else run.reports
