"""Signed sentences made while training: new glosses, signers and noise for each example of each epoch, none on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from project.contract import Example, InputError
from project.corpus.ranges import between_log
from project.corpus.signer.camera import Camera, Points
from project.corpus.signer.movement import typical_seconds
from project.corpus.signer.performance import plan, render
from project.corpus.signer.sentence import check_counts, draw_count, draw_sentence
from project.corpus.signer.style import Signing, check_made, draw_signer

_EXAMPLES, _LENGTHS = 101, 102  # streams of random numbers that no split of the written corpus has


@dataclass(frozen=True, slots=True)
class Portions:
    """How much is made."""

    num_examples: int = 2000  # of an epoch
    num_glosses: Sequence[int] = (3, 8)  # fewest and most glosses of a sentence
    signers: int = 1000  # people who sign, none of them in dev or test

    def __post_init__(self) -> None:
        check_counts("portions.num_glosses", self.num_glosses)
        for name in ("num_examples", "signers"):
            if getattr(self, name) < 1:
                raise InputError(f"corpus: portions.{name} is {getattr(self, name)}: give at least 1")


class GlossFresh:
    """The gloss corpus as a source of examples: each a function of (seed, epoch, number), none stored.

    Its signers are the first ones that the written corpus of that seed has in its training manifest, and its glosses
    follow each other as they may there. How long an example is, and of how many glosses, is the same in each epoch:
    whoever signs it has to keep that time.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        frame_rate: float = 25.0,
        portions: Portions | None = None,
        signing: Signing | None = None,
        camera: Camera | None = None,
    ) -> None:
        check_made(seed, frame_rate)
        self.frame_rate = frame_rate
        self._seed = seed
        self._portions = portions or Portions()
        self._signing = signing or Signing()
        self._camera = camera or Camera()
        rng = np.random.default_rng([seed, _LENGTHS])
        examples = self._portions.num_examples
        self._counts = [draw_count(self._portions.num_glosses, rng) for _ in range(examples)]
        tempos = np.array([between_log(self._signing.tempo, rng) for _ in range(examples)])
        seconds = np.array([typical_seconds(count) for count in self._counts]) / tempos
        self.lengths: NDArray[np.float32] = (np.round(seconds * frame_rate) / frame_rate).astype(np.float32)
        self.settings: dict[str, Any] = {
            "corpus": "gloss_fresh@1",
            "seed": seed,
            "frame_rate": frame_rate,
            "portions": asdict(self._portions),
            "signing": asdict(self._signing),
            "camera": asdict(self._camera),
        }
        self.hash = hashlib.blake2b(json.dumps(self.settings, sort_keys=True).encode(), digest_size=16).hexdigest()

    def draw(self, index: int, epoch: int) -> tuple[Example, Points]:
        """An example and its points (T, 543, 3), NaN where nothing was detected."""
        rng = np.random.default_rng([self._seed, _EXAMPLES, epoch, index])
        signer = draw_signer("train", int(rng.integers(self._portions.signers)), self._signing, self._seed)
        planned = plan(draw_sentence("train", self._counts[index], rng), signer, rng)
        seconds = float(self.lengths[index])
        performance = replace(planned, timing=planned.timing.lasting(seconds))
        points = render(performance, self._camera, self.frame_rate, rng)
        name = f"{epoch}-{index:06d}"
        example = Example(
            name,
            f"fresh:{name}",
            len(points) / self.frame_rate,
            symbols=performance.glosses,
            group=signer.name,
        )
        return example, points
