"""A YAML file of conf as people read it: what it is, and each of its keys with its default and its comment.

A comment belongs to the key on whose line it stands; below that, further to the right than what follows, it goes on;
on lines of its own above a key, it is that key's. It knows no group and builds nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any

import yaml

HIDDEN = ("_target_", "_partial_", "defaults", "hydra")
COMMENT = re.compile(r"(?:^|\s)#\s?(.*)$")


@dataclass(frozen=True, slots=True)
class Key:
    """A key below a file's root: dotted, as on the command line; of what is built there, the class."""

    name: str
    default: str  # as YAML has it; empty where an object or a group of keys stands
    comment: str
    target: str | None = None  # of the object that it is


@dataclass(frozen=True, slots=True)
class Choice:
    """A whole file."""

    said: str  # its first comment
    more: str  # what the comment at its head says beyond that
    target: str | None
    bases: tuple[str, ...]  # choices of its group that it begins with
    inner: tuple[tuple[str, str], ...]  # groups chosen inside it, and which choice: ("inside@span", "entropy")
    keys: tuple[Key, ...]


@cache
def read(file: Path) -> Choice:
    """The choice that a file is."""
    text = file.read_text(encoding="utf-8")
    root, lines = yaml.compose(text, Loader=yaml.SafeLoader), text.splitlines()
    content = yaml.safe_load(text) or {}
    entries = [entry for entry in content.get("defaults", []) if entry != "_self_"]
    bases = tuple(entry for entry in entries if isinstance(entry, str))
    inner = tuple((str(k), str(v)) for entry in entries if isinstance(entry, dict) for k, v in entry.items())
    keys = tuple(_keys(root, lines, "")) if isinstance(root, yaml.MappingNode) else ()
    first, *rest = head_of(lines) or [""]
    return Choice(first.rstrip(". "), " ".join(rest), content.get("_target_"), bases, inner, keys)


def head_of(lines: Sequence[str]) -> list[str]:
    """The lines of the comment with which a file begins.

    >>> head_of(["# @package _global_", "# Greedy: fast.", "#   and simple", "_target_: x  # no"])
    ['Greedy: fast.', 'and simple']
    """
    head = list(takewhile(lambda line: line.startswith("#"), lines))
    return [line.lstrip("# ") for line in head if "@package" not in line]


def _keys(node: yaml.MappingNode, lines: Sequence[str], path: str) -> Iterator[Key]:
    for name, value in node.value:
        if name.value in HIDDEN:
            continue
        dotted = f"{path}.{name.value}" if path else str(name.value)
        is_block = isinstance(value, yaml.MappingNode | yaml.SequenceNode) and not value.flow_style
        end = name.end_mark if is_block else value.end_mark  # what looks like a comment before that is none
        comment = comment_of(lines, name.start_mark.line, name.start_mark.column, (end.line, end.column))
        if isinstance(value, yaml.MappingNode) and not value.flow_style:
            target = next((str(v.value) for k, v in value.value if k.value == "_target_"), None)
            yield Key(dotted, "", comment, target)
            yield from _keys(value, lines, dotted)
        else:
            yield Key(dotted, _plain(value), comment)


def comment_of(lines: Sequence[str], number: int, column: int, end: tuple[int, int]) -> str:
    """What is said of the key that begins there, and whose value ends at a line and column.

    >>> comment_of(["# Of the file.", "", "# Above.", "a: 1   # beside", "       # and below", "b: 2"], 3, 0, (3, 4))
    'Above. beside and below'
    >>> comment_of(["# Of the file.", "a: '#' # told"], 1, 0, (1, 6))
    'told'
    """
    above: list[str] = []
    for line in reversed(lines[:number]):
        match = re.fullmatch(rf" {{{column}}}# ?(.*)", line)
        if match is None:
            break
        above.insert(0, match[1])
    if number == len(above):  # the head of the file speaks of all of it
        above = []
    last, start = end
    found = COMMENT.search(lines[last][start:])
    beside = [found[1]] if found else []
    for line in lines[last + 1 :]:
        match = re.fullmatch(r"( +)# ?(.*)", line)
        if match is None or len(match[1]) <= column + 2:
            break
        beside.append(match[2])
    return " ".join(part.strip() for part in [*above, *beside] if part.strip())


def _plain(node: yaml.Node) -> str:
    """A value as one would write it on one line.

    >>> _plain(yaml.compose("[1, a, null]", Loader=yaml.SafeLoader))
    '[1, a, null]'
    """
    if isinstance(node, yaml.ScalarNode):
        return str(node.value) if node.value or node.style else "null"
    if isinstance(node, yaml.SequenceNode):
        return f"[{', '.join(_plain(one) for one in node.value)}]"
    assert isinstance(node, yaml.MappingNode)
    pairs: list[tuple[Any, Any]] = node.value
    return f"{{{', '.join(f'{_plain(key)}: {_plain(value)}' for key, value in pairs)}}}"
