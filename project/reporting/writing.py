"""What the actions of `scansion report` write: a page, a CSV table, Markdown, and what the terminal shows."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from project import atomic
from project.contract import InputError

if TYPE_CHECKING:
    from project.evaluation.grid import Grid
    from project.evaluation.verdict import Verdict


def publish(action: str, out: str | None, page: Callable[[], str]) -> int:
    """An action that makes nothing but a page of Markdown; its path is the last line on standard output."""
    if not out:
        raise InputError(f"action={action} writes a page: name it with out={action}.md")
    target = Path(out)
    target.parent.mkdir(parents=True, exist_ok=True)
    atomic.write(target, page())
    print(target)
    return 0


def write_csv(file: Path, rows: Iterable[Sequence[object]]) -> None:
    """Rows, the header first."""
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator="\n").writerows(rows)
    atomic.write(file, stream.getvalue())


def write_markdown(file: Path, said: Sequence[Verdict], grids: Sequence[Grid]) -> None:
    """Verdicts and tables as Markdown."""
    from project.evaluation.grid import SPECIAL

    lines = [
        f"- {one.text.translate(SPECIAL)}{f' ({one.evidence.translate(SPECIAL)})' if one.evidence else ''}"
        for one in said
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    atomic.write(file, "\n".join(["\n".join(lines) + "\n", *(grid.markdown() for grid in grids)]))


def tell(said: Sequence[Verdict], grids: Sequence[Grid], notes: Sequence[str] = ()) -> None:
    """The same on standard error."""
    from rich.console import Console

    console = Console(stderr=True)
    for one in said:
        console.print(one.line, markup=False, highlight=False)
    for grid in grids:
        console.print(grid.terminal())
    for note in notes:
        console.print(note, markup=False)
