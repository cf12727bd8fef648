"""Windows of a training manifest at other places in each epoch, so that nobody learns where in a window spans begin."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from project.contract import Example, InputError
from project.data.manifest import Manifest
from project.feature.bar_window import BarWindow, read_window
from project.feature.excerpt import join_excerpt, split_excerpt

_EXAMPLES = 101  # stream of random numbers


class BarsFresh:
    """The windows of a manifest, each beginning at a bar drawn evenly from its `room`: (seed, epoch, number) decide.

    With every bar of its room a window holds the same spans, and no bar of another split. A window that has room for
    one place alone, as those that people have annotated, stays there.
    """

    def __init__(self, manifest: str | Sequence[str] | None = None, seed: int = 0, history: int = 128) -> None:
        if manifest is None:
            raise InputError("data.fresh.manifest is missing: name the training manifest, data/bars/train.jsonl")
        if seed < 0 or history < 0:
            raise InputError(f"data.fresh: seed {seed}, history {history}: give 0 or more")
        self.history = history  # bars read before a window: those of the feature
        self._seed = seed
        self.manifest = Manifest.open(manifest)
        if not len(self.manifest):
            raise InputError(f"{manifest}: holds no example: check data.fresh.manifest")
        self._rooms = [_room(self.manifest[row], self.manifest.location(row)) for row in range(len(self.manifest))]
        self.lengths: NDArray[np.float32] = self.manifest.lengths
        self.settings: dict[str, Any] = {
            "corpus": "bars_fresh@1",
            "manifest": self.manifest.hash,
            "seed": seed,
            "history": history,
        }
        self.hash = hashlib.blake2b(json.dumps(self.settings, sort_keys=True).encode(), digest_size=16).hexdigest()

    def draw(self, index: int, epoch: int) -> tuple[Example, BarWindow]:
        """A window at its place in that epoch, and its bars with those before it."""
        rng = np.random.default_rng([self._seed, _EXAMPLES, epoch, index])
        example, (low, high) = self.manifest[index], self._rooms[index]
        file, rows = split_excerpt(example.media)
        assert rows is not None
        begin = int(rng.integers(low, high + 1))
        media = join_excerpt(file, begin, begin + rows[1] - rows[0])
        moved = Example(
            f"{epoch}-{example.id}",
            media,
            example.length,
            labels={"spans": [_moved(span, rows[0] - begin) for span in (example.labels or {})["spans"]]},
            group=example.group,
            meta={"instrument": example.meta.get("instrument")},
        )
        return moved, read_window(media, self.history)


def _moved(span: Mapping[str, Any], bars: int) -> dict[str, Any]:
    return {"kind": span["kind"], "start": span["start"] + bars, "end": span["end"] + bars}


def _room(example: Example, place: str) -> tuple[int, int]:
    """The least and the greatest bar that a window may begin with, if its line says so and holds its spans there."""
    room, (_, rows) = example.meta.get("room"), split_excerpt(example.media)
    spans = (example.labels or {}).get("spans")
    try:
        low, high = (int(bar) for bar in room or ())
        begin, end = rows or (0, 0)
        starts, ends = ([begin + int(span[key]) for span in spans or ()] for key in ("start", "end"))
        fits = (
            0 <= low <= begin <= high
            and all(high <= bar for bar in starts)
            and max(ends, default=0) <= low + end - begin
        )
    except (TypeError, ValueError, KeyError):
        fits = False
    if not fits or rows is None or spans is None:
        raise InputError(
            f"{place}: {example.id}: `room` is {room!r:.40}, within which its spans cannot be moved: make the manifest "
            "with `scansion prepare corpus=bars`, or learn from it as it is, without data.fresh"
        )
    return low, high
