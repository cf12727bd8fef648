"""Sentences: no gloss follows another in two splits, and every gloss has its place in each."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from project.contract import InputError
from project.corpus.signer.lexicon import GLOSSES
from project.corpus.signer.sentence import check_counts, draw_sentence, followers, split_of
from project.corpus.splits import SPLITS


def test_a_pair_of_neighbours_is_in_one_split_only() -> None:
    pairs: dict[str, set[tuple[str, str]]] = {}
    for split in SPLITS:
        rng = np.random.default_rng(0)
        sentences = [draw_sentence(split, 8, rng) for _ in range(400)]
        pairs[split] = {pair for sentence in sentences for pair in pairwise(sentence)}
        assert {split_of(*pair) for pair in pairs[split]} == {split}
        assert set(GLOSSES) == {gloss for sentence in sentences for gloss in sentence}
        assert all(first != second for first, second in pairs[split])
    assert not pairs["train"] & (pairs["dev"] | pairs["test"])
    assert not pairs["dev"] & pairs["test"]


@pytest.mark.parametrize("split", SPLITS)
def test_every_gloss_can_be_followed_and_follow(split: str) -> None:
    found = followers(split)
    assert min(map(len, found)) >= 1
    assert {second for seconds in found for second in seconds} == set(range(len(GLOSSES)))
    part = sum(map(len, found)) / (len(GLOSSES) * (len(GLOSSES) - 1))
    assert part == pytest.approx({"train": 0.8, "dev": 0.1, "test": 0.1}[split], abs=0.015)


def test_wrong_counts_are_refused() -> None:
    for wrong in ((0, 3), (5, 4), (3, 51), (3,)):
        with pytest.raises(InputError, match=r"sentences\.num_glosses"):
            check_counts("sentences.num_glosses", wrong)
