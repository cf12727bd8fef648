"""The keyer: PARIS timing, code, and noise as they are defined elsewhere."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.signal import welch

from project.contract import InputError
from project.corpus.keyer import CODE, Channel, Keying, key, noise_deviation, plan, render

RATE = 8000
STEADY = Keying(wpm=(20, 20), jitter=0.0, rise_ms=5)
CLEAR = Channel(tone_hz=(600, 600), snr_db=(60, 60), silence_seconds=(0.2, 0.2))


def test_paris_with_its_word_gap_is_fifty_units() -> None:
    assert key("PARIS").sum() + 7 == 50
    assert key("PARIS PARIS").sum() + 7 == 100


def test_the_code_is_a_prefix_tree_of_dits_and_dahs() -> None:
    """All 36 differ; letters have up to four elements, digits five; digit n starts with the dits or dahs it counts."""
    assert len(set(CODE.values())) == len(CODE) == 36
    for symbol, marks in CODE.items():
        assert set(marks) <= {".", "-"}
        assert len(marks) == 5 if symbol.isdigit() else len(marks) <= 4
    for digit in range(1, 6):
        assert CODE[str(digit)] == "." * digit + "-" * (5 - digit)
        assert CODE[str((digit + 5) % 10)] == "-" * digit + "." * (5 - digit)
    assert [CODE[letter] for letter in "SOS"] == ["...", "---", "..."]


def test_a_machine_sends_exact_lengths() -> None:
    sending = plan("PARIS", STEADY, CLEAR, RATE, np.random.default_rng(0))
    units = np.diff(sending.edges) / (RATE * 1.2 / 20)
    np.testing.assert_allclose(units, key("PARIS"), atol=1e-9)
    assert sending.edges[0] == round(0.2 * RATE)
    assert sending.num_samples == pytest.approx(sending.edges[-1] + 0.2 * RATE, abs=1.5)


def test_jitter_spreads_lengths_without_mixing_their_order_of_size() -> None:
    rng = np.random.default_rng(0)
    ratios = np.concatenate(
        [
            np.diff(plan("PARIS 73", Keying(wpm=(20, 20), jitter=0.1), CLEAR, RATE, rng).edges) / key("PARIS 73") / 480
            for _ in range(100)
        ]
    )
    spread = np.log(ratios).std()
    assert spread == pytest.approx(0.1 / np.sqrt(3), rel=0.1)  # deviations drawn evenly from 0 to 0.1


def test_the_tone_is_on_where_the_key_is_down() -> None:
    rng = np.random.default_rng(0)
    sending = plan("PARIS", STEADY, CLEAR, RATE, rng)
    sound = render(sending, STEADY, RATE, rng)
    sound /= np.abs(sound).max()
    half_rise = round(0.0025 * RATE)
    for number, (begin, end) in enumerate(pairwise(sending.edges + half_rise)):
        power = np.mean(sound[begin + 40 : end - 40] ** 2)
        if number % 2:
            assert power < 1e-4
        else:
            assert power == pytest.approx(0.5, rel=0.02)
    spectrum = np.abs(np.fft.rfft(sound))
    assert np.fft.rfftfreq(len(sound), 1 / RATE)[spectrum.argmax()] == pytest.approx(600, abs=2)


@pytest.mark.parametrize("snr_db", [-5, 0, 10])
def test_the_snr_is_carrier_over_noise_in_2500_hz(snr_db: float) -> None:
    """Noise measured by Welch's method in silence, carrier by its known shape; both from the finished sound."""
    rng = np.random.default_rng(1)
    channel = Channel(tone_hz=(600, 600), snr_db=(snr_db, snr_db), silence_seconds=(20, 20))
    keying = Keying(wpm=(1, 1), jitter=0.0)
    sending = plan("T", keying, channel, RATE, rng)
    sound = render(sending, keying, RATE, rng).astype(np.float64)
    frequencies, density = welch(sound[: sending.edges[0]], RATE, nperseg=1024)
    noise = np.trapezoid(np.interp(np.linspace(500, 3000, 2501), frequencies, density), dx=1.0)
    down = sound[sending.edges[0] + 100 : sending.edges[1] - 100]
    times = np.arange(len(down)) / RATE
    carrier = 2 * np.abs(np.mean(down * np.exp(-2j * np.pi * 600 * times))) ** 2
    assert 10 * np.log10(carrier / noise) == pytest.approx(snr_db, abs=0.4)


def test_the_noise_is_that_of_the_definition() -> None:
    assert noise_deviation(0, 5000) ** 2 == pytest.approx(0.5)  # 2,500 Hz is all that 5,000 samples a second hold


@pytest.mark.parametrize(
    "wrong", [lambda: Keying(wpm=(30, 15)), lambda: Keying(wpm=(0, 15)), lambda: Channel(snr_db=(1,))]
)
def test_wrong_ranges_are_refused(wrong: object) -> None:
    with pytest.raises(InputError, match=r"give \[low, high\]"):
        wrong()  # type: ignore[operator]
