"""The profile of a manifest: how much there is, how long, of whom, of which symbols, how fast, and what comes twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from project.contract import Example, InputError
from project.data.leakage import Repeats, find_repeats
from project.data.line import SECONDS, Unit
from project.data.manifest import Manifest
from project.part import Notation
from project.text.span_notation import SpanNotation, read_spans
from project.text.spelling import Spelling
from project.text.subwords import Subwords

THRESHOLDS = (5.0, 8.0, 10.0, 15.0, 20.0)  # seconds
PERCENTILES = (0, 5, 25, 50, 75, 95, 100)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Survey:
    """A manifest's columns: what a profile counts and a comparison of manifests compares."""

    manifest: Manifest
    ids: list[str]
    media: list[str]
    groups: list[str | None]
    texts: list[str | None]  # normalized, so that equal ones are equal
    lengths: Floats
    num_symbols: Floats  # of each example; NaN without text and symbols
    symbols: Counter[str]
    targets: Counter[str]  # kinds of targets; an example may have several


@dataclass(frozen=True, slots=True)
class Threshold:
    """The examples that are not longer than a limit."""

    limit: float
    examples: int
    total: float  # in the manifest's unit


@dataclass(frozen=True, slots=True)
class Group:
    """What there is of one speaker, signer, station or instrument."""

    examples: int
    total: float


@dataclass(frozen=True)
class Profile:
    """A manifest in numbers. Lengths are in its unit; rates are symbols a unit. Percentiles go by their number."""

    name: str
    files: tuple[str, ...]
    hash: str
    unit: Unit
    examples: int
    total: float
    lengths: Mapping[int, float]  # percentiles
    thresholds: tuple[Threshold, ...]
    groups: Mapping[str, Group]  # biggest first
    ungrouped: int  # examples without a group
    targets: Mapping[str, int]
    symbols: Mapping[str, int]  # most frequent first
    rates: Mapping[int, float]  # percentiles; empty without text and symbols
    repeated_texts: Repeats
    repeated_media: Repeats

    def to_json(self) -> dict[str, Any]:
        """Plain data, the keys strings."""
        content = asdict(self)
        for key in ("lengths", "rates"):
            content[key] = {str(percentile): value for percentile, value in content[key].items()}
        return content


def survey(manifest: Manifest, spelling: Notation | None, advance: Callable[[], object] = lambda: None) -> Survey:
    """Read all of a manifest once. Without a spelling the symbols of a text are its characters."""
    columns = Survey(manifest, [], [], [], [], np.empty(0), np.empty(0), Counter(), Counter())
    lengths, counts = [], []
    for row, example in enumerate(manifest):
        try:
            symbols = symbols_of(example, spelling)
        except InputError as error:
            raise InputError(f"{manifest.location(row)}: {example.id}: {error}") from error
        columns.ids.append(example.id)
        columns.media.append(example.media)
        columns.groups.append(example.group)
        columns.texts.append(text_of(example, spelling))
        columns.symbols.update(symbols or ())
        columns.targets.update(kinds_of(example))
        lengths.append(example.length)
        counts.append(np.nan if symbols is None else len(symbols))
        advance()
    names = (columns.ids, columns.media, columns.groups, columns.texts)
    return Survey(manifest, *names, np.array(lengths), np.array(counts), columns.symbols, columns.targets)


def profile(name: str, columns: Survey, media: Sequence[str]) -> Profile:
    """What the columns amount to; `media` are the survey's, perhaps renamed so that equal content has one name."""
    order = np.sort(columns.lengths)
    totals = np.concatenate([[0.0], np.cumsum(order)])
    fitting = np.searchsorted(order, THRESHOLDS, side="right")
    limits = zip(THRESHOLDS, fitting, strict=True) if columns.manifest.unit == SECONDS else ()
    return Profile(
        name=name,
        files=columns.manifest.names,
        hash=columns.manifest.hash,
        unit=columns.manifest.unit,
        examples=len(columns.ids),
        total=float(totals[-1]),
        lengths=percentiles(columns.lengths),
        thresholds=tuple(Threshold(limit, int(count), float(totals[count])) for limit, count in limits),
        groups=groups_of(columns.groups, columns.lengths),
        ungrouped=columns.groups.count(None),
        targets=dict(columns.targets),
        symbols=dict(columns.symbols.most_common()),
        rates=percentiles(rates_of(columns)),
        repeated_texts=find_repeats(columns.texts),
        repeated_media=find_repeats(media),
    )


def rates_of(columns: Survey) -> Floats:
    """Symbols a second (or frame) of the examples that have symbols."""
    rates: Floats = columns.num_symbols / columns.lengths
    return rates[~np.isnan(rates)]


def percentiles(values: Floats) -> dict[int, float]:
    """The PERCENTILES of numbers; none of no numbers.

    >>> percentiles(np.arange(101.0))[95], percentiles(np.empty(0))
    (95.0, {})
    """
    if not len(values):
        return {}
    return dict(zip(PERCENTILES, np.percentile(values, PERCENTILES).tolist(), strict=True))


def groups_of(names: Sequence[str | None], lengths: Floats) -> dict[str, Group]:
    """Examples and length of each group, the longest first.

    >>> groups_of(["a", "b", None, "b"], np.array([1.0, 2.0, 3.0, 4.0]))
    {'b': Group(examples=2, total=6.0), 'a': Group(examples=1, total=1.0)}
    """
    counts: Counter[str] = Counter()
    totals: Counter[str] = Counter()
    for name, length in zip(names, lengths.tolist(), strict=True):
        if name is not None:
            counts[name] += 1
            totals[name] += length
    return {name: Group(counts[name], float(total)) for name, total in totals.most_common()}


def symbols_of(example: Example, spelling: Notation | None) -> Sequence[str] | None:
    """What an example's target is written with; None if it has neither text nor symbols. Of spans their kinds."""
    if isinstance(spelling, SpanNotation):
        return [mark.kind for mark in read_spans(spelling.reference(example))]
    if spelling is not None:
        text = text_of(example, spelling)
        return None if text is None else spelling.alphabet.split(text)
    return example.symbols if example.symbols is not None else example.text


def text_of(example: Example, spelling: Notation | None) -> str | None:
    """The target as a text, written alike where it is alike: by the spelling, else without case and double spaces."""
    if isinstance(spelling, Spelling | Subwords):
        text = spelling.written(example)
        return None if text is None else spelling.normalize(text)
    text = example.text if example.symbols is None else " ".join(example.symbols)
    return None if text is None else " ".join(text.casefold().split())


def kinds_of(example: Example) -> list[str]:
    """The kinds of target that an example has."""
    given = {"text": example.text, "symbols": example.symbols, "labels": example.labels}
    return [kind for kind, value in given.items() if value is not None] or ["none"]
