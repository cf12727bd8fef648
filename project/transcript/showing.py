"""What is shown while files are transcribed: text as it comes, or how far the work is; and how fast it was."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from project.data.media import MediumError, check_medium
from project.feature.excerpt import split_excerpt
from project.transcript.heard import Heard
from project.transcript.kind import Kind
from project.transcript.transcript import told


class Live:
    """Text on standard output as it comes, a line a file."""

    def __init__(self, *, named: bool) -> None:
        self._named = named
        self._begun = False

    def __call__(self, heard: Heard) -> None:
        name = f"{heard.file}\t" if self._named and not self._begun else ""
        if heard.transcript and not self._begun:
            print(f"{name}{heard.transcript.text.strip()}", flush=True)
            return
        if heard.marks:
            print(f"{name}{told(heard.marks, heard.separator, first=not self._begun)}", end="", flush=True)
            self._begun = True
        if self._begun and (heard.transcript or heard.problem):
            print(flush=True)
            self._begun = False


class Progressed:
    """How much has been heard of all files together, whichever of them is ahead."""

    def __init__(self) -> None:
        self.done = 0.0  # of files that have been heard to their end
        self._under_way: dict[str, float] = {}

    def add(self, heard: Heard) -> float:
        """Something was heard; how much it is now."""
        if heard.transcript or heard.problem:
            self._under_way.pop(heard.file, None)
            self.done += heard.length if heard.transcript else 0.0
        else:
            self._under_way[heard.file] = heard.length
        return self.done + sum(self._under_way.values())


@contextmanager
def bar(files: Sequence[str], *, hidden: bool) -> Iterator[Callable[[float], None]]:
    """A progress bar on standard error, if that is a terminal; it is told how much has been heard."""
    console = Console(stderr=True)
    if hidden or not console.is_terminal:
        yield lambda length: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    # Lines of standard output go around the bar where both are seen in one place, and nowhere else.
    with Progress(*columns, console=console, transient=True, redirect_stdout=sys.stdout.isatty()) as shown:
        task = shown.add_task("transcribing", total=sum(map(length_of, files)) or None)
        yield lambda length: shown.update(task, completed=length)


def length_of(media: str) -> float:
    """Seconds or bars, as far as can be told without reading all of it; 0 where not."""
    _, rows = split_excerpt(media)
    if rows is not None:
        return float(rows[1] - rows[0])
    try:
        return check_medium(media) or 0.0
    except MediumError:
        return 0.0


def pace(count: int, length: float, seconds: float, kind: Kind) -> str:
    """How much was transcribed in how many seconds.

    >>> from project.transcript.kind import BARS, SOUND
    >>> pace(2, 1234.5, 3.21, SOUND)
    '2 recordings, 1,234.5 s, in 3.2 s: 385 times real time'
    >>> pace(1, 12.0, 14.0, SOUND), pace(1, 40, 0.5, BARS)
    ('1 recording, 12.0 s, in 14.0 s: 0.86 times real time', '1 window, 40 bars, in 0.5 s: 80 bars a second')
    """
    rate = length / max(seconds, 1e-9)
    shown = f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"
    what = f"{count:,} {kind.noun}{'' if count == 1 else 's'}"
    if kind.unit == "bars":
        return f"{what}, {length:,.0f} bars, in {seconds:,.1f} s: {shown} bars a second"
    return f"{what}, {length:,.1f} s, in {seconds:,.1f} s: {shown} times real time"
