"""How batches are cut and what comes into them, as a value; what of it makes no sense is refused with a remedy."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from project.contract import InputError
from project.data.manifest import Manifest
from project.part import Feature, Source


@dataclass(frozen=True, slots=True)
class Batching:
    """How batches are cut. Lengths are in the manifest's unit: seconds for audio.

    `budgets`, pairs of a length and a number of examples, stand in for `batch_length`: an example shares a batch with
    as many as the first length says that covers it, itself included. `buffer`, a number of examples, has training read
    the shards of a manifest one after the other, and shuffles and sorts no more examples together than that.
    """

    batch_length: float = 200.0
    max_batch_size: int = 32
    chunk: int = 100
    fraction: float = 1.0
    min_length: float = 0.0
    max_length: float = float("inf")
    round_frames: int = 1
    replay: float = 0.0
    dev_examples: int | None = None
    budgets: Sequence[Sequence[float]] | None = None
    buffer: int | None = None

    @property
    def cap(self) -> float | Sequence[Sequence[float]]:
        """What a batch may hold: a padded length, or budgets for lengths."""
        return self.batch_length if self.budgets is None else self.budgets


def require_sound(batching: Batching) -> None:
    """Parts and counts that there can be."""
    if batching.budgets is not None:
        require_budgets(batching.budgets)
    if batching.buffer is not None and batching.buffer < 1:
        raise InputError(
            f"data.batching.buffer is {batching.buffer}: give the number of examples that are shuffled together, "
            "several shards' worth, or null where all are at hand"
        )
    if batching.buffer is not None and batching.replay:
        raise InputError(
            "data.batching.buffer reads shards one after the other, and data.batching.replay draws general data from "
            "anywhere: set one of them to null or 0"
        )
    if not 0 <= batching.replay < 1:
        raise InputError(
            f"data.batching.replay is {batching.replay:g}: give the part of an epoch that is general data, from 0 to "
            "below 1; 0.5 is as many as the training manifest has"
        )
    if batching.dev_examples is not None and batching.dev_examples < 1:
        raise InputError(
            f"data.batching.dev_examples is {batching.dev_examples}: give a number from 1 on, or null for all of dev"
        )


def require_budgets(budgets: Sequence[Sequence[float]]) -> None:
    """Pairs [length, examples], lengths rising, and no more examples the longer they are."""
    remedy = "give [[length, examples], ...] with rising lengths and falling numbers, as train action=calibrate does"
    sound = bool(budgets) and all(
        len(pair) == 2 and pair[0] > 0 and pair[1] >= 1 and float(pair[1]).is_integer() for pair in budgets
    )
    if not sound:
        raise InputError(f"data.batching.budgets is {list(budgets)}: {remedy}")
    for (length, examples), (longer, fewer) in pairwise(budgets):
        if not (length < longer and examples >= fewer):
            raise InputError(
                f"data.batching.budgets: {examples:g} examples up to {length:g}, then {fewer:g} up to {longer:g}: "
                f"{remedy}"
            )


def check_fresh(fresh: Source, feature: Feature, batching: Batching) -> None:
    """Examples made anew come at the feature's rate, and are not chosen from: they are made as they are wanted."""
    for name in ("sample_rate", "frame_rate", "history"):
        rate, wanted = getattr(fresh, name, None), getattr(feature, name, None)
        if rate == wanted:
            continue
        if rate is None or wanted is None:
            raise InputError(
                f"data.fresh.{name} is {rate}, feature.{name} is {wanted}: one of them is for recordings of another "
                "kind: choose another feature= or corpus@data.fresh="
            )
        raise InputError(
            f"data.fresh.{name} is {rate}, the feature's is {wanted}: give them the same rate, "
            f"data.fresh.{name}={wanted}"
        )
    plain = Batching()
    for name in ("fraction", "min_length", "max_length", "replay", "buffer"):
        if getattr(batching, name) != getattr(plain, name):
            raise InputError(
                f"data.batching.{name} is of no use for examples made anew: data.fresh says how many are made, and how "
                "long: take it out"
            )


def share(manifest: Manifest, fraction: float) -> Manifest:
    """That part of a manifest, one example at least: those whose ids' hashes are least, so 1 % lies within 10 %."""
    if not 0 < fraction <= 1:
        raise InputError(f"data.batching.fraction is {fraction:g}: give a part of the training manifest, above 0, to 1")
    if fraction == 1:
        return manifest
    hashes = [hashlib.blake2b(manifest[row].id.encode(), digest_size=8).digest() for row in range(len(manifest))]
    kept = sorted(range(len(manifest)), key=hashes.__getitem__)[: math.ceil(fraction * len(manifest))]
    return manifest.select(sorted(kept))
