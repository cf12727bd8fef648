"""The gloss corpus: sentences of made-up signs as landmarks of bodies, made rather than recorded."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from project.contract import InputError
from project.corpus.folder import Folder
from project.corpus.signer.camera import Camera
from project.corpus.signer.performance import Performance, num_frames, plan, render
from project.corpus.signer.sentence import check_counts, draw_count, draw_sentence
from project.corpus.signer.style import Signing, check_made, draw_signer
from project.corpus.splits import SPLITS, count_splits, make_splits, manifests_of
from project.feature import landmark_file


@dataclass(frozen=True, slots=True)
class Sentences:
    """How much is signed at once, and by how many."""

    num_glosses: Sequence[int] = (3, 10)  # fewest and most glosses of a sentence
    per_signer: int = 10  # sentences of each signer

    def __post_init__(self) -> None:
        check_counts("sentences.num_glosses", self.num_glosses)
        if self.per_signer < 1:
            raise InputError(f"corpus: sentences.per_signer is {self.per_signer}: give at least 1")


class Gloss:
    """Signed sentences with their glosses: train, dev and test manifests beside files of landmarks.

    A sentence is a function of seed, split and number alone. The splits share no signer, and no gloss follows another
    in two of them. A split of 0 sentences has no manifest.
    """

    def __init__(
        self,
        *,
        num_train: int = 0,
        num_dev: int = 100,
        num_test: int = 300,
        seed: int = 0,
        frame_rate: float = 25.0,
        sentences: Sentences | None = None,
        signing: Signing | None = None,
        camera: Camera | None = None,
    ) -> None:
        self._counts = count_splits(num_train, num_dev, num_test)
        check_made(seed, frame_rate)
        self._seed = seed
        self._frame_rate = frame_rate
        self._sentences = sentences or Sentences()
        self._signing = signing or Signing()
        self._camera = camera or Camera()
        self.settings: dict[str, Any] = {
            "corpus": "gloss@1",
            "counts": self._counts,
            "seed": seed,
            "frame_rate": frame_rate,
            "sentences": asdict(self._sentences),
            "signing": asdict(self._signing),
            "camera": asdict(self._camera),
        }

    def make(self, out: str, progress: Callable[[int, int], None] = lambda _done, _total: None) -> list[str]:
        """Writes the corpus into a folder, as far as it is not there already, and gives the manifests' paths.

        `progress` is told how many sentences of how many are there.
        """
        folder = Folder(out, self.settings, manifests_of(self._counts), "landmarks")
        return make_splits(folder, self._counts, "landmarks", self._record, progress)

    def _record(self, folder: Path, split: str, number: int) -> dict[str, Any]:
        """The manifest's line of a sentence, given once its landmarks are on disk."""
        rng = np.random.default_rng([self._seed, SPLITS.index(split), number])
        glosses = draw_sentence(split, draw_count(self._sentences.num_glosses, rng), rng)
        signer = draw_signer(split, number // self._sentences.per_signer, self._signing, self._seed)
        performance = plan(glosses, signer, rng)
        media = f"landmarks/{split}/{number:06d}.npz"
        if not _is_whole(folder / media):
            points = render(performance, self._camera, self._frame_rate, rng)
            landmark_file.write(folder / media, points, self._frame_rate)
        return self._line(f"{split}-{number:06d}", media, performance)

    def _line(self, name: str, media: str, performance: Performance) -> dict[str, Any]:
        signer = performance.signer
        return {
            "id": name,
            "media": media,
            "duration": num_frames(performance, self._frame_rate) / self._frame_rate,
            "symbols": list(performance.glosses),
            "group": signer.name,
            "left_handed": signer.left_handed,
            "tempo": round(signer.tempo, 3),
            "sloppiness": round(signer.sloppiness, 3),
        }


def _is_whole(path: Path) -> bool:
    """Whether landmarks are there whole: after a power cut a file may be there and empty."""
    return path.exists() and zipfile.is_zipfile(path)
