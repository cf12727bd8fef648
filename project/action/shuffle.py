"""Shuffles what is wanted among examples of manifests: the control from which nothing can be learned but language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from project.action.output import require_free, require_manifests
from project.contract import Example, InputError
from project.data.manifest import Manifest, write_manifest

_ORDERS = 20  # tried for each neighbourhood: the one is taken that leaves the fewest examples what they had


class Shuffle:
    """Writes the same examples, each with the text, symbols and labels of another one that is about as long.

    Ids, media, groups and all else stay. So lengths and texts go together as before, as far as speed goes, and the
    language is the same; only what is heard has nothing to do with what is wanted. Whoever gets better by learning from
    it has not learned to hear.
    """

    def __init__(
        self,
        manifest: str | Sequence[str],
        out: str | None = None,
        neighbours: int = 20,
        seed: int = 1,
        overwrite: bool = False,
    ) -> None:
        if neighbours < 2:
            raise InputError(f"neighbours={neighbours}: texts are exchanged among that many examples: give 2 or more")
        self.patterns = require_manifests(manifest, "shuffle")
        self.out = None if out is None else Path(out)
        self.neighbours = neighbours
        self.seed = seed
        self.overwrite = overwrite

    def run(self) -> int:
        """0 when the manifest is written."""
        manifest = Manifest.open(self.patterns)
        if self.out is None and len(manifest.files) > 1:
            raise InputError(f"out: {len(manifest.files)} files become one: say out=..., the manifest to write")
        out = self.out or manifest.require_here()[0].with_name(f"{manifest.files[0].stem}.shuffled.jsonl")
        if out.absolute() in {file.absolute() for file in manifest.files}:
            raise InputError(f"{out}: it is what is shuffled: name another file with out=...")
        require_free([out], self.overwrite)
        examples = list(manifest)
        if len(examples) < 2:
            raise InputError(
                f"{manifest.files[0]}: {len(examples)} examples have nothing to exchange: give two or more"
            )
        givers = exchanged([wanted(one) for one in examples], manifest.lengths, self.neighbours, self.seed)
        made = [with_target_of(one, examples[giver]) for one, giver in zip(examples, givers, strict=True)]
        out.parent.mkdir(parents=True, exist_ok=True)
        write_manifest(out, made, manifest.unit)
        apart = float(np.abs(manifest.lengths - manifest.lengths[givers]).mean())
        same = sum(wanted(one) == wanted(other) for one, other in zip(examples, made, strict=True))
        print(
            f"{out}: {len(made):,} examples with what others wanted that are {apart:.3g} {manifest.unit} longer or "
            f"shorter, in the mean; {same:,} want what they wanted, as others want the same"
        )
        return 0


def exchanged(targets: Sequence[Any], lengths: Any, neighbours: int, seed: int) -> list[int]:
    """For each example the one whose target it gets: another one, among those that are next to it in length.

    >>> exchanged(["a", "b", "c", "d"], [1.0, 9.0, 9.5, 1.1], neighbours=2, seed=1)
    [3, 2, 1, 0]
    """
    generator = np.random.default_rng(seed)
    by_length = np.argsort(np.asarray(lengths), kind="stable")
    givers = [0] * len(targets)
    for hood in np.array_split(by_length, max(1, len(by_length) // neighbours)):
        orders = [generator.permutation(hood).tolist() for _ in range(_ORDERS)]
        order = min(
            orders, key=lambda one: sum(targets[a] == targets[b] for a, b in zip(one, turned(one), strict=True))
        )
        for taker, giver in zip(order, turned(order), strict=True):
            givers[taker] = giver
    return givers


def turned(order: Sequence[int]) -> list[int]:
    """Who stands behind each one in a ring: never oneself.

    >>> turned([3, 1, 2])
    [1, 2, 3]
    """
    return [*order[1:], order[0]]


def wanted(example: Example) -> bytes:
    """All that should be recognized in an example, comparable."""
    return orjson.dumps([example.text, example.symbols, example.labels], option=orjson.OPT_SORT_KEYS)


def with_target_of(example: Example, other: Example) -> Example:
    """An example that wants what another one does."""
    return replace(example, text=other.text, symbols=other.symbols, labels=other.labels)
