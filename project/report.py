"""scansion report: evaluated runs side by side, where their Protocols are equal, as a table, a page and CSV tables."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from project import atomic
from project.build.compose import Config, app
from project.contract import InputError
from project.run import Run, flatten, is_below

if TYPE_CHECKING:
    from project.evaluation.comparison import Comparison
    from project.evaluation.grid import Grid
    from project.evaluation.page import RunView
    from project.evaluation.result import Report

NOT_SETTINGS = ("command",)  # how a run was asked for, not what it is


def report(config: Config, words: list[str]) -> int:
    """Load, compare, print the tables, write page and CSV; the page's path is the last line on standard output."""
    from rich.console import Console

    from project.evaluation.artefact import write_predictions, write_trace
    from project.evaluation.comparison import compare
    from project.evaluation.page import write_page
    from project.evaluation.result import load
    from project.evaluation.table import markdown, terminal

    if not config["runs"]:
        raise InputError("no run is named: scansion report runs/<family>/<run> ...")
    runs = [Run.open(folder) for folder in config["runs"]]
    chosen = choose(runs, config["protocol"])
    reports = [load(folder) for folder in chosen]
    comparison = compare(reports, baseline=_baseline(runs, reports, config["baseline"]), allow=config["allow"])
    by = [config["by"]] if isinstance(config["by"], str) else list(config["by"] or [])
    views = [view(run) for run in runs]
    grids, notes = tables(comparison, views, by)
    page = write_page(config["out"] or place(runs), comparison, views, by=by)
    settings = [one.settings for one in views]
    write_predictions(page.parent, comparison, settings)
    write_trace(page.parent, comparison, settings, {run.name: scalars(run) for run in runs})
    if config["markdown"]:
        parts = [markdown(comparison), *(grid.markdown() for grid in grids)]
        atomic.write(Path(config["markdown"]), "\n".join(parts))
    console = Console(stderr=True)
    for table in (terminal(comparison), *(grid.terminal() for grid in grids)):
        console.print(table)
    for note in notes:
        console.print(note, markup=False)
    print(page)
    return 0


def tables(comparison: Comparison, views: Sequence[RunView], by: Sequence[str]) -> tuple[list[Grid], list[str]]:
    """What is told beside the comparison: runs of a sweep, conditions (or why there are none), length drift."""
    from project.evaluation.condition import check, condition, condition_grid
    from project.evaluation.picture import coloured
    from project.evaluation.sweep import group_grid, loss_note, loss_terms, run_grid
    from project.evaluation.verdict import drifts

    positions = list(coloured(comparison))
    check(comparison, by, positions)
    settings = [one.settings for one in views]
    note = loss_note(settings, [loss_terms(one.curves) for one in views])
    said = [note] if note else []
    grids = [group_grid(comparison, settings, said) or run_grid(comparison, settings, said)]
    found = [condition(comparison, name, positions) for name in by]
    grids += [condition_grid(comparison, one) for one in found if not isinstance(one, str)]
    notes = [f"{verdict.text}: {verdict.evidence}" for verdict in drifts(comparison)]
    return [grid for grid in grids if grid], [*(one for one in found if isinstance(one, str)), *notes]


def choose(runs: list[Run], protocol: str | None) -> list[Path]:
    """Of each run the Report to compare: of the Protocol asked for, or of the latest one that all have."""
    made = [{file.parent.name: file for file in run.reports.glob("*/report.json")} for run in runs]
    for run, known in zip(runs, made, strict=True):
        if not known:
            raise InputError(f"{run.folder}: no report yet: scansion evaluate {run.folder}")
        if protocol and protocol not in known:
            raise InputError(f"{run.folder}: no report of protocol {protocol}: choose from {', '.join(sorted(known))}")
    common = set.intersection(*(set(known) for known in made))
    if protocol or common:
        latest = protocol or max(common, key=lambda name: made[0][name].stat().st_mtime)
        return [known[latest].parent for known in made]
    return [max(known.values(), key=lambda file: file.stat().st_mtime).parent for known in made]


def _baseline(runs: list[Run], reports: list[Report], baseline: str | None) -> Report | None:
    """The Report of the run that the others are compared with; none where there is only one run."""
    if baseline is None:
        return reports[0] if len(reports) > 1 else None
    wanted = Run.open(baseline).folder.resolve()
    for run, one in zip(runs, reports, strict=True):
        if run.folder.resolve() == wanted:
            return one
    raise InputError(f"baseline={baseline}: not among the runs of this report: name it there too")


def place(runs: list[Run]) -> Path:
    """Where the page goes by default."""
    return Path(os.path.commonpath([run.folder for run in runs])) / "report.html"


def view(run: Run) -> RunView:
    """What the page shows of a run beside its figures."""
    from project.evaluation.page import RunView

    environment, config = run.folder / "environment.json", run.config()
    facts = json.loads(environment.read_text(encoding="utf-8")) if environment.is_file() else {}
    ignored = [*config.get("signature_ignores", []), *NOT_SETTINGS]
    settings = {key: value for key, value in flatten(config) if not is_below(key, ignored)}
    return RunView(run.name, str(run.folder), run.curves(), facts, str(config.get("command", "")), settings)


def scalars(run: Run) -> Iterator[tuple[str, str, str, str]]:
    """The lines of metrics.csv: step, epoch, name, value."""
    if run.metrics_file.is_file():
        with run.metrics_file.open(newline="", encoding="utf-8") as handle:
            for row in csv.DictReader(handle):
                yield row["step"], row["epoch"], row["name"], row["value"]


main = app("report", report)

if __name__ == "__main__":
    main()
