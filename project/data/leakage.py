"""What manifests share, and what one of them holds twice: ids, groups, texts and media.

A recognizer that has heard a test text, or its speaker, is judged too kindly. It does not know which sharing is wanted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, Literal, Protocol

from project.contract import Example
from project.data.media import same_content

Kind = Literal["id", "group", "text", "media"]
KINDS: tuple[Kind, ...] = ("id", "group", "text", "media")
Names = Sequence[str | None]  # one an example; None where it has none
_SHOWN = 5


class Examples(Protocol):
    """A manifest, or a list."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Example: ...


@dataclass(frozen=True, slots=True)
class Shared:
    """What two manifests have in common, of one kind."""

    kind: Kind
    first: str  # names of the manifests
    second: str
    checked: bool  # False if one of them names nothing of this kind
    values: int  # different ids, groups, texts or media that are in both
    examples: tuple[int, int]  # of the first and of the second manifest that have one of them
    sample: tuple[str, ...]  # a few of the values

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Repeats:
    """What stands in a manifest more than once, of one kind."""

    values: int  # different ones that do
    examples: int  # that have one of them
    sample: tuple[str, ...]  # the most frequent


def find_shared(kind: Kind, names: Mapping[str, Names]) -> list[Shared]:
    """What each two of the manifests share; `names` maps a manifest to its examples' names of that kind.

    >>> found = find_shared("group", {"train": ["anna", "anna", "bert"], "test": ["anna", "carl"]})
    >>> found[0].values, found[0].examples, found[0].sample
    (1, (2, 1), ('anna',))
    """
    counts = {manifest: Counter(name for name in column if name is not None) for manifest, column in names.items()}
    found = []
    for first, second in combinations(counts, 2):
        common = counts[first].keys() & counts[second].keys()
        numbers = tuple(sum(counts[manifest][name] for name in common) for manifest in (first, second))
        checked = bool(counts[first] and counts[second])
        sample = tuple(sorted(common)[:_SHOWN])
        found.append(Shared(kind, first, second, checked, len(common), (numbers[0], numbers[1]), sample))
    return found


def find_repeats(names: Names) -> Repeats:
    """What occurs more than once.

    >>> find_repeats(["hi", "ho", "hi", None, None])
    Repeats(values=1, examples=2, sample=('hi',))
    """
    counts = Counter(name for name in names if name is not None)
    often = [(name, count) for name, count in counts.most_common() if count > 1]
    return Repeats(len(often), sum(count for _, count in often), tuple(name for name, _ in often[:_SHOWN]))


def part_seen(training: Examples, scored: Examples) -> dict[Kind, float]:
    """The part of the scored examples whose id, group, text or medium (by name) training has too, where both name any.

    Empty where nothing is scored.
    """
    wanted: dict[Kind, Callable[[Example], str | None]] = {
        "id": lambda one: one.id,
        "group": lambda one: one.group,
        "text": lambda one: one.text,
        "media": lambda one: one.media,
    }
    found: dict[Kind, float] = {}
    for kind, name_of in wanted.items():
        known = {name_of(training[n]) for n in range(len(training))} - {None}
        names = [name_of(scored[n]) for n in range(len(scored))]
        if known and any(name is not None for name in names):
            found[kind] = sum(name in known for name in names) / len(names)
    return found


def by_content(
    columns: Mapping[str, Sequence[str]], advance: Callable[[], object] = lambda: None
) -> dict[str, list[str]]:
    """The media of each manifest, those that hold the same bytes under one name: that of the first in sorted order."""
    media = list(dict.fromkeys(one for column in columns.values() for one in column))
    alias = {one: min(group) for group in same_content(media, advance) for one in group}
    return {manifest: [alias.get(one, one) for one in column] for manifest, column in columns.items()}
