"""From a manifest's line to a sample: frames and a target, the same whoever asks for it and when.

What an example looks like is a function of (seed, epoch, id): the epoch comes with each draw from the sampler, so that
loader workers hold no state and their number changes nothing.

In training the next shorter example may stand in for one that cannot be read, so that its batch still fits. Which one
that is depends on lengths and on what can be read alone: a resumed run, and any number of workers, choose the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from project.contract import Example, InputError
from project.data.manifest import Manifest
from project.data.replay import Replay
from project.data.sampling import Draw
from project.data.spool import Spool
from project.data.store import Store
from project.part import Feature, Notation, Source


class Augment(Protocol):
    """Changes a raw signal or its frames in training, with the generator of this example and epoch.

    At the stage "targets" it changes nothing: it makes targets of each frame. Validation asks for these too.
    It is given the states that the feature tells (T, True where the key is down); with `wants = "frames"` the frames.
    """

    stage: str  # "signal", "frames" or "targets"

    def __call__(self, item: Any, generator: np.random.Generator) -> Any: ...


@dataclass(frozen=True, slots=True)
class Sample:
    """One example, ready to be padded into a Batch."""

    id: str
    frames_TF: Tensor
    targets: Mapping[str, Tensor]
    reference: str
    frame_targets: Mapping[str, Tensor] = field(default_factory=dict)  # (T,) or (T, F) each
    flaws: tuple[Mapping[str, str], ...] = ()  # of those that it stands in for: place, id, reason, stand_in


def sample_of(
    name: str, frames_TF: Tensor, reference: str, whole: Mapping[str, Sequence[int]], placed: Mapping[str, Any]
) -> Sample:
    """A sample of frames and of what a notation makes of a reference."""
    targets = {key: torch.tensor(numbers, dtype=torch.int64) for key, numbers in whole.items()}
    return Sample(
        name, frames_TF, targets, reference, {key: torch.from_numpy(rows_T) for key, rows_T in placed.items()}
    )


class Examples(Dataset[Sample]):
    """The samples of a manifest, or of a source that makes them, drawn by (index, epoch).

    So many as `max_bad` may be stood in for. `store` keeps what was decoded, `spool` remote shards that are being read.
    """

    def __init__(
        self,
        origin: Manifest | Source,
        feature: Feature,
        spelling: Notation,
        augment: Sequence[Augment] = (),
        seed: int = 0,
        max_bad: int = 0,
        store: Store | None = None,
        spool: Spool | None = None,
    ) -> None:
        self.origin = origin
        self.feature = feature
        self.spelling = spelling
        self.augment = tuple(augment)
        self.seed = seed
        self.max_bad = max_bad
        self.store = store
        self.spool = spool

    def __len__(self) -> int:
        return len(self.origin.lengths)

    def __getitem__(self, draw: Draw) -> Sample:
        flaws: list[Mapping[str, str]] = []
        for index in instead(draw.index, self.origin):
            example, made = self._drawn(index, draw.epoch)
            try:
                sample = self._sample(example, made, draw.epoch)
            except InputError as error:
                place = self._place(index, draw.epoch) or example.media
                if not self.max_bad:
                    raise InputError(f"{place}: {example.id}: {error}") from error
                flaws.append({"place": place, "id": example.id, "reason": str(error)})
                if len(flaws) > self.max_bad:
                    raise InputError(too_many_bad(flaws, self.max_bad)) from error
            else:
                return replace(sample, flaws=tuple({**flaw, "stand_in": sample.id} for flaw in flaws))
        raise InputError(too_many_bad(flaws, self.max_bad))

    def _drawn(self, index: int, epoch: int) -> tuple[Example, Any]:
        """The example, and its signal if that is made rather than read."""
        return (self.origin[index], None) if isinstance(self.origin, Manifest) else self.origin.draw(index, epoch)

    def _place(self, index: int, epoch: int) -> str | None:
        """The line of a manifest that an example stands in, if it stands in one."""
        if isinstance(self.origin, Manifest):
            return self.origin.location(index)
        return self.origin.location(index, epoch) if isinstance(self.origin, Replay) else None

    def _sample(self, example: Example, made: Any, epoch: int) -> Sample:
        generator = generator_of(self.seed, epoch, example.id) if self.augment else None
        clear_TF = self._clear(example.media, made, generator)
        frame_targets = self._frame_targets(clear_TF, epoch, example.id)
        frames_TF = self._changed(clear_TF, "frames", generator)
        reference = self.spelling.reference(example)
        whole, placed = self.spelling.targets(reference, example, len(clear_TF))
        sample = sample_of(example.id, frames_TF, reference, whole, placed)
        return replace(sample, frame_targets={**frame_targets, **sample.frame_targets})

    def _clear(self, media: str, made: Any, generator: np.random.Generator | None) -> Tensor:
        """The frames of a signal that may have been changed, before they are."""
        if made is not None:
            return self.feature(self._changed(made, "signal", generator))
        if self.store is None:
            return self.feature(self._changed(self._read(media), "signal", generator))
        if any(one.stage == "signal" for one in self.augment):
            return self.feature(self._changed(self.store.signal(media, self._read), "signal", generator))
        return self.store.frames(media, lambda: self.feature(self._read(media)))

    def _read(self, media: str) -> Any:
        """The signal of a medium; of a remote shard's member, from the copy at hand."""
        return self.feature.read(media if self.spool is None else self.spool.at_hand(media))

    def _changed(self, item: Any, stage: str, generator: np.random.Generator | None) -> Any:
        if generator is not None:
            for augment in self.augment:
                if augment.stage == stage:
                    item = augment(item, generator)
        return item

    def _frame_targets(self, frames_TF: Tensor, epoch: int, name: str) -> dict[str, Tensor]:
        """Targets of frames that nothing was masked in; no other augmentation moves them."""
        makers = target_makers(self.augment)
        if not makers:
            return {}
        generator = generator_of(self.seed, epoch, f"targets of {name}")
        made = (make(self._wanted(make, frames_TF), generator) for make in makers)
        return {name: target for targets in made for name, target in targets.items()}

    def _wanted(self, maker: Augment, frames_TF: Tensor) -> Tensor:
        if getattr(maker, "wants", "states") == "frames":
            return frames_TF
        column = getattr(self.feature, "state_column", None)
        if column is None:
            raise InputError("this feature has no column that tells whether a key is down: use feature=tone_envelope")
        return frames_TF[:, column] > 0.5


def instead(index: int, origin: Manifest | Source) -> Iterator[int]:
    """An example's row, then those that would stand in for it: shorter ones first, from the longest on."""
    yield index
    order = np.argsort(-np.asarray(origin.lengths), kind="stable")
    at = int(np.flatnonzero(order == index)[0])
    yield from order[at + 1 :].tolist()
    yield from order[:at][::-1].tolist()


def too_many_bad(flaws: Sequence[Mapping[str, str]], most: int) -> str:
    """Why a run stops, in one line, with every bad example that is known."""
    named = "; ".join(f"{flaw['place']}: {flaw['id']}: {flaw['reason']}" for flaw in flaws)
    return (
        f"data.max_bad={most}: {len(flaws)} examples of training cannot be used: {named}: mend them, leave them out "
        "(scansion prepare validate ... skip_bad=true), or raise data.max_bad"
    )


def target_makers(augment: Sequence[Augment]) -> list[Augment]:
    """Those that make targets and change nothing: validation wants them too."""
    return [one for one in augment if one.stage == "targets"]


def generator_of(seed: int, epoch: int, name: str) -> np.random.Generator:
    """The random numbers of one example in one epoch.

    >>> a, b = generator_of(1, 0, "x").random(), generator_of(1, 0, "x").random()
    >>> a == b, a == generator_of(1, 1, "x").random()
    (True, False)
    """
    digest = hashlib.blake2b(f"{seed}/{epoch}/{name}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))
