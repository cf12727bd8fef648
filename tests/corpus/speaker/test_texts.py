"""What is said: lengths, splits and the shape of made-up words."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from project.contract import InputError
from project.corpus.speaker.lexicon import phones_of
from project.corpus.speaker.mnemonics import units
from project.corpus.speaker.texts import Texts, draw_text, draw_word, text_of
from project.corpus.splits import split_of
from project.text.phoneme import PHONES


def test_texts_belong_to_one_split_and_have_so_many_phones() -> None:
    for number, (split, syllables) in enumerate([("train", 0.0), ("dev", 1.0), ("test", 0.5)]):
        texts = Texts(num_phones=(10, 20), syllables=syllables)
        for seed in range(30):
            words = draw_text(split, texts, texts.words(), np.random.default_rng([number, seed]))
            assert 10 <= len(phones_of(word.phones for word in words)) <= 20
            assert split_of(text_of(words)) == split
            if not syllables:
                assert all(word.phones == texts.words()[word.text] for word in words)


def test_made_up_words_hold_every_phone_and_can_be_said() -> None:
    rng = np.random.default_rng(0)
    words = [draw_word(rng) for _ in range(1500)]
    counts = Counter(phones_of(word.phones for word in words))
    assert set(counts) == set(PHONES)
    assert min(counts.values()) > 40
    assert not [word for word in words if units(word.phones) is None]
    assert all(sum(phone[-1] == "1" for phone in word.phones) == 1 for word in words)
    assert all(word.text == "".join(phones_of([word.phones])).lower() for word in words)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"num_phones": (4, 20)}, "num_phones is"),
        ({"num_phones": (20, 24)}, "num_phones is"),
        ({"syllables": 1.5}, "syllables is 1.5"),
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Texts(**wrong)  # type: ignore[arg-type]


def test_no_text_that_fits_is_told() -> None:
    texts = Texts(num_phones=(8, 16), syllables=0.0)
    with pytest.raises(InputError, match="no text for train"):
        draw_text("train", texts, {"long": ("AA1",) * 17}, np.random.default_rng(0))
