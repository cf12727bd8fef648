"""A dashboard at W&B: a workspace and a report of runs, or of a sweep, made with W&B's own library.

Both show figures and losses over steps, the learning rate, examples, and of a sweep what was varied beside the best
figure. Without an account, or with out=, what would be sent is written as JSON instead. It sends no run: `wandb sync`
does.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import math
import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from project import atomic
from project.contract import Config, InputError
from project.reporting.known_run import KnownRun
from project.reporting.selection import place, run_folders
from project.run import Run
from project.sweep import Sweep

IDENTITY = "wandb.json"  # in a run's folder, written by logger=wandb
AXIS, EXAMPLES = "step", "examples"  # as logger=wandb calls them
FULL, HALF = 24, 12  # widths in a report, of 24 columns
NO_TERMS = ("train/loss", "train/lr", "train/skipped_steps", "train/batches")
WIDE = 30.0  # from the least to the largest value: shown by its logarithm


@dataclass(frozen=True, slots=True)
class Axis:
    """Something that was varied."""

    key: str
    is_logarithmic: bool


@dataclass(frozen=True, slots=True)
class Board:
    """What a dashboard shows, and of which W&B runs."""

    entity: str
    project: str
    title: str
    runs: tuple[str, ...]  # ids; none: all of the group
    group: str | None
    curves: Mapping[str, Sequence[str]]  # title of a plot -> names of scalars
    axes: Sequence[Axis]
    best: str  # the figure by which the best checkpoint was chosen


def act(config: Config) -> int:
    """Make workspace and report; where they are, or what would be sent, is the last line on standard output."""
    from project.logger.wandb_account import logged_in

    if importlib.util.find_spec("wandb_workspaces") is None:
        raise InputError("action=dashboard: wandb-workspaces is missing: pip install 'scansion[wandb]'")
    known, sweep = chosen(config)
    board = describe(known, sweep, config["dashboard"])
    if config["out"] is None and logged_in():
        for address in send(board):
            print(address)
        return 0
    target = Path(config["out"] or place([one.run for one in known]).with_name("dashboard.json"))
    target.parent.mkdir(parents=True, exist_ok=True)
    atomic.write(target, json.dumps(content(board), indent=1) + "\n")
    if config["out"] is None:
        print("not logged in to W&B: what would be sent is written to a file", file=sys.stderr)
    print(target)
    return 0


def chosen(config: Config) -> tuple[list[KnownRun], Sweep | None]:
    """The runs that were named, all logged to W&B; or those of a sweep that have been by now."""
    if config["runs"]:
        runs = [KnownRun.open(folder) for folder in run_folders(config["runs"])]
        missing = next((one.run for one in runs if not (one.run.folder / IDENTITY).is_file()), None)
        if missing:
            raise InputError(f"{missing.folder}: it was not logged to W&B: train with logger=wandb")
        return runs, None
    sweep = Sweep.open(config["sweep"])
    folders = [point.run for point in sweep.points() if (point.run / IDENTITY).is_file()]
    runs = [KnownRun.open(folder) for folder in folders if Run(folder).config_file.is_file()]
    if not runs:
        raise InputError(f"{sweep.folder}: none of its runs was logged to W&B: train with logger=wandb")
    return runs, sweep


def describe(known: Sequence[KnownRun], sweep: Sweep | None, wanted: Mapping[str, Any]) -> Board:
    """What is shown of these runs. `wanted`: project, entity and title, where they are not the runs' own."""
    marks = [json.loads((one.run.folder / IDENTITY).read_text(encoding="utf-8")) for one in known]
    found = {(wanted["entity"] or mark["entity"], wanted["project"] or mark["project"]) for mark in marks}
    if len(found) > 1:
        names = ", ".join(sorted(f"{entity or 'the account'}/{project}" for entity, project in found))
        raise InputError(f"these runs are in several W&B projects: {names}: name those of one, or dashboard.project=")
    ((entity, project),) = found
    config = known[0].config
    metrics = [f"dev/{node['name']}" for node in config["metric"].values()]
    scalars = {name for one in known for name in one.run.curves()}
    terms = sorted(name for name in scalars if is_term(name))
    curves = {name: [name] for name in (*metrics, "dev/loss", "train/loss", "train/lr") if name in scalars}
    return Board(
        entity or "",
        project,
        wanted["title"] or (f"sweep {sweep.name}" if sweep else ", ".join(one.run.name for one in known[:3])),
        () if sweep else tuple(mark["id"] for mark in marks),
        sweep.name if sweep else None,
        curves | ({"terms of the loss": terms} if len(terms) > 1 else {}),
        varied([one.settings for one in known]),
        f"best/{config['callbacks']['checkpoint']['monitor']}",
    )


def is_term(name: str) -> bool:
    """Whether a scalar is a term of the training loss as it is.

    >>> [is_term(name) for name in ("train/ctc", "train/ctc/weighted", "train/lr", "dev/ctc")]
    [True, False, False, False]
    """
    return name.startswith("train/") and name.count("/") == 1 and name not in NO_TERMS


def varied(settings: Sequence[Mapping[str, Any]]) -> list[Axis]:
    """Settings in which runs differ, as far as they are single values; of those that always go together one.

    >>> varied([{"lr": 0.1, "data.seed": 1, "seed": 1}, {"lr": 0.001, "data.seed": 2, "seed": 2}])
    [Axis(key='lr', is_logarithmic=True), Axis(key='seed', is_logarithmic=False)]
    """
    keys = sorted(dict.fromkeys(key for one in settings for key in one), key=lambda key: key.count("."))
    found: dict[str, tuple[str, list[Any]]] = {}
    for key in keys:
        values = [one.get(key) for one in settings]
        if any(value != values[0] for value in values) and not any(isinstance(v, list | dict) for v in values):
            found.setdefault(json.dumps(values), (key, values))
    return [Axis(key, spreads(values)) for key, values in found.values()]


def spreads(values: Iterable[Any]) -> bool:
    """Whether numbers are all above 0 and of several sizes."""
    numbers = [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    is_positive = bool(numbers) and all(v > 0 and math.isfinite(v) for v in numbers)
    return is_positive and max(numbers) / min(numbers) >= WIDE


def content(board: Board) -> dict[str, Any]:
    """What W&B would be sent."""
    made = {"workspace": workspace(board), "report": report(board)}
    return {
        name: one._to_model().model_dump(mode="json", by_alias=True, exclude_none=True) for name, one in made.items()
    }


def send(board: Board) -> list[str]:
    """Save both; their addresses."""
    import wandb

    if not board.entity:
        board = replace(board, entity=str(wandb.Api().default_entity))
    return [one.save().url for one in (workspace(board), report(board))]


def workspace(board: Board) -> Any:
    """The runs' own page: a section each for figures, learning, what was varied, and examples."""
    library = part_of_library("workspaces")
    parts = panels(board)
    return library.Workspace(
        entity=board.entity,
        project=board.project,
        name=board.title,
        sections=[library.Section(name=name, panels=found, is_open=True) for name, found in parts.items()],
        settings=library.WorkspaceSettings(x_axis=AXIS, max_runs=50),
        runset_settings=library.RunsetSettings(filters=wanted_runs(board)),
    )


def report(board: Board) -> Any:
    """The same as a page to read and to hand on."""
    library = part_of_library("reports.v2")
    runset = library.Runset(name=board.title, filters=wanted_runs(board))  # of the report's own project
    blocks = []
    for name, found in panels(board).items():
        blocks += [library.H2(name), library.PanelGrid(runsets=[runset], panels=found)]
    return library.Report(
        entity=board.entity, project=board.project, title=board.title, width="fluid",
        description="Made by scansion report action=dashboard.", blocks=blocks,
    )  # fmt: skip


def part_of_library(name: str) -> Any:
    """A module of W&B's library, which warns of its own age when it is imported."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(f"wandb_workspaces.{name}")


def wanted_runs(board: Board) -> Any:
    """By group, so that points still to come are there too; or by id."""
    expr = part_of_library("expr")
    one = expr.Metric("ID").isin(list(board.runs)) if board.group is None else expr.Metric("Group") == board.group
    return expr.And(one)


def panels(board: Board) -> dict[str, list[Any]]:
    """Section -> its panels."""
    library = part_of_library("reports.v2")

    def plot(title: str, row: int, column: int) -> Any:
        layout = library.Layout(x=HALF * column, y=8 * row, w=HALF, h=8)
        return library.LinePlot(title=title, x=AXIS, y=list(board.curves[title]), layout=layout)

    figures = [title for title in board.curves if title.startswith("dev/")]
    learning = [title for title in board.curves if title not in figures]
    found = {
        name: [plot(title, *divmod(place, 2)) for place, title in enumerate(titles)]
        for name, titles in (("Figures", figures), ("Learning", learning))
    }
    if board.axes:
        columns = [
            library.ParallelCoordinatesPlotColumn(metric=library.Config(axis.key), log=axis.is_logarithmic or None)
            for axis in board.axes
        ]
        columns.append(library.ParallelCoordinatesPlotColumn(metric=library.SummaryMetric(board.best)))
        wide = library.Layout(x=0, y=0, w=FULL, h=10)
        found["What was varied"] = [library.ParallelCoordinatesPlot(columns=columns, layout=wide)]
    table = library.WeavePanelSummaryTable(table_name=EXAMPLES, layout=library.Layout(x=0, y=0, w=FULL, h=12))
    return {name: one for name, one in (found | {"Examples": [table]}).items() if one}
