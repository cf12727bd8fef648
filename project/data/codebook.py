"""A codebook: the centres of clusters, and of what frames they are, so that other recordings get the same units."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from project import atomic
from project.contract import InputError
from project.data.kmeans import Points


@dataclass(frozen=True, slots=True)
class Codebook:
    """Centres, and the run and layer whose frames they are of; cepstra where no run is named."""

    centres_KF: Points
    run: str | None = None
    layer: int | None = None

    def __len__(self) -> int:
        return len(self.centres_KF)

    def save(self, path: Path) -> None:
        """Writes it, whole or not at all."""
        with atomic.writing(path) as file:
            np.savez(file, centres=self.centres_KF, run=np.array(self.run or ""), layer=np.array(self.layer or 0))

    @classmethod
    def load(cls, path: Path) -> Codebook:
        """One that `save` wrote."""
        try:
            with np.load(path, allow_pickle=False) as content:
                run = str(content["run"])
                return cls(content["centres"], run or None, int(content["layer"]) if run else None)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError) as error:
            raise InputError(
                f"{path}: no readable codebook ({error}): name the .npz that `prepare cluster` wrote"
            ) from None
