"""Codecs: as long as before, nothing moves, and something is lost."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import butter, correlate, sosfilt

from project.contract import InputError
from project.corpus.shifter.codec import Codec
from project.corpus.shifter.step import Surroundings


def sound_of(rate: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    noise = sosfilt(butter(2, (200, 3000), "bandpass", fs=rate, output="sos"), rng.standard_normal(rate + 77))
    return np.asarray(0.1 * noise * np.repeat(rng.random(50), rate // 40)[: len(noise)] / np.std(noise))


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100])
@pytest.mark.parametrize("name", ["opus", "mp3", "vorbis"])
def test_a_round_trip_keeps_the_length_and_loses_something(name: str, rate: int) -> None:
    codec, sound = Codec(name, (0.9, 0.99)), sound_of(rate)
    rng = np.random.default_rng(1)
    drawn = codec.draw(rng)
    assert drawn["codec"] == name
    assert 0.9 <= drawn["squeeze"] <= 0.99
    heard = codec.apply(sound, Surroundings(rate, lambda _rng, _count: []), drawn, rng)
    assert len(heard) == len(sound)
    lag = np.argmax(correlate(heard, sound, method="fft")) - (len(sound) - 1)
    assert abs(lag) <= rate / 2000
    ratio = 10 * np.log10(np.var(sound) / np.var(heard - sound))
    assert 1 < ratio < 40


def test_more_squeezing_loses_more_and_loud_sounds_are_not_clipped() -> None:
    sound = 20 * sound_of(16_000)
    around = Surroundings(16_000, lambda _rng, _count: [])
    losses = []
    for squeeze in (0.0, 0.9, 1.0):
        drawn = {"codec": "vorbis", "squeeze": squeeze}
        heard = Codec("vorbis").apply(sound, around, drawn, np.random.default_rng(0))
        losses.append(np.var(heard - sound) / np.var(sound))
    assert losses == sorted(losses)
    assert losses[0] < 0.01


def test_several_codecs_are_drawn_from() -> None:
    codec = Codec(["opus", "mp3"], (0.9, 0.9))
    rng = np.random.default_rng(0)
    drawn = [codec.draw(rng)["codec"] for _ in range(40)]
    assert set(drawn) == {"opus", "mp3"}
    assert not Codec().draw(rng)


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(InputError, match=r"codec.format has 'speex': choose from opus, mp3, vorbis"):
        Codec("speex")
    with pytest.raises(InputError, match=r"codec.squeeze is \[0.9, 1.0\].*<= 0.99"):
        Codec("mp3", (0.9, 1.0))
