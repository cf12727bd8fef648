"""The crowd of a manifest: recordings of whoever does not speak in the one that is changed."""

from __future__ import annotations

import numpy as np

from project.contract import Example, InputError
from project.corpus.shifter.step import Sound, power
from project.data.manifest import Manifest
from project.feature.waveform import read


class Crowd:
    """Picks recordings of other groups; where lines have no group, any other recordings."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._speakers: np.ndarray[tuple[int], np.dtype[np.str_]] | None = None

    def voices(self, example: Example, count: int, rate: int, rng: np.random.Generator) -> list[Sound]:
        """So many recordings of others than the example's speaker, none twice and none of them silent."""
        if self._speakers is None:
            self._speakers = np.array([_speaker(one) for one in self._manifest])
        rows = np.flatnonzero(self._speakers != _speaker(example))
        found: list[Sound] = []
        for row in rng.permutation(rows):
            voice = read(self._manifest[int(row)].media, rate).astype(np.float64)
            if power(voice):
                found.append(voice)
            if len(found) == count:
                return found
        raise InputError(
            f"its babble takes {count} recordings of other speakers, and the manifest has {len(found)}: "
            "lower corpus.noise.talkers, or corpus.noise.babble=0"
        )


def _speaker(example: Example) -> str:
    return f"id {example.id}" if example.group is None else f"group {example.group}"
