"""What is said: rows of words, or of made-up words that follow the rules of English syllables."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from project.contract import InputError
from project.corpus.speaker.lexicon import Lexicon, built_in, load
from project.corpus.speaker.mnemonics import COLOURED, bare
from project.corpus.splits import split_of
from project.text.phoneme import VOWELS

_TRIES: Final = 1000

# Beginnings and ends of syllables, the more frequent more often; - is none, _ joins clusters.
_ONSETS: Final = """
- - - - B CH D DH F G HH JH K L M N P R S SH T TH V W Y Z ZH
B CH D DH F G HH JH K L M N P R S SH T TH V W Y Z ZH
B_L B_R D_R F_L F_R G_L G_R K_L K_R K_W P_L P_R S_K S_L S_M S_N S_P S_T S_W TH_R T_R T_W S_T_R S_P_R S_K_R K_Y M_Y
"""
_CODAS: Final = """
- - - - - - B CH D DH F G JH K L M N NG P R S SH T TH V Z
B CH D F G JH K L M N NG P R S SH T TH V Z
F_T K_S K_T L_D L_K L_P L_T L_V M_P N_CH N_D N_JH N_S N_T N_Z NG_K P_S P_T R_D R_K R_M R_N R_T S_K S_P S_T T_S
"""
_LAX: Final = {"AE", "AH", "EH", "IH", "UH"}  # vowels that end no syllable, save AH without stress


@dataclass(frozen=True, slots=True)
class Texts:
    """What is said, and how much at once."""

    num_phones: Sequence[int] = (8, 28)  # fewest and most phones of an utterance
    syllables: float = 0.5  # part of utterances of made-up words: every phone occurs often there, in all places
    lexicon: str | None = None  # a file of words with their phones; null: the built-in words

    def __post_init__(self) -> None:
        if len(self.num_phones) != 2 or not 8 <= self.num_phones[0] <= self.num_phones[1] - 8:
            raise InputError(
                f"corpus: texts.num_phones is {list(self.num_phones)}: give [low, high] from 8 on, 8 apart"
            )
        if not 0 <= self.syllables <= 1:
            raise InputError(f"corpus: texts.syllables is {self.syllables}: give a part from 0 to 1")

    def words(self) -> Lexicon:
        return load(self.lexicon) if self.lexicon else built_in()

    def digest(self) -> str:
        """Of the file of words: the same name may hold others another day."""
        return hashlib.sha256(Path(self.lexicon).read_bytes()).hexdigest()[:8] if self.lexicon else "built-in"


@dataclass(frozen=True, slots=True)
class Word:
    """A word and how it should be said."""

    text: str
    phones: tuple[str, ...]  # vowels with 0, 1 or 2 behind for stress


def draw_text(split: str, texts: Texts, lexicon: Lexicon, rng: np.random.Generator) -> list[Word]:
    """Words that belong to this split: `split_of` decides, so no text is in two splits."""
    low, high = texts.num_phones
    made_up = rng.random() < texts.syllables
    entries = list(lexicon)
    for _ in range(_TRIES):
        words: list[Word] = []
        least = rng.integers(low, high - 7)
        while sum(len(word.phones) for word in words) < least:
            name = entries[rng.integers(len(entries))]
            words.append(draw_word(rng) if made_up else Word(name, lexicon[name]))
        if sum(len(word.phones) for word in words) <= high and split_of(text_of(words)) == split:
            return words
    raise InputError(f"corpus: no text for {split} among {_TRIES:,}: allow more texts.num_phones, or other words")


def draw_word(rng: np.random.Generator) -> Word:
    """A made-up word of one to three syllables, the first or second stressed; written as its phones."""
    count = int(rng.integers(1, 4))
    stress = int(rng.integers(min(count, 2)))
    phones: list[str] = []
    for number in range(count):
        phones += _draw_syllable(number == stress, bool(phones) and phones[-1][-1].isdigit(), rng)
    return Word("".join(bare(phone) for phone in phones).lower(), tuple(phones))


def _draw_syllable(has_stress: bool, after_vowel: bool, rng: np.random.Generator) -> list[str]:
    while True:
        onset, nucleus, coda = (parts[rng.integers(len(parts))] for parts in (_ONSETS.split(), VOWELS, _CODAS.split()))
        checked = coda != "-" or nucleus not in _LAX or (nucleus == "AH" and not has_stress)
        if checked and not (after_vowel and onset == "-") and (coda[0] != "R" or nucleus in COLOURED):
            parts = [*onset.split("_"), f"{nucleus}{int(has_stress)}", *coda.split("_")]
            return [part for part in parts if part != "-"]


def text_of(words: Sequence[Word]) -> str:
    return " ".join(word.text for word in words)
