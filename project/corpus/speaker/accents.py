"""Speakers with accents: those of English that espeak-ng has voices for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from project.contract import InputError
from project.corpus.speaker.errors import Learners
from project.corpus.speaker.voices import Speaker, Speakers, draw_speaker

_ENGLISH: Final = "en-"
_SHAVIAN: Final = "en-shaw"  # reads the Shavian alphabet, and of ours only the names of the letters
_NATIVE: Final = Learners(rate=(0, 0))  # they say what espeak-ng says


@dataclass(frozen=True, slots=True)
class Accented(Speakers):
    """How different speakers are, how much each says, and where they come from."""

    wpm: Sequence[float] = (80, 220)  # speed; at 175 as people talk, at 80 as to a machine
    pauses: Sequence[float] = (0.0, 0.3)  # part of words with a pause after them
    accents: Sequence[str] = ("en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp")  # each of as many speakers

    def __post_init__(self) -> None:
        Speakers.__post_init__(self)  # a dataclass with slots is another class than the one that super() means
        if not self.accents or len({*self.accents}) < len(self.accents):
            raise InputError(f"corpus: speakers.accents is {list(self.accents)}: name each once, and at least one")

    def voices(self, known: Mapping[str, str]) -> dict[str, str]:
        """What espeak-ng calls the voices of the accents, given all that it has; an unknown accent is refused."""
        english = sorted(name for name in known if name.startswith(_ENGLISH) and name != _SHAVIAN)
        unknown = [name for name in self.accents if name not in english]
        if unknown:
            raise InputError(
                f"corpus: speakers.accents: espeak-ng has no accent {unknown[0]} of English: "
                f"take some of {', '.join(english)}"
            )
        return {name: known[name] for name in self.accents}


def draw_accented(
    split: str, number: int, speakers: Accented, voices: Mapping[str, str], seed: int
) -> tuple[str, Speaker]:
    """The accent and the speaker of a split with this number: accents take turns, all else is drawn as always.

    The speaker's voice bears the name that espeak-ng knows it by.
    """
    accent = speakers.accents[number % len(speakers.accents)]
    speaker = draw_speaker(split, number, speakers, _NATIVE, seed)
    variant = speaker.voice.name.partition("+")[2]
    return accent, replace(speaker, voice=replace(speaker.voice, name=f"{voices[accent]}+{variant}"))
