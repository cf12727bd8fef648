"""Hands at keys: PARIS timing for machines, habits and jitter for hands, nothing out of range."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from project.contract import InputError
from project.corpus.keyer.fist import HANDS, Keying, Sender, draw_sender, kinds_of, send, wandering
from project.text.morse import num_units

EXACT = Sender(hand="machine", wpm=20, units=(1, 3, 1, 3, 7), spreads=(0.0,) * 5)
UNIT = 1.2 / 20


def test_a_machine_sends_paris_in_fifty_units() -> None:
    """At 20 words a minute "PARIS " lasts three seconds, by definition."""
    seconds = send("PARIS", EXACT, np.random.default_rng(0))
    assert seconds.sum() + 7 * UNIT == pytest.approx(3.0)
    assert sum(map(num_units, "PARIS PARIS ")) == 100
    np.testing.assert_allclose(seconds[:6] / UNIT, [1, 1, 3, 1, 3, 1])  # .--. begins the P


def test_weight_moves_the_edges_and_keeps_the_pace() -> None:
    plain = send("PARIS PARIS", EXACT, np.random.default_rng(0))
    heavy = send("PARIS PARIS", replace(EXACT, weight=0.3), np.random.default_rng(0))
    np.testing.assert_allclose(heavy[::2] - plain[::2], 0.3 * UNIT)
    np.testing.assert_allclose(heavy[1::2] - plain[1::2], -0.3 * UNIT)


def test_a_dit_lasts_as_what_is_inside_letters_says() -> None:
    """A hand's own dits, dahs and gaps, however far apart it sends letters."""
    assert replace(EXACT, units=(1, 3, 1, 9, 21)).dit_seconds == pytest.approx(UNIT)
    slow = replace(EXACT, units=(1.2, 3.6, 1.2, 3, 7))
    seconds = send("AAAA", slow, np.random.default_rng(0))
    inside = seconds[0] + seconds[1] + seconds[2]  # dit, gap, dah: five units
    assert slow.dit_seconds == pytest.approx(inside / 5)


def test_spreads_are_those_of_the_logarithms() -> None:
    rng = np.random.default_rng(0)
    hand = replace(EXACT, spreads=(0.05, 0.1, 0.15, 0.2, 0.25))
    text = "PARIS " * 2000
    ratios = np.log(send(text.strip(), hand, rng) / send(text.strip(), EXACT, rng))
    kinds = kinds_of(text.strip())
    for kind, spread in enumerate(hand.spreads):
        assert ratios[kinds == kind].std() == pytest.approx(spread, rel=0.06)


def test_the_last_dah_of_a_letter_is_drawn_out() -> None:
    seconds = send("MT", replace(EXACT, last_dah=1.5), np.random.default_rng(0)) / UNIT
    np.testing.assert_allclose(seconds, [3, 1, 4.5, 3, 3])


@pytest.mark.parametrize("hand", HANDS)
def test_every_hand_keeps_dits_from_dahs_and_letters_from_words(hand: str) -> None:
    """What is sent can be read: means are in order, lengths positive and speeds in range."""
    rng = np.random.default_rng(0)
    keying = Keying(wpm=(8, 80), hands={hand: 1.0})
    for _ in range(200):
        sender = draw_sender(keying, rng)
        dit, dah, inside, letters, words = sender.units
        assert sender.hand == hand
        assert 8 <= sender.wpm <= {"machine": 80, "paddle": 50, "bug": 40, "straight": 28}[hand]
        assert dah / dit > 1.9
        assert letters / inside >= 1.4
        assert words / letters >= 1.69
        seconds = send("THE QUICK BROWN FOX", sender, rng)
        assert len(seconds) % 2 == 1
        assert seconds.min() >= 0.25 * sender.unit_seconds * 0.999
        assert seconds.sum() == pytest.approx(sender.rule_seconds * sum(map(num_units, "THE QUICK BROWN FOX")), rel=0.6)


def test_hands_come_in_the_parts_asked_for() -> None:
    rng = np.random.default_rng(0)
    hands = [draw_sender(Keying(hands={"machine": 3, "bug": 1}), rng).hand for _ in range(400)]
    assert set(hands) == {"machine", "bug"}
    assert hands.count("bug") / 400 == pytest.approx(0.25, abs=0.06)


def test_a_calm_hand_has_habits_only() -> None:
    rng = np.random.default_rng(0)
    sender = draw_sender(Keying(hands={"straight": 1.0}, unsteadiness=0.0), rng)
    assert set(sender.spreads) == {0.0}
    np.testing.assert_array_equal(send("PARIS", sender, rng), send("PARIS", sender, rng))


def test_wandering_is_smooth_and_of_deviation_one() -> None:
    curve = wandering(200_000, 30, np.random.default_rng(0))
    assert curve.std() == pytest.approx(1, abs=0.03)
    assert np.abs(np.diff(curve)).max() < 0.3


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"wpm": (30, 15)}, r"keying.wpm is \[30, 15\]: give \[low, high\]"),
        ({"gap_stretch": (0.1, 1)}, "keying.gap_stretch"),
        ({"rise_ms": (3,)}, "keying.rise_ms"),
        ({"hands": {"left": 1.0}}, "keying.hands.left: no such kind: choose from machine, paddle"),
        ({"hands": {"bug": 0.0}}, "one above 0"),
        ({"hands": {"bug": -1.0, "machine": 2.0}}, "0 or more"),
        ({"unsteadiness": -1}, "unsteadiness"),
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Keying(**wrong)  # type: ignore[arg-type]
