"""What learners make of phones: a table of what Mandarin speakers of English are reported to confuse, as weights.

The table collects what comparisons of the two languages and studies of learners' pronunciation agree on: sounds that
Mandarin lacks become neighbours that it has, voiced final consonants become voiceless, final consonants are left out
or get a vowel, clusters are broken up. The weights are rough: they say what is frequent and what is rare.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from project.contract import InputError
from project.corpus.ranges import between, check_range
from project.corpus.speaker.mnemonics import bare
from project.corpus.speaker.texts import Word
from project.text.phoneme import CONSONANTS, PHONES, VOWELS

Place = Literal["any", "first", "last", "cluster"]  # in the word; cluster: a consonant follows

RIGHT: Final = 2.0  # how well a phone is said: 2 right, 1 with a heavy accent, 0 wrong or missing
_TYPICAL: Final = 5.0  # total weight of a phone that learners find hard
_FAR: Final = 0.2  # quality of an error that nobody expects

# phone, place, what is said instead (- nothing), weight, quality
_TABLE: Final = """
IH any IY 3 1.0        IY any IH 2 1.2      AE any EH 4 1.0      EH any AE 2 1.0       EH any EY 1 0.8
UH any UW 4 1.0        UW any UH 2 1.2      AH any AA 1 1.0      AO any OW 2.5 1.0     AO any AA 1.5 1.2
AA any AO 2 1.2        OW any AO 2.5 1.0    EY any EH 3 1.0      AY any AE 1 0.6       AW any AO 2 0.8
AW any AA 1 0.8        OY any AO 1 0.8      ER any AH 2.5 0.8    ER any AO 0.5 0.4     AY any EH 0.5 0.4
TH any S 5 0.4         TH any T 1 0.4       TH any F 1 0.6       DH any D 3.5 0.8      DH any Z 2.5 0.4
DH any L 0.4 0.2       V any W 3 0.4        V any F 1.5 0.8      W any V 1.2 0.8       Z any S 2.5 0.8
Z any JH 0.3 0.2       ZH any SH 2 0.8      ZH any R 2 0.4       ZH any JH 1.5 0.8     SH any S 1.5 0.4
CH any SH 0.6 0.6      JH any CH 1.2 0.8    JH any ZH 0.6 1.0    R any L 1.2 0.4       R any W 1 0.6
L any R 1 0.4          L any N 0.6 0.2      N any L 0.4 0.2      HH any F 0.2 0.2      Y any JH 0.3 0.4
S any SH 0.6 0.6       F any HH 0.2 0.2     N last NG 2 0.6      NG last N 3 0.6       M last N 1.5 0.4
NG any N_G 0.7 0.8     L last - 1.5 0.2     L last OW 2 0.4      L last ER 1 0.4       R last - 1.5 0.4
B last P 2.5 0.8       D last T 2.5 0.8     G last K 2.5 0.8     V last F 2.5 0.8      Z last S 2 0.8
T last - 2 0.0         D last - 2 0.0       K last - 1.5 0.0     P last - 1 0.0        B last - 1 0.0
G last - 1 0.0         S last - 0.7 0.0     Z last - 1 0.0       N last - 0.7 0.0      V last - 0.7 0.0
T last T_AH 0.8 1.4    D last D_AH 1 1.4    K last K_AH 1 1.4    P last P_AH 0.8 1.4   B last B_AH 1.2 1.4
G last G_AH 1.2 1.4    V last V_AH 0.7 1.4  S last S_AH 0.6 1.4  CH last CH_IY 1 1.4   JH last JH_IY 1 1.4
SH last SH_IY 0.6 1.4  F last F_AH 0.5 1.4  Z last Z_AH 0.4 1.4  TH last S_AH 0.5 0.4  M last M_AH 0.3 1.4
L cluster - 1.5 0.0    R cluster - 1.5 0.4  L cluster OW 1 0.4   N cluster - 0.5 0.0   T cluster - 0.7 0.0
D cluster - 0.7 0.0    S cluster S_AH 0.7 1.4  K cluster K_AH 0.7 1.4  G cluster G_AH 0.8 1.4  B cluster B_AH 0.8 1.4
P cluster P_AH 0.7 1.4  T cluster T_AH 0.4 1.4  D cluster D_AH 0.6 1.4  F cluster F_AH 0.4 1.4  K cluster - 0.4 0.0
"""


@dataclass(frozen=True, slots=True)
class Confusion:
    """One way in which a phone goes wrong."""

    phone: str
    place: Place
    said: tuple[str, ...]
    weight: float
    quality: float


@dataclass(frozen=True, slots=True)
class Said:
    """What was said for one phone that should have been said."""

    phones: tuple[str, ...]  # with stress, none if it was left out
    quality: float


@dataclass(frozen=True, slots=True)
class Learners:
    """How much goes wrong, drawn once a speaker, and how people judge it."""

    rate: Sequence[float] = (0.0, 0.5)  # how often phones that learners find hard go wrong
    habits: float = 1.0  # how much speakers differ in what goes wrong: 0 not at all, 1 much
    other: float = 0.15  # part of errors that nobody expects: any phone of the kind, or none
    rater_noise: float = 0.2  # of the marks of five raters, in units of a phone score

    def __post_init__(self) -> None:
        check_range("learners.rate", self.rate, 0, 1)
        for name, most in (("habits", 1), ("other", 1), ("rater_noise", 2)):
            if not 0 <= getattr(self, name) <= most:
                raise InputError(f"corpus: learners.{name} is {getattr(self, name)}: give 0 to {most}")


@dataclass(frozen=True, slots=True)
class Habits:
    """What goes wrong with one speaker."""

    rate: float
    weights: tuple[float, ...]  # of each confusion of the table
    other: float


def read_table(text: str = _TABLE) -> tuple[Confusion, ...]:
    """The table of confusions.

    >>> read_table("TH last S_AH 0.5 0.4")[0].said
    ('S', 'AH')
    """
    cells = text.split()
    rows = zip(*[iter(cells)] * 5, strict=True)  # five cells each
    return tuple(
        Confusion(phone, place, () if said == "-" else tuple(said.split("_")), float(weight), float(quality))
        for phone, place, said, weight, quality in rows
    )


CONFUSIONS: Final = read_table()
_OF_PHONE: Final[Mapping[str, list[int]]] = {
    phone: [number for number, one in enumerate(CONFUSIONS) if one.phone == phone] for phone in PHONES
}


def draw_habits(learners: Learners, rng: np.random.Generator) -> Habits:
    """A speaker's rate of errors, and which of them are habits."""
    factors = rng.gamma(0.5, 2.0, len(CONFUSIONS)) * learners.habits + (1 - learners.habits)
    weights = [one.weight * float(factor) for one, factor in zip(CONFUSIONS, factors, strict=True)]
    return Habits(between(learners.rate, rng), tuple(weights), learners.other)


def mispronounce(word: Word, habits: Habits, rng: np.random.Generator) -> list[Said]:
    """What a speaker says for each phone of a word."""
    return [_say(word.phones, place, habits, rng) for place in range(len(word.phones))]


def _say(phones: Sequence[str], place: int, habits: Habits, rng: np.random.Generator) -> Said:
    phone = phones[place]
    fitting = [number for number in _OF_PHONE[bare(phone)] if _fits(CONFUSIONS[number].place, phones, place)]
    weights = np.array([habits.weights[number] for number in fitting])
    expected = habits.rate * weights.sum() / _TYPICAL * (1 - habits.other)
    draw = rng.random()
    if draw < min(0.9, expected):
        one = CONFUSIONS[fitting[rng.choice(len(fitting), p=weights / weights.sum())]]
        return Said(_with_stress(one.said, phone), one.quality)
    if draw > 1 - habits.rate * habits.other / 2:
        return Said(_unexpected(phone, rng), _FAR)
    return Said((phone,), RIGHT)


def _unexpected(phone: str, rng: np.random.Generator) -> tuple[str, ...]:
    """One of the other phones of its kind; a consonant is left out a fourth of the time."""
    kind = VOWELS if bare(phone) in VOWELS else CONSONANTS
    others = [other for other in kind if other != bare(phone)]
    if kind is CONSONANTS and rng.random() < 0.25:
        return ()
    return _with_stress((others[rng.integers(len(others))],), phone)


def _with_stress(said: Sequence[str], phone: str) -> tuple[str, ...]:
    """What is said for a phone, stressed as that; vowels said for a consonant have no stress."""
    digit = phone[-1] if phone[-1].isdigit() else "0"
    return tuple(f"{one}{digit}" if one in VOWELS else one for one in said)


def _fits(where: Place, phones: Sequence[str], place: int) -> bool:
    last = place == len(phones) - 1
    if where == "first":
        return place == 0
    if where == "last":
        return last
    return where == "any" or (not last and bare(phones[place + 1]) in CONSONANTS)
