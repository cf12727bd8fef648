"""What is sent: texts of several kinds and three alphabets, each text in one split only."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from project.contract import InputError
from project.corpus.keyer import figures, phrases
from project.corpus.keyer.dice import Dice
from project.corpus.splits import split_of
from project.text.morse import PUNCTUATION, UNITS, symbols_of

Symbols = Literal["plain", "punctuation", "full"]

_KINDS = {
    "groups": phrases.group,
    "calls": phrases.calls,
    "contest": phrases.contest,
    "qso": phrases.conversation,
    "english": phrases.sentence,
    "numbers": figures.number,
}
_PROSIGN = re.compile(r"<[A-Z]+>")
_NO_PUNCTUATION = str.maketrans("", "", "".join(PUNCTUATION))
_EACH = dict.fromkeys(UNITS, 1)  # every symbol costs the same
_TRIES = 10_000


@dataclass(frozen=True, slots=True)
class Texts:
    """What is sent: how long, in which symbols, and how much of each kind.

    It does not know how it is sent. The parts of the kinds are weights: they need not add up to 1.
    """

    num_symbols: Sequence[int] = (3, 16)  # shortest and longest text, spaces included
    symbols: Symbols = "plain"  # A-Z 0-9 | "punctuation" as well | "full": prosigns such as <SK> too
    groups: float = 0.3  # random groups of characters
    calls: float = 0.15  # call signs of many countries
    contest: float = 0.1  # calls, reports and numbers
    qso: float = 0.15  # phrases of conversations
    english: float = 0.2  # sentences
    numbers: float = 0.1  # times, dates, frequencies, groups of figures

    def __post_init__(self) -> None:
        if len(self.num_symbols) != 2 or not 3 <= self.num_symbols[0] <= self.num_symbols[1]:
            raise InputError(f"corpus: texts.num_symbols is {list(self.num_symbols)}: give [low, high] from 3 on")
        if self.symbols not in {"plain", "punctuation", "full"}:
            raise InputError(f"corpus: texts.symbols is {self.symbols!r}: give plain, punctuation or full")
        negative = [kind for kind in _KINDS if getattr(self, kind) < 0]
        if negative:
            raise InputError(f"corpus: texts.{negative[0]} is {getattr(self, negative[0])}: give 0 or more")
        if not sum(getattr(self, kind) for kind in _KINDS) > 0:
            raise InputError(f"corpus: all parts of texts are 0: give one of {', '.join(_KINDS)} more")


def draw_text(split: str, texts: Texts, rng: np.random.Generator) -> str:
    """A text of `num_symbols` that belongs to this split: `split_of` decides, so no text is in two splits."""
    dice = Dice(rng)
    low, high = texts.num_symbols
    for _ in range(_TRIES):
        text = _draw(dice.between(low, high), _EACH, texts, dice)
        if split_of(text) == split and (len(text) >= low if "<" not in text else len(symbols_of(text)) >= low):
            return text
    raise _none(split)


def draw_text_of(units: float, texts: Texts, rng: np.random.Generator, split: str = "train") -> str:
    """A text of this split that lasts at most so many units, the gap after its last symbol included.

    As many symbols as fit, and one at least; `num_symbols` plays no part.
    """
    dice = Dice(rng)
    for _ in range(_TRIES):
        text = _draw(units, UNITS, texts, dice)
        if split_of(text) == split:
            return text
    raise _none(split)


def _none(split: str) -> InputError:
    return InputError(
        f"corpus: no text for {split} among {_TRIES:,}: allow longer texts, or give other kinds of texts a part"
    )


def _draw(budget: float, costs: Mapping[str, int], texts: Texts, dice: Dice) -> str:
    """As many symbols of one kind of text as a budget pays for, at least one; entered at some word, cut anywhere."""
    kinds = tuple(_KINDS.values())
    draw = kinds[dice.weigh([getattr(texts, kind) for kind in _KINDS])]
    words: list[str] = []
    while not words:
        words = _written(draw(dice), texts.symbols).split()
    words = words[dice.between(0, len(words) - 1) :]
    sent: list[str] = []
    while True:
        for symbol in symbols_of(" ".join(words)):
            budget -= costs[symbol]
            if budget < 0 and sent:
                return "".join(sent).rstrip()
            sent.append(symbol)
        words = ["", *_written(draw(dice), texts.symbols).split()]


def _written(text: str, symbols: Symbols) -> str:
    """The text without what the symbols lack; of words with a slash the longest part.

    >>> _written("OK1ABC/P 14.060 <SK>", "plain"), _written("UR 5NN <BK>", "punctuation")
    ('OK1ABC 14060 ', 'UR 5NN ')
    """
    if symbols == "full":
        return text
    if "<" in text:
        text = _PROSIGN.sub("", text)
    if symbols == "punctuation":
        return text
    if "/" in text:
        text = " ".join(max(word.split("/"), key=len) for word in text.split(" "))
    return text.translate(_NO_PUNCTUATION)
