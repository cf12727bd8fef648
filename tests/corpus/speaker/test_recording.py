"""What the microphone hears: measured on a tone that stands for speech."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import welch

from project.contract import InputError
from project.corpus.speaker.recording import Recording, coloured, record
from project.feature.waveform import Wave

RATE = 16000


def tone(seconds: float = 1.0) -> Wave:
    return np.sin(2 * np.pi * 1000 * np.arange(int(seconds * RATE)) / RATE).astype(np.float32)


@pytest.mark.parametrize("snr_db", [0, 20])
def test_noise_is_as_loud_as_it_says(snr_db: float) -> None:
    recording = Recording(snr_db=(snr_db, snr_db), rooms=0.0, silence_seconds=(0.5, 0.5), noise_slope=(0, 0))
    heard, begin, told = record(tone(), recording, np.random.default_rng(0))
    assert begin == 8000
    assert len(heard) == 2 * 8000 + RATE
    assert told == snr_db
    noise = np.mean(heard[:begin] ** 2)
    speech = np.mean(heard[begin + 200 : begin + RATE - 200] ** 2) - noise
    assert 10 * np.log10(speech / noise) == pytest.approx(snr_db, abs=0.3)


def test_the_level_is_as_it_says_and_never_too_much() -> None:
    quiet = Recording(level=(0.05, 0.05))
    assert np.sqrt(np.mean(record(tone(), quiet, np.random.default_rng(0))[0] ** 2)) == pytest.approx(0.05, rel=1e-3)
    click = np.zeros(RATE, dtype=np.float32)
    click[100] = 1
    loud = record(click, Recording(level=(0.2, 0.2), snr_db=(90, 90), rooms=0), np.random.default_rng(0))[0]
    assert np.abs(loud).max() <= 0.991
    assert loud.dtype == np.float32


def test_a_room_echoes_and_fades() -> None:
    dry, wet = (
        record(
            tone(0.5),
            Recording(rooms=rooms, snr_db=(90, 90), silence_seconds=(0.4, 0.4), echo_seconds=(0.4, 0.4)),
            np.random.default_rng(3),
        )[0]
        for rooms in (0.0, 1.0)
    )
    end = int(0.9 * RATE)
    after = [np.mean(heard[end : end + 1600] ** 2) / np.mean(heard**2) for heard in (dry, wet)]
    assert after[1] > 1e4 * after[0]
    assert np.mean(wet[end + 4800 :] ** 2) < 0.01 * np.mean(wet[end : end + 1600] ** 2)


@pytest.mark.parametrize("slope", [0.0, 1.0, 2.0])
def test_noise_falls_as_it_says(slope: float) -> None:
    noise = coloured(10 * RATE, slope, np.random.default_rng(0))
    assert np.mean(noise**2) == pytest.approx(1)
    frequencies, power = welch(noise, RATE, nperseg=4096)
    low, high = (power[(frequencies > f) & (frequencies < 1.2 * f)].mean() for f in (500, 4000))
    assert np.log(low / high) / np.log(8) == pytest.approx(slope, abs=0.1)


@pytest.mark.parametrize("wrong", [{"sample_rate": 100}, {"rooms": 2}, {"snr_db": (3, 1)}, {"seconds": (0, 1)}])
def test_wrong_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        Recording(**wrong)  # type: ignore[arg-type]
