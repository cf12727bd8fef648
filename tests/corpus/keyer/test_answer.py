"""Somebody answers: after the first and a pause, near in speed and pitch, as loud as was drawn."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from project.contract import InputError
from project.corpus.keyer.answer import Answers, answer_to, first_share
from project.corpus.keyer.channel import EFFECTS, Channel
from project.corpus.keyer.fist import FASTEST, Keying, Sender
from project.corpus.keyer.station import Transmission, lasting, plan, render
from project.corpus.keyer.texts import Texts
from project.corpus.splits import split_of

RATE = 8000
AIR = Channel(
    tone_hz=(400, 800),
    snr_db=(-30, 60),
    faintest_dit_db=None,
    silence_seconds=(0.2, 0.2),
    **dict.fromkeys(EFFECTS, 0.0),  # type: ignore[arg-type]
)
KEYING = Keying(wpm=(8, 40))
SENDER = Sender(hand="machine", wpm=20, units=(1, 3, 1, 3, 7), spreads=(0.0,) * 5)


def asked(seconds: float = 12, seed: int = 0) -> Transmission:
    """A short text in a recording that goes on."""
    sending = plan("PARIS", SENDER, AIR, RATE, np.random.default_rng(seed))
    return replace(lasting(sending, round(seconds * RATE)), snr_db=20)


def replies(answers: Answers, count: int = 60) -> list[tuple[Transmission, Transmission]]:
    pairs = []
    for seed in range(count):
        sending = asked(seed=seed)
        answer = answer_to(sending, answers, Texts(), KEYING, AIR, RATE, np.random.default_rng(seed))
        if answer is not None:
            pairs.append((sending, answer))
    return pairs


def test_an_answer_comes_after_a_pause_and_ends_in_time() -> None:
    pairs = replies(Answers(pause_seconds=(0.5, 1.0)))
    assert len(pairs) > 50
    for sending, answer in pairs:
        pause = (answer.edges[0] - sending.edges[-1]) / RATE
        slower = max(sending.sender.rule_seconds, answer.sender.rule_seconds)
        assert max(0.5, 5 * slower) - 1e-3 <= pause <= max(1.0, 5 * slower) + 1e-3
        assert answer.edges[-1] < answer.num_samples == sending.num_samples
        assert all(first < second for first, second in pairwise(answer.edges.tolist()))
        assert 0.55 * 20 - 1e-9 <= answer.sender.wpm <= 1.8 * 20


def test_pitch_and_level_are_near_those_of_the_first() -> None:
    pairs = replies(Answers(apart_hz=50, level_db=(-8, 6)), 200)
    apart = np.array([answer.tone_hz - sending.tone_hz for sending, answer in pairs])
    louder = np.array([answer.snr_db - sending.snr_db for sending, answer in pairs])
    assert np.median(np.abs(apart)) == pytest.approx(0.7 * 50, rel=0.3)
    assert all(400 <= answer.tone_hz <= 800 for _, answer in pairs)
    assert (louder.min(), louder.max()) == (pytest.approx(-8, abs=0.5), pytest.approx(6, abs=0.5))
    same = replies(Answers(apart_hz=0, level_db=(0, 0)))
    assert all((one.tone_hz, one.snr_db) == (other.tone_hz, other.snr_db) for one, other in same)


def test_an_answer_drowns_no_sooner_than_the_first() -> None:
    air = replace(AIR, faintest_dit_db=9.0)
    answered = 0
    for snr_db, drowned in ((20, False), (-20, True)):
        for seed in range(20):
            sending = replace(asked(seed=seed), snr_db=snr_db)
            answers = Answers(level_db=(-40, -40))
            answer = answer_to(sending, answers, Texts(), KEYING, air, RATE, np.random.default_rng(seed))
            if answer is None:
                continue
            answered += 1
            dit_db = answer.snr_db + 10 * np.log10(2500 * answer.sender.unit_seconds)
            assert answer.snr_db == -20 if drowned else dit_db == pytest.approx(9)
    assert answered > 20


@pytest.mark.parametrize("seconds", [0.0, 0.9])
def test_nobody_answers_where_nothing_fits(seconds: float) -> None:
    """Neither in no time at all nor in time for a single E."""
    sending = plan("PARIS", SENDER, AIR, RATE, np.random.default_rng(0))
    sending = lasting(sending, int(sending.edges[-1] + seconds * RATE))
    for seed in range(10):
        assert answer_to(sending, Answers(), Texts(), KEYING, AIR, RATE, np.random.default_rng(seed)) is None


@pytest.mark.parametrize("hand", ["machine", "paddle", "bug", "straight"])
def test_no_hand_answers_faster_than_it_can(hand: str) -> None:
    fast = replace(asked(), sender=replace(SENDER, wpm=80))
    keying = Keying(wpm=(8, 80), hands={hand: 1.0})
    for seed in range(10):
        answer = answer_to(fast, Answers(), Texts(), keying, AIR, RATE, np.random.default_rng(seed))
        assert answer is not None
        assert answer.sender.wpm <= FASTEST[hand] + 1e-9
        assert answer.sender.wpm >= 28 - 1e-9


def test_both_texts_together_belong_to_training() -> None:
    pairs = replies(Answers())
    assert len(pairs) > 40
    assert {split_of(f"{sending.text} {answer.text}") for sending, answer in pairs} == {"train"}


def test_how_often_somebody_answers() -> None:
    rng = np.random.default_rng(0)
    shares = [first_share(8, Answers(part=0.3), rng) for _ in range(2000)]
    assert np.mean([share < 1 for share in shares]) == pytest.approx(0.3, abs=0.04)
    assert min(shares) >= 0.3
    assert {first_share(4, Answers(part=1), rng) for _ in range(50)} == {1.0}
    assert {first_share(8, Answers(part=0), rng) for _ in range(50)} == {1.0}


def test_an_answer_is_as_loud_as_its_own_snr() -> None:
    """Root mean square with the key down, of both, in one sound without noise to speak of."""
    air = replace(AIR, snr_db=(60, 60))
    sending = lasting(plan("MM", SENDER, air, RATE, np.random.default_rng(1)), 12 * RATE)
    answer = plan("MM", SENDER, air, RATE, np.random.default_rng(2))
    later = replace(answer, edges=answer.edges + 6 * RATE, num_samples=12 * RATE, tone_hz=700, snr_db=48)
    sound = render(sending, KEYING, air, RATE, np.random.default_rng(3), later)
    first, second = (sound[one.edges[0] + 200 : one.edges[1] - 200].std() for one in (sending, later))
    assert 20 * np.log10(first / second) == pytest.approx(12, abs=0.2)
    assert sound[sending.edges[-1] + 200 : later.edges[0] - 10].std() < 0.01 * first


def test_a_narrow_filter_lets_both_through() -> None:
    air = replace(AIR, snr_db=(60, 60), narrow=1.0)
    for seed in range(12):
        sending = replace(lasting(plan("MM", SENDER, air, RATE, np.random.default_rng(1)), 12 * RATE), tone_hz=500)
        answer = plan("MM", SENDER, air, RATE, np.random.default_rng(2))
        later = replace(answer, edges=answer.edges + 6 * RATE, num_samples=12 * RATE, tone_hz=700)
        sound = render(sending, KEYING, air, RATE, np.random.default_rng(seed), later)
        first, second = (sound[one.edges[0] + 200 : one.edges[1] - 200].std() for one in (sending, later))
        assert 0.1 < first / second < 10


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"part": 1.5}, r"answers\.part is 1\.5: give a part"),
        ({"apart_hz": -1}, r"answers\.apart_hz is -1: give 0 or more"),
        ({"pause_seconds": (2, 1)}, r"answers\.pause_seconds is \[2, 1\]"),
        ({"level_db": (3, -3)}, r"answers\.level_db is \[3, -3\]"),
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Answers(**wrong)  # type: ignore[arg-type]
