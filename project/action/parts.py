"""Says whether the parts of a corpus are the whole of it: nothing lost, nothing added, nothing there twice.

A test set that a filter meant for training has cut short is another test set: figures on it are no longer those that
others have. It goes by ids, and does not know whether an example of the same id is the same recording.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from rich.table import Table

from project.action.output import console, require_manifests, say
from project.contract import InputError
from project.data.line import SECONDS
from project.data.manifest import Manifest

SHOWN = 5  # ids that a line names


class Parts:
    """Prints how much each part has of the whole, and a line for all that does not add up."""

    def __init__(self, manifest: str | Sequence[str], whole: str | Sequence[str] | None, lost: float = 0.0) -> None:
        self.parts = require_manifests(manifest, "parts")
        if not whole:
            raise InputError("whole: name the manifest that the parts were made from: whole=data/all.jsonl")
        if not 0 <= lost <= 1:
            raise InputError(f"lost={lost}: a part of the whole is between 0 and 1: 1 % is 0.01")
        self.whole = require_manifests(whole, "parts")
        self.lost = lost

    def run(self) -> int:
        """0 if all adds up; 2 if not."""
        whole, parts = Manifest.open(self.whole), {name: Manifest.open([name]) for name in self.parts}
        ids = {name: [example.id for example in part] for name, part in parts.items()}
        found = problems([example.id for example in whole], ids, self.lost)
        console().print(size_table(whole, parts))
        for line in found:
            print(line)
        if not found:
            say(f"{len(whole):,} examples, {len(parts)} parts, all adds up")
        return 2 if found else 0


def problems(whole: Sequence[str], parts: Mapping[str, Sequence[str]], lost: float) -> list[str]:
    """What does not add up, a line for each kind of it.

    >>> problems(["a", "b"], {"train": ["a"], "test": ["b"]}, 0.0)
    []
    >>> problems(["a", "b", "c"], {"train": ["a"], "test": ["a", "d"]}, 0.5)[0]
    '2 of 3 examples are in no part: b, c: make the parts again from the whole, without filters'
    """
    known, counts = set(whole), Counter(name for part in parts.values() for name in part)
    gone, found = [name for name in whole if name not in counts], []
    if len(gone) > lost * len(whole):
        remedy = "make the parts again from the whole, without filters"
        found.append(f"{len(gone):,} of {len(whole):,} examples are in no part: {_named(gone)}: {remedy}")
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        found.append(f"{len(twice):,} examples are there more than once: {_named(twice)}: leave each in one part")
    for part, names in parts.items():
        added = [name for name in names if name not in known]
        if added:
            found.append(
                f"{part}: {len(added):,} examples are not of the whole: {_named(added)}: is it another corpus?"
            )
    return found


def size_table(whole: Manifest, parts: Mapping[str, Manifest]) -> Table:
    """How much there is of each part, and of all together."""
    unit, scale = ("hours", 3600) if whole.unit == SECONDS else ("length", 1)
    table = Table(title="Parts", title_justify="left", header_style="bold")
    for heading, justify in (("part", "left"), ("examples", "right"), ("of the whole", "right"), (unit, "right")):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    for name, part in parts.items():
        share = f"{100 * len(part) / len(whole):.1f} %" if len(whole) else "-"
        table.add_row(name, f"{len(part):,}", share, f"{part.lengths.sum() / scale:,.2f}")
    for name, rows in (("together", list(parts.values())), ("whole", [whole])):
        count = sum(map(len, rows))
        share = f"{100 * count / len(whole):.1f} %" if len(whole) else "-"
        table.add_row(name, f"{count:,}", share, f"{sum(float(one.lengths.sum()) for one in rows) / scale:,.2f}")
    return table


def _named(names: Iterable[str]) -> str:
    known = list(names)
    return ", ".join(known[:SHOWN]) + (", ..." if len(known) > SHOWN else "")
