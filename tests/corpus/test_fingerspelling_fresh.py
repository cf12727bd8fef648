"""Fingerspelling made while training: a function of (seed, epoch, number), as long as was said, of no one left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from project.contract import InputError
from project.corpus.fingerspelling_fresh import FingerspellingFresh, Spelling
from project.feature.landmark_layout import BLOCKS
from project.feature.landmarks import Landmarks
from project.part import Source


def fresh(letters: Any, /, spelling: dict[str, Any] | None = None, **given: Any) -> FingerspellingFresh:
    given = {"folder": str(letters.path), "leave_out": ["eve"], "letters": "ABC", **given}
    return FingerspellingFresh(
        spelling=Spelling(**{"num_examples": 30, "seconds": (2, 5), **(spelling or {})}), **given
    )


def test_it_is_a_source_with_plain_settings(letters: Any) -> None:
    source: Source = fresh(letters)
    assert json.loads(json.dumps(dict(source.settings)))["spelling"]["num_examples"] == 30
    assert source.lengths.shape == (30,)
    assert source.lengths.dtype == np.float32
    assert fresh(letters).hash == source.hash


def test_whatever_decides_what_is_made_is_in_its_hash(letters: Any) -> None:
    settings = [{"seed": 1}, {"frame_rate": 50}, {"leave_out": ["ann"]}, {"letters": "AB"}, {"spelling": {"random": 1}}]
    hashes = {fresh(letters).hash, *(fresh(letters, **one).hash for one in settings)}
    left_out, used = letters.lines("manifest.jsonl")[7], letters.lines("manifest.jsonl")[1]
    letters.change("manifest.jsonl", 8, {"n_frames": left_out["n_frames"] - 1})
    assert fresh(letters).hash in hashes, "nothing of a signer who is left out is used"
    letters.change("manifest.jsonl", 2, {"n_frames": used["n_frames"] - 1})
    hashes.add(fresh(letters).hash)
    letters.change("sentences_train.jsonl", 1, {"words": ["BAB"]})
    hashes.add(fresh(letters).hash)
    assert len(hashes) == 8


def test_an_example_is_a_function_of_seed_epoch_and_number(letters: Any) -> None:
    first, second, other = fresh(letters), fresh(letters), fresh(letters, seed=1)
    second.draw(7, 2)
    for index, epoch in ((0, 0), (3, 0), (3, 5), (29, 1)):
        (one, points), (again, same) = first.draw(index, epoch), second.draw(index, epoch)
        assert one == again
        np.testing.assert_array_equal(points, same)
    drawn = [source.draw(index, epoch) for source in (first, other) for index in range(5) for epoch in range(3)]
    assert len({points.tobytes() for _, points in drawn}) == 30
    assert len({example.id for example, _ in drawn[:15]}) == 15


@pytest.mark.parametrize("rate", [20.0, 25.0, 50.0])
def test_examples_are_as_long_as_was_said(letters: Any, rate: float) -> None:
    source = fresh(letters, frame_rate=rate)
    assert source.lengths.min() >= 2 - 0.5 / rate
    assert source.lengths.max() <= 5 + 0.5 / rate
    assert source.lengths.std() == pytest.approx(3 / 12**0.5, rel=0.3)
    for index in range(30):
        example, points = source.draw(index, 3)
        assert points.dtype == np.float32
        assert points.shape == (round(float(source.lengths[index]) * rate), 543, 3)
        assert example.length == source.lengths[index]
        assert example.symbols is not None
        assert 0.4 < example.length / len(example.symbols) < 1.01
        assert np.isfinite(Landmarks(rate)(points).numpy()).all()


def spelled(points: np.ndarray) -> list[int]:
    """The numbers of the clips that are shown, in order: the fixture has them in the right hand."""
    numbers = np.floor(points[:, 530, 0] + 1e-3).astype(int)
    still = np.abs(np.diff(points[:, 530, 0])) < 1 / 16  # ways between letters are steeper
    return [int(number) for number in numbers[1:][still]]


def test_what_is_shown_is_what_is_told(letters: Any) -> None:
    source, clips = fresh(letters), [line["id"] for line in letters.lines("manifest.jsonl")]
    for index in range(30):
        example, points = source.draw(index, 0)
        assert example.symbols is not None
        expected = {clips.index(f"{example.group}_{letter}") + 1 for letter in example.symbols}
        assert expected <= set(spelled(points))
        assert np.isnan(points[:, BLOCKS["left_hand"]]).all()


@pytest.mark.parametrize("mixed", [0.0, 1.0])
def test_nobody_who_is_left_out_is_shown(letters: Any, mixed: float) -> None:
    source = fresh(letters, {"mixed": mixed})
    examples = [source.draw(index, epoch) for index in range(30) for epoch in range(4)]
    assert {example.group for example, _ in examples} == ({None} if mixed else {"ann", "bob"})
    assert max(points[:, 530, 0].max() for _, points in examples) < 8, "the clips of eve are numbers 8 and 9"
    source = fresh(letters, leave_out=["ann"])
    others = [source.draw(index, 0)[0] for index in range(30)]
    assert {example.group for example in others} == {"bob", "eve"}
    assert all(set(example.symbols or ()) <= set("AB") for example in others if example.group == "eve")


def test_mixed_examples_show_letters_of_all_signers(letters: Any) -> None:
    source = fresh(letters, {"mixed": 1.0, "seconds": (5, 5)})
    shown = [set(spelled(source.draw(index, 0)[1])) for index in range(30)]
    assert all(numbers & {1, 2, 3} for numbers in shown[:20])
    assert sum(bool(numbers & {4, 5, 6} and numbers & {1, 2, 3}) for numbers in shown) > 20


def test_words_are_those_of_training(letters: Any) -> None:
    """Without letters by chance a text is words one after the other, the last of them perhaps cut off."""
    words = {"AB", "CAB", "BA", "BC"}
    source = fresh(letters, {"random": 0.0})
    assert source.settings["words"] == sorted(words)

    def splits(text: str) -> bool:
        if any(word.startswith(text) for word in words):
            return True
        return any(splits(text[len(word) :]) for word in words if text.startswith(word))

    assert all(splits("".join(source.draw(index, 0)[0].symbols or ())) for index in range(30))


def test_letters_by_chance_are_all_letters_a_signer_has(letters: Any) -> None:
    source = fresh(letters, {"random": 1.0}, letters="ABCÄ", leave_out=[])
    texts: dict[str, set[str]] = {}
    for index in range(30):
        example, _ = source.draw(index, 0)
        texts.setdefault(str(example.group), set()).update(example.symbols or ())
    assert texts == {"ann": set("ABC"), "bob": set("ABCÄ"), "eve": set("AB")}
    only = fresh(letters, {"random": 0.0}, letters="AC")  # no word has only these
    assert {letter for index in range(9) for letter in only.draw(index, 0)[0].symbols or ()} == {"A", "C"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"seed": -1}, r"seed is -1: give 0 or more"),
        ({"frame_rate": 0}, "frame_rate is 0: give frames a second"),
        ({"leave_out": ["evi"]}, "leave_out: nobody is called 'evi': choose from ann, bob, eve"),
        ({"leave_out": ["ann", "bob", "eve"]}, "no signer is left who spells one of 'ABC': shorten corpus.leave_out"),
        ({"letters": "XYZ"}, "no signer is left who spells one of 'XYZ'"),
        ({"folder": "/nowhere"}, "/nowhere/manifest.jsonl: not readable"),
        ({"spelling": {"num_examples": 0}}, r"spelling\.num_examples is 0"),
        ({"spelling": {"seconds": (3, 2)}}, r"spelling\.seconds is \[3, 2\]: give \[shortest, longest\]"),
        ({"spelling": {"seconds": (0, 2)}}, r"spelling\.seconds"),
        ({"spelling": {"random": 2}}, r"spelling\.random is 2: give a part"),
        ({"spelling": {"mixed": -1}}, r"spelling\.mixed is -1: give a part"),
        ({"spelling": {"steady": -1}}, r"spelling\.steady is -1: give 0"),
    ],
)
def test_wrong_settings_are_told(letters: Any, given: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        fresh(letters, **given)


def test_training_sentences_without_words_are_told(letters: Any) -> None:
    for wrong in (None, "AB", ["AB", 3], [""]):
        letters.change("sentences_train.jsonl", 3, {"words": wrong})
        with pytest.raises(InputError, match=r"sentences_train\.jsonl:3: `words` is .*, no list of words: restore"):
            fresh(letters)
    letters.write("sentences_train.jsonl", [])
    with pytest.raises(InputError, match=r"sentences_train\.jsonl: no `words` in it: restore"):
        fresh(letters)
    (letters.path / "sentences_train.jsonl").unlink()
    with pytest.raises(InputError, match=r"sentences_train\.jsonl: not readable"):
        fresh(letters)


def test_real_letters_spell_for_the_signers_who_are_learned_from(recorded_letters: Path) -> None:
    source = FingerspellingFresh(folder=str(recorded_letters), spelling=Spelling(num_examples=40))
    train, dev = (
        [json.loads(line) for line in (recorded_letters / f"sentences_{name}.jsonl").read_bytes().splitlines()]
        for name in ("train", "dev")
    )
    assert set(source.settings["signers"]) == {recipe["signer"] for recipe in train} - {"ssp", "svk"}
    assert set(source.settings["words"]) == {word for recipe in train for word in recipe["words"]}
    assert not {word for recipe in dev for word in recipe["words"]} & set(source.settings["words"])
    feature = Landmarks(hand_shape=True)
    for index in range(40):
        example, points = source.draw(index, 0)
        assert example.group in source.settings["signers"]
        assert len(points) == feature.num_frames(example.length)
        assert np.isfinite(feature(points).numpy()).all()
        assert feature(points)[:, slice(*feature.columns["shape"])].any()
