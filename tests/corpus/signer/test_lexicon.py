"""Sixty signs: known by their words, told apart by one part at least, and two pairs by just one."""

from __future__ import annotations

from dataclasses import replace

from project.build.compose import compose
from project.corpus.signer.hand import SHAPES
from project.corpus.signer.lexicon import FACE_PAIR, GLOSSES, SIGNS, VELOCITY_PAIR
from project.corpus.signer.space import MOVEMENTS, PLACES, TURNS


def test_sixty_glosses_are_the_symbols_of_the_text() -> None:
    assert len(GLOSSES) == 60
    text = compose("train", ["text=glosses"])["text"]
    assert tuple(text["symbols"]) == GLOSSES
    assert text["separator"] == " "


def test_every_word_of_the_table_is_known() -> None:
    for sign in SIGNS.values():
        assert set(sign.shapes) <= set(SHAPES)
        assert set(sign.turns) <= set(TURNS)
        assert set(sign.places) <= set(PLACES)
        assert sign.movement in MOVEMENTS
        assert 0.3 <= sign.seconds <= 0.7


def test_pairs_differ_in_one_part_and_all_others_in_what_hands_do() -> None:
    true, really = (SIGNS[gloss] for gloss in FACE_PAIR)
    assert replace(true, gloss="", face=()) == replace(really, gloss="", face=())
    slow, fast = (SIGNS[gloss] for gloss in VELOCITY_PAIR)
    assert replace(slow, gloss="", seconds=0, speed="even") == replace(fast, gloss="", seconds=0, speed="even")
    assert slow.seconds > 1.5 * fast.seconds
    bare = {replace(sign, gloss="", face=(), seconds=0, speed="even") for sign in SIGNS.values()}
    assert len(bare) == 58
