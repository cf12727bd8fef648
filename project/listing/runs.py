"""All runs below a folder, in an order, those that are wanted; it knows none of them by heart."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from project.contract import InputError
from project.listing.listing import Listing
from project.listing.pattern import fits
from project.listing.run_summary import RunSummary, below, summarize

HEADINGS = ("run", "state", "step", "best on dev", "latest Report", "written", "size")
STATES = ("new", "starting", "running", "interrupted", "killed", "failed", "finished", "pruned", "broken")
TOLD = ("broken", "failed", "killed", "interrupted")  # with the reason, below the table
MOST_NOTES = 12
Key = Callable[[RunSummary], Any]


def by_report(one: RunSummary) -> tuple[str, float]:
    """Runs with the same figure beside each other, the lowest first; those without a Report at the end."""
    return (one.report.name, one.report.value) if one.report else ("~", math.inf)


def by_best(one: RunSummary) -> tuple[str, float]:
    """The same by the best figure on dev, the best last, as the latest are when sorted by time."""
    if one.best is None:
        return "", math.inf
    return one.best.name, -one.best.value if one.better == "lower" else one.best.value


ORDERS: Mapping[str, Key] = {
    "when": lambda one: one.written,
    "name": lambda one: one.name,
    "state": lambda one: (STATES.index(one.state) if one.state in STATES else -1, one.written),
    "size": lambda one: one.bytes,
    "best": by_best,
    "report": by_report,
}


def listed(root: Path, patterns: Sequence[str], order: str, state: str | None) -> Listing:
    """The runs below a folder that fit, in that order; the paths of their folders are as good as their names."""
    if order not in ORDERS:
        raise InputError(f"sort={order}: no such order: choose from {', '.join(ORDERS)}")
    if state is not None and state not in STATES:
        raise InputError(f"state={state}: no such state: choose from {', '.join(STATES)}")
    wanted = [_name(pattern, root) for pattern in patterns]
    folders = [folder for folder in below(root) if fits(str(folder.relative_to(root)), wanted)]
    found = [one for one in (summarize(folder, root) for folder in folders) if state in (None, one.state)]
    found.sort(key=ORDERS[order])
    notes = [f"{one.state}: {one.name}: {one.problem}" for one in found if one.problem and one.state in TOLD]
    notes += [f"{one.name}: {one.problem}" for one in found if one.problem and one.state not in TOLD]
    if len(notes) > MOST_NOTES:
        notes = [*notes[:MOST_NOTES], f"and {len(notes) - MOST_NOTES} more: out=runs.json has them all"]
    rows = tuple(_row(one) for one in found)
    return Listing(_title(found, root), HEADINGS, rows, tuple(_content(one) for one in found), tuple(notes), NUMBERS)


NUMBERS = ("step", "size")


def size_told(size: float) -> str:
    """Bytes, for people.

    >>> size_told(999), size_told(2_650_000), size_told(1.2e10)
    ('999 B', '2.6 MB', '12.0 GB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def moment(seconds: float) -> str:
    """When, by the clock of this machine."""
    return f"{datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M}" if seconds else "-"


def _name(pattern: str, root: Path) -> str:
    """A pattern without the folder of runs, as shells write paths: runs/morse/quick-1a2b/."""
    return pattern.removeprefix(f"{root}/").removeprefix("./").rstrip("/")


def _title(found: Sequence[RunSummary], root: Path) -> str:
    counts = Counter(one.state for one in found)
    told = ", ".join(
        f"{counts[state]} {state}" for state in (*STATES, *sorted(counts.keys() - {*STATES})) if counts[state]
    )
    size = size_told(sum(one.bytes for one in found))
    return (
        f"{len(found)} {'run' if len(found) == 1 else 'runs'} below {root}/, {size}: {told}"
        if found
        else f"no runs below {root}/"
    )


def _row(one: RunSummary) -> tuple[str, ...]:
    return (
        one.name,
        one.state,
        one.progress,
        f"{one.best.name.removeprefix('dev/')} {one.best.value:.4g}" if one.best else "-",
        ", ".join(filter(None, (one.report.told, one.report.of))) if one.report else "-",
        moment(one.written),
        size_told(one.bytes),
    )


def _content(one: RunSummary) -> dict[str, Any]:
    content = asdict(one)
    written = datetime.fromtimestamp(one.written, UTC).isoformat(timespec="seconds") if one.written else None
    return content | {"problem": one.problem or None, "written": written}
