"""Codebooks: written and read, and what is none refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from project.contract import InputError
from project.data.codebook import Codebook


@pytest.mark.parametrize(("run", "layer"), [(None, None), ("runs/phoneme/pretrain-1", 6)])
def test_it_is_read_as_it_was_written(tmp_path: Path, run: str | None, layer: int | None) -> None:
    path = tmp_path / "units.codebook.npz"
    centres = np.arange(6, dtype=np.float32).reshape(2, 3)
    Codebook(centres, run, layer).save(path)
    found = Codebook.load(path)
    assert np.array_equal(found.centres_KF, centres)
    assert (found.run, found.layer, len(found)) == (run, layer, 2)


def test_what_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no readable codebook"):
        Codebook.load(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(InputError, match="no readable codebook"):
        Codebook.load(tmp_path / "text.npz")
    np.savez(tmp_path / "other.npz", weights=np.zeros(3))
    with pytest.raises(InputError, match="no readable codebook"):
        Codebook.load(tmp_path / "other.npz")
