"""Checkpoints on the disk: whole, read back as any other, in folders that are there."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from project.callbacks.checkpoint_io import WholeFiles


def test_a_checkpoint_is_read_back_as_it_was(tmp_path: Path) -> None:
    content = {"state_dict": {"a": torch.arange(5.0), "b": torch.ones(2, 3)}, "global_step": 7, "nested": [{"x": None}]}
    WholeFiles().save_checkpoint(content, tmp_path / "last.ckpt")
    found = torch.load(tmp_path / "last.ckpt", weights_only=True)
    rest = {name: value for name, value in found.items() if name != "state_dict"}
    assert rest == {"global_step": 7, "nested": [{"x": None}]}
    for name, value in (("a", torch.arange(5.0)), ("b", torch.ones(2, 3))):
        assert torch.equal(found["state_dict"][name], value)
    assert [file.name for file in tmp_path.iterdir()] == ["last.ckpt"]


def test_what_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    WholeFiles().save_checkpoint({"step": 1}, tmp_path / "last.ckpt")
    with pytest.raises((AttributeError, TypeError), match=r"local object|pickle"):
        WholeFiles().save_checkpoint({"step": lambda: 2}, tmp_path / "last.ckpt")
    assert torch.load(tmp_path / "last.ckpt", weights_only=True) == {"step": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["last.ckpt"]
    with pytest.raises(FileNotFoundError):
        WholeFiles().save_checkpoint({"step": 1}, tmp_path / "gone" / "last.ckpt")
    assert not (tmp_path / "gone").exists()
