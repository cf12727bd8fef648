"""How it stands with a sweep: each point with its state, its last figure, its log, and why it failed if it did."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from project import atomic
from project.contract import Config
from project.reporting.standing import Standing, counts, standings
from project.sweep import Sweep

if TYPE_CHECKING:
    from project.evaluation.grid import Grid

WIDTH = 160  # of the table where it is no terminal that reads it
HEADINGS = ("point", "state", "figure", "epoch", "step", "written", "attempts", "job")


def act(config: Config) -> int:
    """Print the table, write JSON and Markdown if asked for. It is no failure of a report that points have failed."""
    from rich.console import Console

    sweep = Sweep.open(config["sweep"])
    found, problem = standings(sweep)
    table = grid(sweep, found)
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    console.print(table.terminal())
    if problem:
        console.print(f"SLURM was asked and did not say: {problem}", style="yellow", markup=False)
    beside = [file.parent.name for file in sorted(sweep.folder.parent.glob("*/sweep.json"))]
    if others := [name for name in beside if name != sweep.name]:
        console.print(f"other sweeps: {', '.join(others)}", markup=False, highlight=False, soft_wrap=True)
    if config["markdown"]:
        write(Path(config["markdown"]), table.markdown())
    if config["out"]:
        write(Path(config["out"]), json.dumps(content(sweep, found), indent=1) + "\n")
        print(config["out"])
    return 0


def grid(sweep: Sweep, found: Sequence[Standing]) -> Grid:
    """A row a point; below it why points are not done, and where to read more."""
    from project.evaluation.grid import Grid

    rows = tuple(
        (
            one.point.told,
            one.state,
            one.reached.told if one.reached else "-",
            str(one.reached.epoch) if one.reached and one.reached.epoch is not None else "-",
            f"{one.reached.step:,}" if one.reached else "-",
            moment(one.reached.seconds) if one.reached else "-",
            str(one.noted.get("attempts", "-")),
            str(one.noted.get("job") or "-"),
        )
        for one in found
    )
    told = ", ".join(f"{count} {state}" for state, count in counts(found).items())
    notes = [f"{one.state} {one.point.told}: {one.error}" + _read(one) for one in found if one.error]
    notes += [f"{one.state} {one.point.told}" + _read(one) for one in found if one.state == "running"]
    points = "point" if len(found) == 1 else "points"
    return Grid(f"{sweep.name}: {len(found)} {points}: {told}", HEADINGS, rows, tuple(notes))


def content(sweep: Sweep, found: Sequence[Standing]) -> dict[str, Any]:
    """The same as plain data."""
    return {
        "sweep": str(sweep.folder),
        "counts": counts(found),
        "points": [
            {
                "point": one.point.name,
                "words": list(one.point.words),
                "run": str(one.point.run),
                "state": one.state,
                "error": one.error or None,
                "figure": one.reached.name if one.reached else None,
                "value": one.reached.value if one.reached else None,
                "step": one.reached.step if one.reached else None,
                "epoch": one.reached.epoch if one.reached else None,
                "written": moment(one.reached.seconds) if one.reached else None,
                "attempts": one.noted.get("attempts", 0),
                "job": one.noted.get("job"),
                "log": str(one.log) if one.log else None,
            }
            for one in found
        ],
    }


def moment(seconds: float) -> str:
    """When, by the clock of this machine."""
    return f"{datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M:%S}"


def write(file: Path, text: str) -> None:
    """Write a file, and the folder that it lies in if there is none."""
    file.parent.mkdir(parents=True, exist_ok=True)
    atomic.write(file, text)


def _read(one: Standing) -> str:
    return f" (log: {one.log})" if one.log else ""
