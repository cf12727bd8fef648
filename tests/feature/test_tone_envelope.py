"""The tone envelope: it finds and follows tones, hears them under noise, and is blind to gain."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from project.contract import InputError
from project.feature.envelope import Envelope
from project.feature.tone_envelope import ToneEnvelope, quantiles
from project.part import Feature

RATE = 4000
Floats = NDArray[np.float32]


def keyed(seconds: float, hertz: float | Floats, unit: float = 0.06, amplitude: float = 1.0, seed: int = 0) -> Floats:
    """A tone switched on and off at random every unit."""
    count = round(seconds * RATE)
    rng = np.random.default_rng(seed)
    key = np.repeat(rng.integers(0, 2, int(seconds / unit) + 1), round(unit * RATE))[:count]
    turns = np.cumsum(np.broadcast_to(np.asarray(hertz, dtype=np.float64), (count,))) / RATE
    return (amplitude * key * np.sin(2 * np.pi * turns)).astype(np.float32)


def noise(seconds: float, snr_db: float, seed: int = 1) -> Floats:
    """White noise whose power in 2,500 Hz is that far below a tone of amplitude 1."""
    deviation = np.sqrt(0.5 * 10 ** (-snr_db / 10) * (RATE / 2) / 2500)
    return (deviation * np.random.default_rng(seed).standard_normal(round(seconds * RATE))).astype(np.float32)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("snr_db", [40, 0, -8])
@pytest.mark.parametrize("hertz", [312.0, 683.7, 1111.0])
def test_it_finds_the_tone(hertz: float, snr_db: float, causal: bool) -> None:
    found = ToneEnvelope(causal=causal).tone_hz(keyed(12, hertz) + noise(12, snr_db))
    np.testing.assert_allclose(found[6 * RATE :], hertz, atol=2.5)


def test_it_follows_a_drifting_tone_and_jumps_to_the_next_operator() -> None:
    drifting = np.linspace(600, 660, 20 * RATE).astype(np.float32)
    found = ToneEnvelope().tone_hz(keyed(20, drifting) + noise(20, 10))
    np.testing.assert_allclose(found[2 * RATE : -2 * RATE], drifting[2 * RATE : -2 * RATE], atol=6)
    over = np.concatenate([keyed(15, 500), keyed(15, 820, seed=2)]) + noise(30, 10)
    found = ToneEnvelope().tone_hz(over)
    np.testing.assert_allclose(found[RATE : 12 * RATE], 500, atol=3)
    np.testing.assert_allclose(found[18 * RATE : 29 * RATE], 820, atol=3)


@pytest.mark.parametrize("apart_hz", [40, 70, 140])
@pytest.mark.parametrize("louder", [0.3, 3.0])
def test_it_is_at_the_next_operator_when_they_begin(louder: float, apart_hz: int) -> None:
    """However much louder or weaker the next one is, no mark of either is heard at the other's pitch."""
    first, second = keyed(9.96, 520), louder * keyed(9.96, 520 + apart_hz, seed=2)
    pause = np.zeros(round(1.2 * RATE), dtype=np.float32)
    found = ToneEnvelope().tone_hz(np.concatenate([first, pause, second]) + noise(21.12, 12))
    np.testing.assert_allclose(found[RATE : len(first)], 520, atol=6)
    np.testing.assert_allclose(found[-len(second) : -RATE], 520 + apart_hz, atol=6)


def test_it_takes_the_keyed_station_not_the_carrier_nor_the_weaker_one() -> None:
    carrier = 2 * np.sin(2 * np.pi * 900 * np.arange(12 * RATE) / RATE).astype(np.float32)
    weaker = keyed(12, 400, seed=3, amplitude=0.4)
    found = ToneEnvelope().tone_hz(keyed(12, 650) + carrier + weaker + noise(12, 15))
    np.testing.assert_allclose(found, 650, atol=3)


def test_its_state_is_the_key() -> None:
    unit = 0.1
    sound = keyed(12, 700, unit) + noise(12, 20)
    key_T = np.abs(keyed(12, 700, unit)).reshape(-1, RATE // 100).max(axis=1) > 0.5
    state_T = ToneEnvelope()(sound)[:, -1].numpy() > 0.5
    assert np.mean(state_T == key_T) > 0.97


def test_integrating_before_the_magnitude_hears_what_the_broadband_envelope_does_not() -> None:
    """At -5 dB, slow keying: how well one threshold on the best column tells tone from none, chosen in hindsight."""
    unit = 0.1
    sound = keyed(20, 700, unit) + noise(20, -5)
    key_T = np.abs(keyed(20, 700, unit)).reshape(-1, RATE // 100).max(axis=1) > 0.5

    def accuracy(levels_T: torch.Tensor) -> float:
        return max(float(np.mean((levels_T.numpy() > cut) == key_T)) for cut in np.linspace(0, 1, 101))

    tone = ToneEnvelope()(sound)
    broad = Envelope(sample_rate=RATE, smooth_ms=40)(sound)
    assert accuracy(tone[:, 2]) > 0.97
    assert accuracy(broad[:, 0]) < 0.92


def test_gain_does_not_matter_and_features_lie_between_0_and_1() -> None:
    for feature in (ToneEnvelope(), ToneEnvelope(causal=True)):
        sound = keyed(5, 600) + noise(5, 5)
        frames_TF = feature(sound)
        assert frames_TF.shape == (500, 7)
        assert frames_TF.dtype == torch.float32
        assert float(frames_TF.min()) >= 0
        assert float(frames_TF.max()) <= 1
        torch.testing.assert_close(frames_TF, feature(sound * np.float32(0.003)), atol=2e-3, rtol=0)


@pytest.mark.parametrize("future", ["silence", "loud noise", "another station"])
def test_causal_features_do_not_know_the_future(future: str) -> None:
    feature = ToneEnvelope(causal=True)
    past = keyed(8, 600, amplitude=0.2) + 0.2 * noise(8, 5)
    coming = {
        "silence": np.zeros(4 * RATE, np.float32),
        "loud noise": 50 * noise(4, 0),
        "another station": keyed(4, 900),
    }
    alone, followed = feature(past), feature(np.concatenate([past, coming[future]]))
    torch.testing.assert_close(followed[25 : len(alone) - 1], alone[25:-1], atol=1e-4, rtol=0)


@pytest.mark.parametrize("samples", [0, 1, 39, 40, 41, 4000, 12345])
def test_the_number_of_frames_is_exact(samples: int) -> None:
    for feature in (ToneEnvelope(), ToneEnvelope(causal=True)):
        typed: Feature = feature
        frames_TF = typed(np.ones(samples, np.float32))
        assert frames_TF.shape == (typed.num_frames(samples / RATE), 7)
        assert torch.isfinite(frames_TF).all()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"frame_rate": 300}, "no multiple of frame_rate"),
        ({"band_hz": (800, 300)}, "band_hz"),
        ({"band_hz": (300, 1900)}, "raise sample_rate"),
        ({"integrate_ms": ()}, "integrate_ms"),
        ({"peak_seconds": 0}, "above 0"),
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        ToneEnvelope(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("causal", [False, True])
def test_each_length_is_what_it_is_alone(causal: bool) -> None:
    """Longer ones know the floor of shorter ones; the shortest knows of none."""
    wave = keyed(4, 700) + noise(4, 3.0)
    together = ToneEnvelope(integrate_ms=(20, 80), causal=causal)(wave)
    alone = ToneEnvelope(integrate_ms=(20,), causal=causal)(wave)
    torch.testing.assert_close(together[:, 0], alone[:, 0], atol=0, rtol=0)
    assert (together[:, 1] - together[:, 0]).abs().max() > 0.05


@pytest.mark.parametrize("count", [1, 2, 7, 100])
def test_quantiles_are_those_of_numpy(count: int) -> None:
    values_LT = np.random.default_rng(count).random((3, count))
    expected_L1 = np.quantile(values_LT, 0.15, axis=1, keepdims=True)
    np.testing.assert_allclose(quantiles(values_LT, 0.15), expected_L1, rtol=1e-12)
