"""From a manifest's line to a sample: frames and a target, the same whoever asks for it and when.

What an example looks like is a function of (seed, epoch, id): the epoch comes with each draw from the sampler, so that
loader workers hold no state and their number changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from project.contract import Example, Feature, InputError, Source
from project.data.manifest import Manifest
from project.data.sampling import Draw
from project.text.spelling import Spelling


class Augment(Protocol):
    """Changes a raw signal or its frames in training, with the generator of this example and epoch.

    At the stage "targets" it changes nothing: from the states that the feature tells (T, True where the key is down) it
    makes targets of one value a frame. Validation asks for these too.
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
    frame_targets: Mapping[str, Tensor] = field(default_factory=dict)  # (T,) each


class Examples(Dataset[Sample]):
    """The samples of a manifest, or of a source that makes them, drawn by (index, epoch)."""

    def __init__(
        self,
        origin: Manifest | Source,
        feature: Feature,
        spelling: Spelling,
        augment: Sequence[Augment] = (),
        seed: int = 0,
    ) -> None:
        self.origin = origin
        self.feature = feature
        self.spelling = spelling
        self.augment = tuple(augment)
        self.seed = seed

    def __len__(self) -> int:
        return len(self.origin.lengths)

    def __getitem__(self, draw: Draw) -> Sample:
        if isinstance(self.origin, Manifest):
            example, made = self.origin[draw.index], None
        else:
            example, made = self.origin.draw(draw.index, draw.epoch)
        generator = generator_of(self.seed, draw.epoch, example.id) if self.augment else None
        try:
            signal = self.feature.read(example.media) if made is None else made
            signal = self._changed(signal, "signal", generator)
            clear_TF = self.feature(signal)
            frame_targets = self._frame_targets(clear_TF, draw.epoch, example.id)
            frames_TF = self._changed(clear_TF, "frames", generator)
            reference = reference_of(example, self.spelling)
            ids = self.spelling.encode(reference)
            frame_targets |= placed(ids, example, len(clear_TF))
        except InputError as error:
            place = self.origin.location(draw.index) if isinstance(self.origin, Manifest) else example.media
            raise InputError(f"{place}: {example.id}: {error}") from error
        targets = {"symbols": torch.tensor(ids, dtype=torch.int64)}
        return Sample(example.id, frames_TF, targets, reference, frame_targets)

    def _changed(self, item: Any, stage: str, generator: np.random.Generator | None) -> Any:
        if generator is not None:
            for augment in self.augment:
                if augment.stage == stage:
                    item = augment(item, generator)
        return item

    def _frame_targets(self, frames_TF: Tensor, epoch: int, name: str) -> dict[str, Tensor]:
        """Targets of one value a frame, from frames that nothing was masked in; no other augmentation moves them."""
        makers = target_makers(self.augment)
        if not makers:
            return {}
        column = getattr(self.feature, "state_column", None)
        if column is None:
            raise InputError("this feature has no column that tells whether a key is down: use feature=tone_envelope")
        states_T, generator = frames_TF[:, column] > 0.5, generator_of(self.seed, epoch, f"targets of {name}")
        return {name: target for make in makers for name, target in make(states_T, generator).items()}


def placed(ids: Sequence[int], example: Example, frames: int) -> dict[str, Tensor]:
    """`places`: each symbol's id at the frame where labels.places, in the unit of lengths, says it was sent; else 0.

    Nothing where the manifest does not say it, or says it of another number of symbols than a normalizer left.
    """
    places = (example.labels or {}).get("places")
    if not isinstance(places, list) or len(places) != len(ids):
        return {}
    rows = torch.tensor(places, dtype=torch.float64) * (frames / example.length)
    placed_T = torch.zeros(frames, dtype=torch.int64)
    placed_T[rows.long().clamp(0, max(0, frames - 1))] = torch.tensor(ids, dtype=torch.int64)
    return {"places": placed_T}


def target_makers(augment: Sequence[Augment]) -> list[Augment]:
    """Those that make targets and change nothing: validation wants them too."""
    return [one for one in augment if one.stage == "targets"]


def reference_of(example: Example, spelling: Spelling) -> str:
    """What an example is scored against: its text or symbols, normalized."""
    if example.symbols is not None:
        return spelling.normalize(spelling.alphabet.separator.join(example.symbols))
    if example.text is not None:
        return spelling.normalize(example.text)
    raise InputError("no target: give the line `text` or `symbols`")


def generator_of(seed: int, epoch: int, name: str) -> np.random.Generator:
    """The random numbers of one example in one epoch.

    >>> a, b = generator_of(1, 0, "x").random(), generator_of(1, 0, "x").random()
    >>> a == b, a == generator_of(1, 1, "x").random()
    (True, False)
    """
    digest = hashlib.blake2b(f"{seed}/{epoch}/{name}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))
