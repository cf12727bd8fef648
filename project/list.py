"""scansion list: experiments, models and other parts to use; runs and sweeps with how they stand."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from project import atomic, stop
from project.build.app import app
from project.build.compose import options
from project.contract import Config, InputError
from project.listing import choice, runs
from project.listing.choice import plural
from project.listing.listing import Listing
from project.listing.run_summary import below


def show(config: Config, words: list[str]) -> int:
    """Print a table, or lines with tabs where no terminal reads them; write JSON if asked for."""
    found = listed(config)
    if config["out"]:
        target = Path(config["out"])
        target.parent.mkdir(parents=True, exist_ok=True)
        content = json.dumps({"what": config["what"], "found": list(found.content)}, indent=1, allow_nan=False)
        atomic.write(target, content + "\n")
        print(target)
        return 0
    try:
        say(found)
        sys.stdout.flush()
    except BrokenPipeError:  # who reads standard output has seen enough
        stop.hush()
    return 0


def listed(config: Config) -> Listing:
    """What was asked for."""
    what, patterns, root = config["what"], _texts(config["match"]), Path(config["runs"])
    if what is None:
        return everything(root)
    if what in ("run", "runs"):
        return runs.listed(root, patterns, config["sort"], config["state"])
    if what in ("sweep", "sweeps"):
        from project.listing import sweeps

        return sweeps.listed(root, patterns)
    group = choice.group_of(str(what))
    if group is None:
        known = choice.kinds()
        near = difflib.get_close_matches(str(what), known, n=1)
        raise InputError(
            f"{what}: no such list: " + (f"did you mean {near[0]}?" if near else f"choose from {', '.join(known)}")
        )
    return choice.listed(group, patterns)


def everything(root: Path) -> Listing:
    """What can be listed, how many there are of each, and the first names."""
    made = [("runs", [str(folder.relative_to(root)) for folder in below(root)])]
    made += [("sweeps", sorted(file.parent.name for file in root.glob(".sweeps/*/sweep.json")))]
    parts = [(plural(group), options(group)) for group in choice.groups() if group != "sweep"]
    rows = [(name, str(len(found)), _first(found)) for name, found in [*made, *parts]]
    content = [{"what": name, "count": len(found), "names": found} for name, found in [*made, *parts]]
    title = "scansion list <what>, such as scansion list experiments morse"
    return Listing(title, ("what", "how many", "some of them"), tuple(rows), tuple(content), numbers=("how many",))


def say(found: Listing) -> None:
    """The listing on standard output; what must be said beside lines goes to standard error."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        print(*found.lines(), sep="\n", end="\n" if found.rows else "")
        print(
            *(f"scansion: {note}" for note in found.notes), sep="\n", end="\n" if found.notes else "", file=sys.stderr
        )
    elif found.rows:
        console.print(found.table())
    else:
        console.print(found.title, markup=False)


def _texts(given: Any) -> Sequence[str]:
    return [str(one) for one in given] if isinstance(given, list) else [str(given)]


def _first(names: Sequence[str], most: int = 4) -> str:
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")


main = app("list", show)

if __name__ == "__main__":
    main()
