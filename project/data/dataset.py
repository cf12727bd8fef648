"""From a manifest's line to a sample: frames and a target, the same whoever asks for it and when.

What an example looks like is a function of (seed, epoch, id): the epoch comes with each draw from the sampler, so that
loader workers hold no state and their number changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from project.contract import InputError
from project.data.manifest import Manifest
from project.data.replay import Replay
from project.data.sampling import Draw
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


def sample_of(
    name: str, frames_TF: Tensor, reference: str, whole: Mapping[str, Sequence[int]], placed: Mapping[str, Any]
) -> Sample:
    """A sample of frames and of what a notation makes of a reference."""
    targets = {key: torch.tensor(numbers, dtype=torch.int64) for key, numbers in whole.items()}
    return Sample(
        name, frames_TF, targets, reference, {key: torch.from_numpy(rows_T) for key, rows_T in placed.items()}
    )


class Examples(Dataset[Sample]):
    """The samples of a manifest, or of a source that makes them, drawn by (index, epoch)."""

    def __init__(
        self,
        origin: Manifest | Source,
        feature: Feature,
        spelling: Notation,
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
            reference = self.spelling.reference(example)
            whole, placed = self.spelling.targets(reference, example, len(clear_TF))
        except InputError as error:
            place = example.media
            if isinstance(self.origin, Manifest):
                place = self.origin.location(draw.index)
            elif isinstance(self.origin, Replay):
                place = self.origin.location(draw.index, draw.epoch)
            raise InputError(f"{place}: {example.id}: {error}") from error
        sample = sample_of(example.id, frames_TF, reference, whole, placed)
        return replace(sample, frame_targets={**frame_targets, **sample.frame_targets})

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
