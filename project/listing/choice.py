"""The choices of a group of conf/: its files, with what their first comments say. It composes nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from project.build.compose import CONF, options
from project.listing.listing import Listing
from project.listing.pattern import fits

IRREGULAR = {"corpora": "corpus"}
SENTENCE = re.compile(r"(.*\.)(?: (?=[A-Z])|$)(.*)")  # one or more, and the beginning of another
COMMAND = re.compile(r"\s{2,}\S")  # a comment that is indented further: a command, or the rest of one


@dataclass(frozen=True, slots=True)
class Choice:
    """One file of a group."""

    name: str
    what: str  # it is, in a line
    commands: tuple[str, ...] = ()  # that make use of it
    expected: str = ""  # how long it takes and the number that it should give, or what else its head says


def group_of(word: str) -> str | None:
    """The group of conf/ that a word names, in the plural or not; None if there is none.

    >>> group_of("models"), group_of("corpora"), group_of("loss"), group_of("losses"), group_of("sounds")
    ('model', 'corpus', 'loss', 'loss', None)
    """
    known = groups()
    tried = (word, IRREGULAR.get(word, word), word.removesuffix("s"), word.removesuffix("es"))
    return next((name for name in tried if name in known), None)


def groups() -> list[str]:
    """All groups of conf/."""
    return sorted(folder.name for folder in CONF.iterdir() if folder.is_dir())


def plural(group: str) -> str:
    """What a listing of a group is asked for by.

    >>> plural("model"), plural("corpus"), plural("loss"), plural("callbacks")
    ('models', 'corpora', 'losses', 'callbacks')
    """
    known = {singular: many for many, singular in IRREGULAR.items()}
    if group in known or group.endswith("ks") or group in ("data", "decode", "text"):
        return known.get(group, group)
    return f"{group}es" if group.endswith(("s", "ch")) else f"{group}s"


def kinds() -> list[str]:
    """All that can be listed."""
    return ["runs", "sweeps", *(plural(group) for group in groups() if group != "sweep")]


def choices(group: str) -> list[Choice]:
    """All files of a group, by name."""
    return [read(CONF / group / f"{name}.yaml", name) for name in options(group)]


def read(file: Path, name: str) -> Choice:
    """What the comments at the head of a file say: first what it is, then commands, then what to expect."""
    said: list[str] = []
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("# @"):
            continue
        if not line.startswith("#"):
            break
        said.append(line[1:].rstrip())
    commands = tuple(line.strip() for line in said if COMMAND.match(line))
    what, *rest = [line.strip() for line in said if not COMMAND.match(line)] or [""]
    while rest and not SENTENCE.match(what):  # one of several lines
        what = f"{what} {rest.pop(0)}"
    found = SENTENCE.match(what)
    what, more = (found[1], found[2]) if found else (what, "")
    return Choice(name, what, commands, " ".join((more, *rest)).strip())


def listed(group: str, patterns: Sequence[str]) -> Listing:
    """The choices of a group whose names fit."""
    found = [one for one in choices(group) if fits(one.name, patterns)]
    expects = group == "experiment"
    rows = [(one.name, one.what, *([one.expected] if expects else [])) for one in found]
    content = [
        {"name": one.name, "what": one.what, "commands": list(one.commands), "expected": one.expected or None}
        for one in found
    ]
    headings = (group, "what it is", *(["how long, and what it should give"] if expects else []))
    title = f"{len(found)} {plural(group)}: {group}=..., its keys with {group}.<key>=..."
    notes = ("how large they are: scansion report action=zoo out=zoo.md",) if group == "model" else ()
    return Listing(title, headings, tuple(rows), tuple(content), notes)
