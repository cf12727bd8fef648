"""What conf/ says of a verb's keys, read from its files alone: nothing is composed, so that it is there at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from project.build.compose import CONF, groups

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # eight times as fast, where PyYAML was built with it
CHOICES = re.compile(
    r"[\w./-]+(?: \([^)]*\))?(?: \| [\w./-]+(?: \([^)]*\))?)+"
)  # "auto | cpu (slow) | gpu" in a comment
NAMED = re.compile(r"(?:null|default|defaults)")
BASE = re.compile(r"^  - /experiment/([\w/]+)", flags=re.M)
OVERRIDE = re.compile(r"^  - override /(\w+): *(.+?) *(?:#.*)?$", flags=re.M)


@dataclass(frozen=True, slots=True)
class Key:
    """One key: what it holds by default, and what its comment says."""

    value: Any
    comment: str

    @property
    def choices(self) -> list[str]:
        """The values that its comment names, or that its default lets one guess."""
        found = CHOICES.search(self.comment)
        if isinstance(self.value, bool) or self.value in ("true", "false"):
            return ["true", "false"]
        if found is None:
            return []
        named = [part.partition(" ")[0].rpartition("=")[2] for part in found[0].split(" | ")]
        return [name for name in named if not NAMED.fullmatch(name) and set(name) != {"."}]


def verb_keys(verb: str) -> dict[str, Key]:
    """The keys of a verb itself."""
    path = f"{verb}.yaml"
    comments = _comments(path)
    return {name: Key(value, comments.get(name, "")) for name, value in _load(path).items() if name != "hydra"}


def group_comment(verb: str, group: str) -> str:
    """What the verb's defaults list says of a group."""
    found = re.search(rf"^  - (?:optional )?{group}:[^#\n]*#\s*(.*)$", _text(f"{verb}.yaml"), flags=re.M)
    return found[1] if found else ""


def verb_groups(verb: str) -> list[str]:
    """The groups that a verb takes choices of."""
    return [group for group in groups(verb) if (CONF / group).is_dir()]


def chosen(verb: str, group: str, given: Iterable[str]) -> list[str]:
    """Which choices of a group hold after the words so far: named there, by the experiment, or by default."""
    named = dict(word.lstrip("+").split("=", 1) for word in given if "=" in word)
    if group in named:
        return _names(named[group])
    if group in (overrides := _overrides(named.get("experiment", ""))):
        return _names(overrides[group])
    default = re.search(rf"^  - (?:optional )?{group}: *([^#\n]*)", _text(f"{verb}.yaml"), flags=re.M)
    return _names(default[1].strip()) if default else []


def keys_below(verb: str, path: Sequence[str], given: Sequence[str]) -> dict[str, Key]:
    """The keys below a dotted path, of the verb itself and of what is chosen of the first part's group."""
    group, *rest = path
    node, comments = _load(f"{verb}.yaml").get(group), dict(_comments(f"{verb}.yaml"))
    found: dict[str, Any] = dict(_walk(node, rest))
    for name in chosen(verb, group, given):
        for file in _family(group, name):
            found |= _walk(_load(file), rest)
            comments |= _comments(file)
    return {key: Key(value, comments.get(key, "")) for key, value in found.items() if not key.startswith("_")}


def _overrides(experiment: str) -> dict[str, str]:
    """The choices that an experiment makes, or the one that it begins with."""
    if not (CONF / f"experiment/{experiment}.yaml").is_file():
        return {}
    text = _text(f"experiment/{experiment}.yaml")
    bases = [_overrides(base) for base in BASE.findall(text)]
    return {group: names for one in (*bases, dict(OVERRIDE.findall(text))) for group, names in one.items()}


def _walk(node: Any, path: Sequence[str]) -> Mapping[str, Any]:
    for part in path:
        node = node.get(part) if isinstance(node, Mapping) else None
    return node if isinstance(node, Mapping) else {}


def _family(group: str, name: str) -> list[str]:
    """A file of a group, and before it those that it begins with."""
    file = f"{group}/{name}.yaml"
    if not (CONF / file).is_file():
        return []
    head = re.search(r"^defaults:\n((?:  - .*\n)+)", _text(file), flags=re.M)
    bases = re.findall(r"^  - (\w[\w/]*) *(?:#.*)?$", head[1], flags=re.M) if head else []
    return [*(one for base in bases if base != "_self_" for one in _family(group, base)), file]


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.strip("[]").split(",") if name.strip() not in ("", "null")]


@cache
def _text(file: str) -> str:
    return (CONF / file).read_text(encoding="utf-8")


@cache
def _load(file: str) -> dict[str, Any]:
    content = yaml.load(_text(file), Loader=LOADER)  # noqa: S506  # a safe one
    return {key: value for key, value in (content or {}).items() if key != "defaults"}


def _comments(file: str) -> dict[str, str]:
    """Key -> comment, of all keys of a file wherever they stand; one that goes on in the next lines is whole."""
    found: dict[str, str] = {}
    last = None
    for line in _text(file).splitlines():
        if match := re.match(r"^ *([\w-]+):(?: [^#]*| *)#\s*(.*)$", line):
            last = match[1]
            found.setdefault(last, match[2])
        elif last and (more := re.match(r"^ {12,}#\s*(.*)$", line)):
            found[last] += f" {more[1]}"
        else:
            last = None
    return found
