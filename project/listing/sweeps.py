"""All sweeps below a folder of runs: how many of their points stand how, and what they vary."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from project.contract import InputError
from project.listing.listing import Listing
from project.listing.pattern import fits
from project.listing.runs import moment
from project.reporting.standing import counts, standings
from project.sweep import FOLDER, Sweep

HEADINGS = ("sweep", "points", "how they stand", "what varies", "begun")


def listed(root: Path, patterns: Sequence[str]) -> Listing:
    """The sweeps below a folder of runs that fit, the latest last. A damaged one is told to be broken."""
    files = sorted((root / FOLDER).glob("*/sweep.json"), key=lambda file: file.stat().st_mtime)
    found = [_content(Sweep(file.parent)) for file in files if fits(file.parent.name, patterns)]
    rows = tuple(
        (
            one["sweep"],
            str(one["points"]),
            ", ".join(f"{count} {state}" for state, count in one["states"].items()) or "broken",
            " x ".join(f"{key} ({len(values)})" for key, values in one["axes"].items()) or "-",
            moment(one["begun"]),
        )
        for one in found
    )
    notes = [f"{one['sweep']}: {one['problem']}" for one in found if one["problem"]]
    notes += ["each point of one: scansion report action=status sweep=<name>"] if found else []
    title = (
        f"{len(found)} {'sweep' if len(found) == 1 else 'sweeps'} below {root / FOLDER}/"
        if found
        else f"no sweeps below {root}/"
    )
    return Listing(title, HEADINGS, rows, tuple(found), tuple(notes), ("points",))


def _content(sweep: Sweep) -> dict[str, Any]:
    known: dict[str, Any] = {
        "sweep": sweep.name,
        "points": 0,
        "states": {},
        "axes": {},
        "begun": (sweep.folder / "sweep.json").stat().st_mtime,
        "command": None,
        "problem": None,
    }
    try:
        found, silence = standings(sweep)
        known |= {"points": len(found), "states": counts(found), "axes": sweep.axes(), "problem": silence}
        known["command"] = sweep.facts().get("command")
    except (InputError, OSError, ValueError, KeyError, TypeError) as error:
        known["problem"] = " ".join(str(error).split()) or type(error).__name__
    return known
