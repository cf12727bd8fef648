"""The 1/3/7 timing prior, on generated timing whose truth is known."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from project.contract import InputError
from project.feature.timing import TimingPrior, inner_runs, runs, states_of, without_short_runs

RATE = 100  # frames a second
SILENCE = 40  # frames before and after
# Dits and dahs of PARIS, of a call, and of all letters that are mostly one of the two; spaces between words.
CODES = (
    ".--. .- .-. .. .../-.-. --.- -.. .",
    ". ... .../.... .. .../- --- --",
    ".-- .---- .- .--/..... -. -./--... ...--",
)

Floats = NDArray[np.float64]
States = NDArray[np.bool_]


@pytest.fixture(scope="module")
def prior() -> TimingPrior:
    return TimingPrior()


def keyed(code: str) -> tuple[list[int], list[bool]]:
    """Nominal units of a code's tones and gaps in turn, written out here by the book."""
    units: list[int] = []
    for word in code.split("/"):
        for letter in word.split():
            for mark in letter:
                units += [1 if mark == "." else 3, 1]
            units[-1] = 3
        units[-1] = 7
    return units[:-1], [place % 2 == 0 for place in range(len(units) - 1)]


def sent(code: str, unit: float, rng: np.random.Generator, jitter: float = 0.1, stretch: float = 1.0) -> States:
    """States of a code sent by hand at `unit` frames, letter and word gaps stretched, silence around."""
    units, marks = keyed(code)
    ends, now = [], float(SILENCE)
    for length, mark in zip(units, marks, strict=True):
        nominal = unit * length * (stretch if not mark and length > 1 else 1.0)
        now += nominal * math.exp(jitter * rng.standard_normal())
        ends.append(round(now))
    lengths = np.diff([0, SILENCE, *ends, ends[-1] + SILENCE])
    return states_of(lengths, np.array([False, *marks, False]))


def brute_force(prior: TimingPrior, lengths: list[int], marks: list[bool], unit: float, stretch: float) -> list[float]:
    """Each run's log-density, written out: a mixture of log-normals with rounding, and anything at all."""
    found = []
    for length, mark in zip(lengths, marks, strict=True):
        classes = [(1, 0.6), (3, 0.4)] if mark else [(1, 0.62), (3, 0.3), (7, 0.08)]
        density = 0.02 / math.log(512)
        for units, share in classes:
            nominal = unit * units * (stretch if not mark and units > 1 else 1)
            variance = (0.2 if mark else 0.3) ** 2 + 1 / 6 / nominal**2
            square = (math.log(length) - math.log(nominal)) ** 2
            density += 0.98 * share * math.exp(-square / 2 / variance) / math.sqrt(2 * math.pi * variance)
        found.append(math.log(density))
    return found


@pytest.mark.parametrize("wpm", [8, 12, 18, 25, 35, 50, 65, 80])
@pytest.mark.parametrize("stretch", [0.7, 1.0, 2.0])
def test_the_unit_is_found_from_8_to_80_words_a_minute(prior: TimingPrior, wpm: int, stretch: float) -> None:
    rng = np.random.default_rng(wpm)
    unit = 1.2 / wpm * RATE
    for code in CODES:
        timing = prior.fit(sent(code, unit, rng, jitter=0.1, stretch=stretch))
        assert timing.unit == pytest.approx(unit, rel=0.15)
        assert timing.stretch == pytest.approx(stretch, rel=0.35)


@pytest.mark.parametrize("wpm", [8, 25, 40])
def test_the_runs_are_classed(prior: TimingPrior, wpm: int) -> None:
    rng = np.random.default_rng(0)
    right = total = 0
    for code, stretch in itertools.product(CODES, (0.8, 1.0, 1.5)):
        units, marks = keyed(code)
        timing = prior.fit(sent(code, 1.2 / wpm * RATE, rng, jitter=0.1, stretch=stretch))
        assert timing.marks_R.tolist() == [False, *marks, False]
        assert timing.posteriors_RK.sum(axis=1) == pytest.approx(1.0)
        right += int((timing.classes[1:-1] == units).sum())
        total += len(units)
    assert right / total > 0.97


def test_a_real_operators_gaps(prior: TimingPrior) -> None:
    """Gaps of 0.66, 2.54 and 5.63 units, as measured in one clip, are still told apart."""
    units, marks = keyed(CODES[0])
    gaps = {1: 0.66, 3: 2.54, 7: 5.63}
    lengths = [round(8 * (unit if mark else gaps[unit])) for unit, mark in zip(units, marks, strict=True)]
    timing = prior.fit(states_of(np.array([30, *lengths, 30]), np.array([False, *marks, False])))
    assert timing.unit == pytest.approx(8, rel=0.15)
    assert timing.classes[1:-1].tolist() == units


def test_it_is_the_likeliest_of_all_units_and_stretches(prior: TimingPrior) -> None:
    """Against the sum written out, over the whole grid."""
    states_T = sent(CODES[1], 6.0, np.random.default_rng(3), jitter=0.2, stretch=1.4)
    timing = prior.fit(states_T)
    lengths, marks = timing.lengths_R[1:-1].tolist(), timing.marks_R[1:-1].tolist()
    expected = brute_force(prior, lengths, marks, timing.unit, timing.stretch)
    assert timing.scores_R[1:-1].tolist() == pytest.approx(expected)
    assert timing.scores_R[[0, -1]].tolist() == [0.0, 0.0]
    assert timing.score == pytest.approx(sum(expected) / len(expected))
    middle = math.sqrt(0.7 * 40)

    def posterior(unit: float, stretch: float) -> float:
        beforehand = -0.5 * (math.log(unit / middle) / 1.5) ** 2 - 0.5 * (math.log(stretch) / 0.5) ** 2
        return beforehand + sum(brute_force(prior, lengths, marks, unit, stretch))

    best = posterior(timing.unit, timing.stretch)
    grid = itertools.product(prior.units_G[::5].tolist(), prior.stretches_S[::3].tolist())
    assert all(posterior(unit, stretch) <= best + 1e-9 for unit, stretch in grid)


def test_its_densities_are_densities(prior: TimingPrior) -> None:
    """Over the logarithm of the length they add up to 1; where lengths are long, rounding hardly matters."""
    lengths = np.arange(1, 513)
    for mark in (True, False):
        total = np.sum(np.exp(prior.log_densities(lengths, mark, 20.0)) / lengths)
        assert total == pytest.approx(1.0, abs=0.02)


def test_noise_that_turns_frames_over_is_cleaned_away(prior: TimingPrior) -> None:
    rng = np.random.default_rng(0)
    raw = cleaned = 0.0
    for code, wpm in itertools.product(CODES, (12, 20, 30)):
        clear_T = sent(code, 1.2 / wpm * RATE, rng)
        noisy_T = clear_T ^ (rng.random(len(clear_T)) < 0.05)
        found_T = prior.clean(noisy_T)
        raw += float((noisy_T != clear_T).mean())
        cleaned += float((found_T != clear_T).mean())
        assert prior.fit(found_T).unit == pytest.approx(1.2 / wpm * RATE, rel=0.2)
    assert cleaned < raw / 2


@pytest.mark.parametrize("wpm", [8, 20, 40])
def test_what_is_clean_stays_as_it_is(prior: TimingPrior, wpm: int) -> None:
    for code in CODES:
        states_T = sent(code, 1.2 / wpm * RATE, np.random.default_rng(1))
        assert np.array_equal(prior.clean(states_T), states_T)


def test_the_rhythm_of_morse_is_likelier_than_no_rhythm(prior: TimingPrior) -> None:
    rng = np.random.default_rng(0)
    morse = prior.fit(sent(CODES[0], 6.0, rng))
    lengths = np.round(np.exp(rng.uniform(np.log(2), np.log(60), 60))).astype(np.int64)
    chaos = prior.fit(states_of(lengths, np.arange(60) % 2 == 0))
    assert morse.score > chaos.score + 0.5
    assert morse.trust.mean() > chaos.trust.mean()


def test_a_pause_and_a_click_are_no_part_of_the_rhythm(prior: TimingPrior) -> None:
    states_T = sent(CODES[0], 10.0, np.random.default_rng(0), jitter=0.0)
    pause, click = np.zeros(400, dtype=np.bool_), np.array([True])
    whole_T = np.concatenate([states_T, pause, click, pause, states_T])
    timing = prior.fit(whole_T)
    assert timing.unit == pytest.approx(10, rel=0.05)
    odd = timing.classes == 0
    assert sorted(timing.lengths_R[odd].tolist()) == [1, 440, 440]
    assert len(timing.trust) == len(whole_T)
    assert (timing.trust < 0.5).sum() == 881


@pytest.mark.parametrize(
    "states", [[], [0], [1], [0] * 50, [1] * 50, [0] * 9 + [1] * 8 + [0] * 9, [1] + [0] * 600, [0, 1] * 40]
)
def test_it_bears_any_states(prior: TimingPrior, states: list[int]) -> None:
    states_T = np.array(states, dtype=np.bool_)
    timing = prior.fit(states_T)
    assert math.isfinite(timing.unit + timing.stretch + timing.score)
    assert len(timing.trust) == len(prior.clean(states_T)) == len(states_T)


def test_one_tone_is_a_dit_or_a_dah(prior: TimingPrior) -> None:
    timing = prior.fit(np.array([0] * 9 + [1] * 8 + [0] * 9, dtype=np.bool_))
    assert timing.classes[1] in {1, 3}
    assert timing.unit * timing.classes[1] == pytest.approx(8, rel=0.1)


def test_runs_and_states_are_inverse() -> None:
    for bits in itertools.product((False, True), repeat=7):
        states_T = np.array(bits)
        lengths_R, marks_R = runs(states_T)
        assert np.array_equal(states_of(lengths_R, marks_R), states_T)
        assert lengths_R.tolist() == [len(list(group)) for _, group in itertools.groupby(bits)]
        tones = [row for row, mark in enumerate(marks_R) if mark]
        inner = [bool(tones) and tones[0] <= row <= tones[-1] for row in range(len(marks_R))]
        assert inner_runs(marks_R).tolist() == inner


def test_short_runs_go() -> None:
    for bits in itertools.product((False, True), repeat=9):
        states_T = np.array(bits)
        lengths_R, marks_R = runs(without_short_runs(states_T, 3))
        assert all(length >= 3 for length in lengths_R[1:-1])
        assert all(length >= 3 for length, mark in zip(lengths_R, marks_R, strict=True) if mark)
        assert np.array_equal(without_short_runs(states_T, 1), states_T)


@pytest.mark.parametrize("settings", [{"unit_frames": (0, 5)}, {"unit_frames": (5, 2)}, {"stretch": (1,)}])
def test_ranges_that_are_none(settings: dict[str, tuple[float, ...]]) -> None:
    with pytest.raises(InputError, match="timing: "):
        TimingPrior(**settings)  # type: ignore[arg-type]
