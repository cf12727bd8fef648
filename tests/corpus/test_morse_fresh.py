"""Morse made while training: a function of (seed, epoch, number), as long as was said, placed where tones end."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from project.contract import InputError
from project.corpus import morse_fresh
from project.corpus.keyer.answer import Answers
from project.corpus.keyer.channel import Channel
from project.corpus.keyer.fist import Keying
from project.corpus.keyer.station import Transmission
from project.corpus.morse_fresh import MorseFresh, Portions
from project.corpus.splits import split_of
from project.part import Source
from project.text.morse import CODE

CLEAR = Channel(
    snr_db=(50, 50), drift=0, fading=0, pink=0, crashes=0, neighbours=0, narrow=0, levelled=0, clicks=0, restarts=0
)


def test_it_is_a_source_with_plain_settings() -> None:
    source: Source = MorseFresh(portions=Portions(num_examples=20))
    assert json.loads(json.dumps(dict(source.settings), sort_keys=True))["portions"]["num_examples"] == 20
    assert source.lengths.shape == (20,)
    assert source.hash != MorseFresh(seed=1, portions=Portions(num_examples=20)).hash


def test_an_example_is_a_function_of_seed_epoch_and_number() -> None:
    first, second = MorseFresh(portions=Portions(num_examples=8)), MorseFresh(portions=Portions(num_examples=8))
    for epoch, index in ((0, 3), (5, 3), (5, 4)):
        (one, sound), (other, again) = first.draw(index, epoch), second.draw(index, epoch)
        assert one == other
        np.testing.assert_array_equal(sound, again)
    ids = {first.draw(index, epoch)[0].id for index in range(3) for epoch in range(3)}
    texts = {first.draw(index, epoch)[0].text for index in range(8) for epoch in range(3)}
    assert len(ids) == 9
    assert len(texts) > 20


def test_examples_last_as_long_as_was_said_and_are_training_texts() -> None:
    source = MorseFresh(portions=Portions(num_examples=60, seconds=(3, 8)))
    for index in range(60):
        example, sound = source.draw(index, epoch=1)
        assert example.text is not None
        assert split_of(example.text) == "train"
        assert example.length == len(sound) / source.sample_rate
        assert abs(example.length - source.lengths[index]) < 1e-3 or len(example.text) == 1  # a slow hand's one letter


def test_the_pace_is_that_of_the_sender() -> None:
    keying = Keying(wpm=(20, 20), hands={"machine": 1})
    alone = Answers(part=0)
    example, _ = MorseFresh(portions=Portions(num_examples=1), keying=keying, answers=alone).draw(0, epoch=0)
    assert example.labels is not None
    assert example.labels["pace"] == pytest.approx(0.06)


def test_somebody_answers_in_some_recordings() -> None:
    """Where the pace changes there is silence, and the symbol placed there is a space."""
    portions = Portions(num_examples=40, seconds=(8, 12))
    source = MorseFresh(portions=portions, channel=CLEAR, answers=Answers(part=1, level_db=(0, 0)))
    answered = 0
    for index in range(40):
        example, sound = source.draw(index, epoch=3)
        assert example.text is not None
        assert example.labels is not None
        assert example.length == pytest.approx(source.lengths[index])
        assert split_of(example.text) == "train"
        if isinstance(example.labels["pace"], float):
            continue
        answered += 1
        (begin, first), (pause, second) = example.labels["pace"]
        assert begin == 0
        assert 0.3 < first / second < 3
        places = example.labels["places"]
        assert places == sorted(places)
        assert example.text[places.index(pause)] == " "
        around = np.abs(sound[round((pause - 0.1) * 4000) : round((pause + 0.1) * 4000)])
        assert around.max() < 0.05 * np.abs(sound).max()
        assert json.loads(json.dumps(example.labels)) == example.labels
    assert answered > 35, "the others are slow"
    assert source.hash != MorseFresh(portions=portions, channel=CLEAR).hash


def test_places_are_where_symbols_end() -> None:
    """Where a place is, the tone has just ended; in the middle of a gap between words there is none."""
    source = MorseFresh(portions=Portions(num_examples=12), channel=CLEAR)
    for index in range(12):
        example, sound = source.draw(index, epoch=3)
        assert example.text is not None
        assert example.labels is not None
        places = example.labels["places"]
        assert len(places) == len(example.text)
        assert places == sorted(places)
        loud = np.abs(sound) > 0.2 * np.abs(sound).max()
        for symbol, seconds in zip(example.text, places, strict=True):
            at = round(seconds * source.sample_rate)
            assert symbol in {*CODE, " "}
            assert loud[max(0, at - 50) : at].any() == (symbol != " ")  # the last 12 ms
            assert not loud[at + 45 : at + 50].any()  # the tone fades for up to 10 ms


def test_the_first_epochs_are_easy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SNR of what is rendered: from 15 dB on in epoch 0, from -12 dB on later."""
    levels: list[float] = []
    real = morse_fresh.render

    def spy(sending: Transmission, *rest: Any) -> Any:
        levels.append(sending.snr_db)
        return real(sending, *rest)

    monkeypatch.setattr(morse_fresh, "render", spy)
    hard = Channel(snr_db=(-12, 40), faintest_dit_db=None)
    source = MorseFresh(portions=Portions(num_examples=40, easy_epochs=2), channel=hard)
    lowest = []
    for epoch in range(3):
        levels.clear()
        for index in range(40):
            source.draw(index, epoch)
        lowest.append(min(levels))
    assert lowest[0] >= 15
    assert 1 <= lowest[1] < 15
    assert -12 <= lowest[2] < -4


def test_wrong_portions_are_refused() -> None:
    with pytest.raises(InputError, match="num_examples is 0"):
        Portions(num_examples=0)
    with pytest.raises(InputError, match="easy_epochs is -1"):
        Portions(easy_epochs=-1)
    with pytest.raises(InputError, match=r"portions\.seconds"):
        Portions(seconds=(5, 2))
