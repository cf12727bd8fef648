"""Speakers: a voice, a vocal tract, a pitch, a speed and a way to pause, drawn once a speaker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from project.contract import InputError
from project.corpus.ranges import between, between_log, check_range
from project.corpus.speaker.errors import Habits, Learners, draw_habits
from project.corpus.speaker.synthesizer import Voice
from project.corpus.splits import SPLITS

ACCENT: Final = "en-us"  # the only one in which an R after a vowel is heard in every place

# Voices of espeak-ng that sound like people. Every eighth is kept for dev, every eighth for test.
_VARIANTS: Final = """
m1 f1 m2 f2 adam alex Andrea david m3 f3 Andy aunty m4 f4 edward grandma m5 f5 gene grandpa m6 Alicia m7 Annie
m8 anika Jacky linda ed belinda john steph boris Mario steph2 Lee max sandro Diogo michel benjamin Hugo marcelo
antonio pablo rob miguel shelby ian steph3 caleb zac robert victor travis paul Michael Mike quincy Denis norbert Marco
"""
_STEP: Final = 50  # samples a second: sample rates of espeak-ng's sound are rounded to it, so that resampling is quick


@dataclass(frozen=True, slots=True)
class Speakers:
    """How different speakers are, and how much each says."""

    per_speaker: int = 15  # utterances of each
    wpm: Sequence[float] = (80, 150)  # speed; espeak-ng says about 5 phones a second at 80
    pitch: Sequence[float] = (20, 80)  # 0 to 99, about the voice's own at 50
    melody: Sequence[float] = (20, 80)  # range of the pitch, 0 to 99
    tract: Sequence[float] = (0.85, 1.2)  # all formants, and the pitch, times this: above 1 a smaller speaker
    pauses: Sequence[float] = (0.0, 0.5)  # part of words with a pause after them

    def __post_init__(self) -> None:
        if self.per_speaker < 1:
            raise InputError(f"corpus: speakers.per_speaker is {self.per_speaker}: give at least 1")
        check_range("speakers.wpm", self.wpm, 80, 450)
        check_range("speakers.pitch", self.pitch, 0, 99)
        check_range("speakers.melody", self.melody, 0, 99)
        check_range("speakers.tract", self.tract, 0.5, 2)
        check_range("speakers.pauses", self.pauses, 0, 1)


@dataclass(frozen=True, slots=True)
class Speaker:
    """Someone who speaks."""

    name: str
    voice: Voice
    tract: float
    pauses: float
    habits: Habits


def draw_speaker(split: str, number: int, speakers: Speakers, learners: Learners, seed: int) -> Speaker:
    """The speaker of a split with this number: a function of these and of nothing else."""
    rng = np.random.default_rng([seed, SPLITS.index(split), number, 1])
    variants = variants_of(split)
    return Speaker(
        name=f"{split}-{number:04d}",
        voice=Voice(
            name=f"{ACCENT}+{variants[rng.integers(len(variants))]}",
            wpm=round(between_log(speakers.wpm, rng)),
            pitch=round(between(speakers.pitch, rng)),
            range=round(between(speakers.melody, rng)),
        ),
        tract=between_log(speakers.tract, rng),
        pauses=between(speakers.pauses, rng),
        habits=draw_habits(learners, rng),
    )


def vary(voice: Voice, rng: np.random.Generator) -> Voice:
    """The voice in one utterance: a little faster or slower, higher or lower."""
    wpm = max(80, round(voice.wpm * float(np.exp(0.08 * rng.standard_normal()))))
    pitch = int(np.clip(voice.pitch + round(4 * rng.standard_normal()), 0, 99))
    return Voice(voice.name, wpm, pitch, voice.range)


def variants_of(split: str) -> list[str]:
    """The voices that speak in this split alone."""
    return [
        name for place, name in enumerate(_VARIANTS.split()) if {6: "dev", 7: "test"}.get(place % 8, "train") == split
    ]


def shifted_rate(rate: int, tract: float) -> int:
    """The sample rate at which a sound must be taken to be, for its formants to move up by this factor.

    >>> shifted_rate(22050, 1.1)
    24250
    """
    return round(rate * tract / _STEP) * _STEP
