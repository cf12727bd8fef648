"""scansion report: evaluated runs side by side, where their Protocols are equal, as a table and a page."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from project import atomic
from project.build.compose import Config, app
from project.contract import InputError
from project.run import Run

if TYPE_CHECKING:
    from project.evaluation.page import RunView
    from project.evaluation.result import Report


def report(config: Config, words: list[str]) -> int:
    """Load, compare, print the table, write the page; the page's path is the last line on standard output."""
    from rich.console import Console

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
    page = write_page(config["out"] or place(runs), comparison, [view(run) for run in runs])
    if config["markdown"]:
        atomic.write(Path(config["markdown"]), markdown(comparison))
    Console(stderr=True).print(terminal(comparison))
    print(page)
    return 0


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

    environment = run.folder / "environment.json"
    facts = json.loads(environment.read_text(encoding="utf-8")) if environment.is_file() else {}
    return RunView(run.name, str(run.folder), run.curves(), facts, str(run.config().get("command", "")))


main = app("report", report)

if __name__ == "__main__":
    main()
