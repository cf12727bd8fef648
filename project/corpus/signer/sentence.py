"""What is signed: sentences of glosses, each pair of neighbours in one split only."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from project.contract import InputError
from project.corpus.signer.lexicon import GLOSSES
from project.corpus.splits import split_of as split_of_text


def split_of(first: str, second: str) -> str:
    """The only split in which one gloss may follow another: 80 % of all pairs train, 10 % dev, 10 % test.

    The arrow was chosen among such signs because it leaves no gloss without a predecessor or a successor in any split.
    """
    return split_of_text(f"{first}->{second}")


@cache
def followers(split: str) -> tuple[tuple[int, ...], ...]:
    """For each gloss, by number, which others may follow it. None follows itself."""
    return tuple(
        tuple(number for number, second in enumerate(GLOSSES) if second != first and split_of(first, second) == split)
        for first in GLOSSES
    )


def draw_sentence(split: str, count: int, rng: np.random.Generator) -> tuple[str, ...]:
    """So many glosses at random, one after another."""
    successors = followers(split)
    numbers = rng.random(count)
    chosen = [int(numbers[0] * len(GLOSSES))]
    for number in numbers[1:]:
        possible = successors[chosen[-1]]
        chosen.append(possible[int(number * len(possible))])
    return tuple(GLOSSES[number] for number in chosen)


def draw_count(num_glosses: Sequence[int], rng: np.random.Generator) -> int:
    """How many glosses a sentence has."""
    return int(rng.integers(num_glosses[0], num_glosses[1] + 1))


def check_counts(name: str, num_glosses: Sequence[int]) -> None:
    """Fewest and most glosses of a sentence."""
    if len(num_glosses) != 2 or not 1 <= num_glosses[0] <= num_glosses[1] <= 50:
        raise InputError(f"corpus: {name} is {list(num_glosses)}: give [fewest, most] from 1 to 50")
