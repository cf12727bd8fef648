from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from project.evaluation.page.sound import MAX_SECONDS, Clip, make_clip, sounds


def recording(path: Path, seconds: float, rate: int = 8_000, channels: int = 1) -> str:
    """Noise, keyed once a second."""
    times_N = np.arange(round(seconds * rate)) / rate
    noise_NC = np.random.default_rng(0).normal(size=(len(times_N), channels)) * (times_N % 1 < 0.5)[:, None]
    soundfile.write(path, 0.1 * noise_NC, rate)
    return str(path)


def decoded(clip: Clip) -> tuple[np.ndarray, int]:
    kind, content = clip.sound.split(",", 1)
    assert kind == "data:audio/mpeg;base64"
    wave_N, rate = soundfile.read(io.BytesIO(base64.b64decode(content)))
    return wave_N, rate


@pytest.mark.parametrize(("rate", "channels", "embedded"), [(8_000, 1, 8_000), (44_100, 2, 16_000), (6_000, 1, 16_000)])
def test_a_recording_is_embedded_mono(tmp_path: Path, rate: int, channels: int, embedded: int) -> None:
    found = make_clip(recording(tmp_path / "a.wav", 3, rate, channels))
    assert isinstance(found, Clip)
    wave_N, own = decoded(found)
    assert wave_N.ndim == 1
    assert own == embedded
    assert abs(len(wave_N) / own - 3) < 0.2
    assert found.seconds == found.whole_seconds == 3
    loud = [float(np.abs(wave_N[own * n // 2 : own * (n + 1) // 2]).mean()) for n in range(6)]
    assert min(loud[::2]) > 5 * max(loud[1::2])  # keyed as it was
    assert found.picture.startswith("data:image/png;base64,")


def test_a_long_recording_is_cut(tmp_path: Path) -> None:
    found = make_clip(recording(tmp_path / "a.flac", MAX_SECONDS + 15))
    assert isinstance(found, Clip)
    assert (found.seconds, found.whole_seconds) == (MAX_SECONDS, MAX_SECONDS + 15)


def test_what_cannot_be_played_says_why(tmp_path: Path) -> None:
    np.savez(tmp_path / "hands.npz", points=np.zeros(3))
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 8_000)
    for name, reason in (("hands.npz", ".npz is no sound"), ("empty.wav", "no samples")):
        found = make_clip(str(tmp_path / name))
        assert isinstance(found, str)
        assert reason in found


def test_each_recording_once_and_no_more_than_there_is_room(tmp_path: Path) -> None:
    media = [recording(tmp_path / f"{n}.wav", 1) for n in range(3)]
    one = make_clip(media[0])
    assert isinstance(one, Clip)
    assert one.size == len(one.sound) + len(one.picture)
    clips = sounds(max_bytes=round(2.5 * one.size))
    assert [clips.place(medium) for medium in (*media[:2], media[0])] == [0, 1, 0]
    assert "as much sound as it may" in str(clips.place(media[2]))
    assert sum(clip.size for clip in clips.made) <= 2.5 * one.size
