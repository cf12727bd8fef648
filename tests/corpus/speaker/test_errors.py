"""What learners make of phones, counted over many draws."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from project.contract import InputError
from project.corpus.speaker.errors import CONFUSIONS, RIGHT, Habits, Learners, Said, draw_habits, mispronounce
from project.corpus.speaker.texts import Word
from project.text.phoneme import PHONES

PLAIN = tuple(one.weight for one in CONFUSIONS)


def said(phones: str, habits: Habits, count: int) -> list[list[Said]]:
    rng = np.random.default_rng(0)
    return [mispronounce(Word("word", tuple(phones.split())), habits, rng) for _ in range(count)]


def test_the_table_speaks_of_the_39_phones() -> None:
    for one in CONFUSIONS:
        assert {one.phone, *one.said} <= set(PHONES)
        assert one.said != (one.phone,)
        assert one.weight > 0
        assert 0 <= one.quality < RIGHT
        assert one.place in {"any", "first", "last", "cluster"}
        assert (one.said[:1] == (one.phone,)) <= (len(one.said) == 2)  # the phone itself, only with one after it
    keys = [(one.phone, one.place, one.said) for one in CONFUSIONS]
    assert len(set(keys)) == len(keys)


def test_without_errors_all_is_right() -> None:
    for word in said("TH IH1 NG K", Habits(0.0, PLAIN, 0.15), 50):
        assert [one.phones for one in word] == [("TH",), ("IH1",), ("NG",), ("K",)]
        assert {one.quality for one in word} == {RIGHT}


def test_errors_come_as_often_as_the_table_says() -> None:
    """TH has weights of 7 in all, of which 5 are for S: 0.4 * 7 / 5 = 0.56 wrong, 0.4 of all S."""
    first = Counter(word[0].phones for word in said("TH IH1 NG K", Habits(0.4, PLAIN, 0.0), 4000))
    assert first[("S",)] / 4000 == pytest.approx(0.4, abs=0.03)
    assert first[("T",)] / 4000 == pytest.approx(0.08, abs=0.02)
    assert first[("TH",)] / 4000 == pytest.approx(0.44, abs=0.03)
    assert set(first) == {("S",), ("T",), ("F",), ("TH",)}


def test_places_in_the_word_matter() -> None:
    habits = Habits(0.9, PLAIN, 0.0)
    drops = [sum(word[place].phones == () for word in said("D EY1 D", habits, 500)) for place in range(3)]
    assert drops[0] == drops[1] == 0
    assert drops[2] > 50
    broken = Counter(word[0].phones for word in said("B L AE1 K", habits, 500))
    assert set(broken) == {("B",), ("B", "AH0")}  # a vowel breaks up the cluster, without stress
    vowels = Counter(word[2].phones for word in said("B L AE1 K", habits, 500))
    assert set(vowels) == {("AE1",), ("EH1",)}  # stressed as what it stands for


def test_some_errors_nobody_expects() -> None:
    words = said("M AA1", Habits(0.5, PLAIN, 1.0), 2000)
    rate = np.mean([word[0].quality < RIGHT for word in words])
    assert rate == pytest.approx(0.25, abs=0.03)
    assert len({word[0].phones for word in words}) > 20
    assert all(word[1].phones for word in words)  # vowels are not left out


def test_speakers_have_habits() -> None:
    learners = Learners(rate=(0.1, 0.3), habits=1.0)
    many = [draw_habits(learners, np.random.default_rng(seed)) for seed in range(300)]
    weights = np.array([habits.weights for habits in many])
    assert np.allclose(weights.mean(axis=0), PLAIN, rtol=0.35)
    assert weights[:, 0].std() > PLAIN[0]
    assert all(0.1 <= habits.rate <= 0.3 for habits in many)
    assert draw_habits(Learners(habits=0.0), np.random.default_rng(0)).weights == pytest.approx(PLAIN)


@pytest.mark.parametrize(
    "wrong", [{"rate": (0.5, 0.1)}, {"rate": (0, 1.5)}, {"habits": 2}, {"other": -1}, {"rater_noise": 3}]
)
def test_wrong_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        Learners(**wrong)  # type: ignore[arg-type]
