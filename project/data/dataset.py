"""From a manifest's line to a sample: frames and a target, the same whoever asks for it and when.

What an example looks like is a function of (seed, epoch, id): the epoch comes with each draw from the sampler, so that
loader workers hold no state and their number changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from project.contract import Example, Feature, InputError
from project.data.manifest import Manifest
from project.data.sampling import Draw
from project.text.spelling import Spelling


class Augment(Protocol):
    """Changes a raw signal or its frames in training, with the generator of this example and epoch."""

    stage: str  # "signal" or "frames"

    def __call__(self, item: Any, generator: np.random.Generator) -> Any: ...


@dataclass(frozen=True, slots=True)
class Sample:
    """One example, ready to be padded into a Batch."""

    id: str
    frames_TF: Tensor
    targets: Mapping[str, Tensor]
    reference: str


class Examples(Dataset[Sample]):
    """The samples of a manifest, drawn by (index, epoch)."""

    def __init__(
        self, manifest: Manifest, feature: Feature, spelling: Spelling, augment: Sequence[Augment] = (), seed: int = 0
    ) -> None:
        self.manifest = manifest
        self.feature = feature
        self.spelling = spelling
        self.augment = tuple(augment)
        self.seed = seed

    def __len__(self) -> int:
        return len(self.manifest)

    def __getitem__(self, draw: Draw) -> Sample:
        example = self.manifest[draw.index]
        generator = generator_of(self.seed, draw.epoch, example.id) if self.augment else None
        try:
            signal = self._changed(self.feature.read(example.media), "signal", generator)
            frames_TF = self._changed(self.feature(signal), "frames", generator)
            reference = reference_of(example, self.spelling)
            ids = self.spelling.encode(reference)
        except InputError as error:
            raise InputError(f"{self.manifest.location(draw.index)}: {example.id}: {error}") from error
        return Sample(example.id, frames_TF, {"symbols": torch.tensor(ids, dtype=torch.int64)}, reference)

    def _changed(self, item: Any, stage: str, generator: np.random.Generator | None) -> Any:
        if generator is not None:
            for augment in self.augment:
                if augment.stage == stage:
                    item = augment(item, generator)
        return item


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
