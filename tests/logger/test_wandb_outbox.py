"""What is kept in a run's folder until W&B has it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from project.logger.wandb_outbox import kept_in, make_clip, pinned


def test_a_clip_is_the_beginning_of_a_recording_made_once(tmp_path: Path) -> None:
    wave_NC = np.random.default_rng(0).uniform(-0.5, 0.5, (40 * 1000, 2))
    soundfile.write(tmp_path / "long.wav", wave_NC, 1000, subtype="FLOAT")
    clip = make_clip(str(tmp_path / "long.wav"), tmp_path / "sounds")
    assert clip is not None
    heard_NC, rate = soundfile.read(clip)
    assert (soundfile.info(clip).format, rate, heard_NC.shape) == ("FLAC", 1000, (30_000, 2))
    np.testing.assert_allclose(heard_NC, wave_NC[:30_000], atol=2**-15)
    (tmp_path / "long.wav").unlink()
    assert make_clip(str(tmp_path / "long.wav"), tmp_path / "sounds") == clip
    assert list((tmp_path / "sounds").iterdir()) == [clip]


def test_what_is_no_sound_has_no_clip(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_bytes(b"no sound at all")
    for media in ("text.mp4", "hands.npz", "bars.npy#0:10", "missing.wav"):
        assert make_clip(str(tmp_path / media), tmp_path / "sounds") is None, media
    assert not (tmp_path / "sounds").exists()


@pytest.mark.parametrize("links", [True, False])
def test_a_pinned_checkpoint_outlives_the_one_that_takes_its_place(
    links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("this file system has no links")

    if not links:
        monkeypatch.setattr(Path, "hardlink_to", refuse)
    best = tmp_path / "best.ckpt"
    best.write_bytes(b"first")
    first = pinned(best, tmp_path / "kept")
    assert pinned(best, tmp_path / "kept") == first
    assert (best.stat().st_ino == first.stat().st_ino) is links
    (tmp_path / "next").write_bytes(b"second")
    os.utime(tmp_path / "next", ns=(0, 1))
    (tmp_path / "next").replace(best)
    assert (first.read_bytes(), pinned(best, tmp_path / "kept").read_bytes()) == (b"first", b"second")


def test_who_chose_a_place_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_DATA_DIR", raising=False)
    with kept_in(tmp_path / "data"):
        assert os.environ["WANDB_DATA_DIR"] == str(tmp_path / "data")
    assert "WANDB_DATA_DIR" not in os.environ
    monkeypatch.setenv("WANDB_DATA_DIR", "/elsewhere")
    with kept_in(tmp_path / "other"):
        assert os.environ["WANDB_DATA_DIR"] == "/elsewhere"
    assert os.environ["WANDB_DATA_DIR"] == "/elsewhere"
    assert not (tmp_path / "other").exists()
