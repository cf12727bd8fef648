"""What manifests share, and what one of them holds twice: ids, groups, texts, media, and rows of excerpts.

A recognizer that has heard a test text, or its speaker, is judged too kindly, and so is one that has seen a part of a
test window. It does not know which sharing is wanted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, Literal, Protocol

import numpy as np

from project.contract import Example
from project.data.media import same_content
from project.data.overlap import NONE, common_rows, line_up, same_files, seen_by

Kind = Literal["id", "group", "text", "media", "overlap"]
KINDS: tuple[Kind, ...] = ("id", "group", "text", "media")  # those that are names
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
    values: int  # different ids, groups, texts or media that are in both; of overlap, rows
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


def find_overlap(media: Mapping[str, Sequence[str]], by_content: bool = False) -> list[Shared]:
    """The rows that excerpts of each two of the manifests share; nothing if there is no excerpt at all.

    With `by_content` files that hold the same bytes are one, whatever they are called.

    >>> found = find_overlap({"train": ["s.npy#0:100", "s.npy#50:150"], "test": ["s.npy#140:240", "s.npy#200:300"]})
    >>> found[0].values, found[0].examples
    (10, (1, 1))
    """
    columns = list(media.values())
    every = [medium for column in columns for medium in column]
    windows = line_up(every, same_files(every) if by_content else None)
    if not len(windows):
        return []
    owners = np.repeat(np.arange(len(columns)), [len(column) for column in columns])
    parts = {manifest: windows.where(owners == number) for number, manifest in enumerate(media)}
    found = []
    for first, second in combinations(parts, 2):
        one, other = parts[first], parts[second]
        common = common_rows(one, other)
        numbers = int((seen_by(one, other) != NONE).sum()), int((seen_by(other, one) != NONE).sum())
        pairs = zip(common.starts_N[:_SHOWN].tolist(), common.ends_N[:_SHOWN].tolist(), strict=True)
        sample = tuple(windows.name(start, end) for start, end in pairs)
        found.append(Shared("overlap", first, second, bool(len(one) and len(other)), common.rows, numbers, sample))
    return found


def find_repeats(names: Names) -> Repeats:
    """What occurs more than once.

    >>> find_repeats(["hi", "ho", "hi", None, None])
    Repeats(values=1, examples=2, sample=('hi',))
    """
    counts = Counter(name for name in names if name is not None)
    often = [(name, count) for name, count in counts.most_common() if count > 1]
    return Repeats(len(often), sum(count for _, count in often), tuple(name for name, _ in often[:_SHOWN]))


def part_seen(training: Examples, scored: Examples) -> dict[str, float]:
    """The part of the scored examples whose id, group, text or medium (by name) training has too, where both name any.

    Of excerpts also `overlap`, the part of those that share rows with one of training, and `overlap_rows`, how many
    rows are in both. Empty where nothing is scored.
    """
    known, asked = _names(training), _names(scored)
    found: dict[str, float] = {}
    for kind in KINDS:
        values = set(known[kind]) - {None}
        if values and any(name is not None for name in asked[kind]):
            found[kind] = sum(name in values for name in asked[kind]) / len(scored)
    media = [str(medium) for column in (known, asked) for medium in column["media"]]
    windows, is_training = line_up(media), np.arange(len(media)) < len(training)
    one, other = windows.where(~is_training), windows.where(is_training)
    if len(one) and len(other):
        found["overlap"] = int((seen_by(one, other) != NONE).sum()) / len(scored)
        found["overlap_rows"] = float(common_rows(one, other).rows)
    return found


def _names(examples: Examples) -> dict[str, list[str | None]]:
    """What the examples name of each kind, read once."""
    columns: dict[str, list[str | None]] = {kind: [] for kind in KINDS}
    for number in range(len(examples)):
        one = examples[number]
        for kind, name in zip(KINDS, (one.id, one.group, one.text, one.media), strict=True):
            columns[kind].append(name)
    return columns


def by_content(
    columns: Mapping[str, Sequence[str]], advance: Callable[[], object] = lambda: None
) -> dict[str, list[str]]:
    """The media of each manifest, those that hold the same bytes under one name: that of the first in sorted order."""
    media = list(dict.fromkeys(one for column in columns.values() for one in column))
    alias = {one: min(group) for group in same_content(media, advance) for one in group}
    return {manifest: [alias.get(one, one) for one in column] for manifest, column in columns.items()}
