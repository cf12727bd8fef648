"""What importers of published speech corpora share: which parts become train, dev and test, and what of them is bad.

It does not know how a corpus lies in its folder.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from project.contract import Example, InputError
from project.corpus.splits import SPLITS
from project.corpus.spoken import Found, measured, write_corpus
from project.data.foreign import Entry
from project.data.media import in_threads

Progress = Callable[[int, int], None]


def check_parts(parts: Mapping[str, str | Sequence[str]]) -> dict[str, list[str]]:
    """Split -> names of the published parts that it is made of; a split of none is left out.

    >>> check_parts({"train": ["train-clean-100"], "dev": [], "test": "test-clean"})
    {'train': ['train-clean-100'], 'test': ['test-clean']}
    """
    lists = {split: [names] if isinstance(names, str) else list(names or ()) for split, names in parts.items()}
    for split, names in lists.items():
        if split not in SPLITS:
            raise InputError(f"corpus.parts has {split!r}: give parts of {', '.join(SPLITS)}")
        for name in names:
            if not isinstance(name, str) or not name or Path(name).name != name:
                raise InputError(f"corpus.parts.{split} has {name!r}, no name of a published part: correct it")
    names = [name for split in lists.values() for name in split]
    if twice := [name for name in names if names.count(name) > 1]:
        raise InputError(f"corpus.parts has {twice[0]!r} twice: name each part once")
    if not names:
        raise InputError("corpus.parts is empty: name the parts to import, as in corpus.parts.test=[test-clean]")
    return {split: lists[split] for split in SPLITS if lists.get(split)}


def read_rows(path: Path) -> Iterator[tuple[str, str | None]]:
    """`file:line` and text of each line that is not empty; None for one that is not UTF-8."""
    for number, line in enumerate(path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if line.strip():
            try:
                text: str | None = line.decode().rstrip("\r")
            except UnicodeDecodeError:
                text = None
            yield f"{path}:{number}", text


def utterance(split: str, where: str, example: Example) -> Found:
    """An example whose recording says how long it is."""
    return Found(split, Entry(where, example, part=None))


def flawed(where: str, name: str, what: str) -> Found:
    """A line, or a recording, that makes no example: `what` is `what: remedy`."""
    nothing = Example(where, "", math.nan)  # its id is no other line's: nothing more is wrong with it
    return Found("", Entry(where, nothing), f"{where}: {name}: {what}")


def import_published(
    found: Sequence[Found],
    out: str,
    settings: Mapping[str, Any],
    folder: Path,
    media: Literal["copy", "link"],
    skip_bad: bool,
    progress: Progress,
) -> list[str]:
    """Writes a manifest for each split, and gives the manifests' paths.

    Nothing is written if anything is wrong, unless `skip_bad` leaves that out: all of it is told in both cases.
    """
    if skip_bad:
        looked = list(in_threads(measured, found))
        problems = [one.problem for one in looked if one.problem]
        found = [one for one in looked if not one.problem]
        if problems:
            print("\n".join([*problems, f"{folder}: {len(problems):,} left out"]), file=sys.stderr)
    if not found:
        raise InputError(f"{folder}: nothing in it can be imported: correct corpus.folder or corpus.parts")
    return write_corpus(found, out, settings, folder, media, progress)
