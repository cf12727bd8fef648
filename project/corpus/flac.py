"""How corpora write sound: 16-bit FLAC files, there only when they are whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray


def write(path: Path, sound: NDArray[np.floating], sample_rate: int) -> None:
    """A recording; full scale is 1. Nothing waits for the disk: a corpus of thousands is finished by its manifest."""
    temporary = path.with_name(f".{path.name}")
    soundfile.write(temporary, sound, sample_rate, format="FLAC", subtype="PCM_16")
    temporary.replace(path)
