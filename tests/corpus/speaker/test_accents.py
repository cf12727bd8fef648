"""Accents take turns, and otherwise speakers are those of the speech corpus; letters sound as letters in each."""

from __future__ import annotations

import numpy as np
import pytest

from project.contract import InputError
from project.corpus.speaker.accents import Accented, draw_accented
from project.corpus.speaker.errors import Learners
from project.corpus.speaker.sentences import parse, said_of
from project.corpus.speaker.synthesizer import Synthesizer, Voice
from project.corpus.speaker.voices import draw_speaker, variants_of

KNOWN = {"en-us": "gmw/en-US", "en-gb": "gmw/en", "en-shaw": "gmw/en-Shaw", "de": "gmw/de"}


def test_speakers_have_accents_in_turn() -> None:
    speakers = Accented(accents=("en-us", "en-gb"))
    voices = speakers.voices(KNOWN)
    for number in range(6):
        accent, speaker = draw_accented("dev", number, speakers, voices, seed=3)
        other = draw_speaker("dev", number, speakers, Learners(), 3)
        variant = other.voice.name.partition("+")[2]
        assert accent == ("en-us", "en-gb")[number % 2]
        assert speaker.voice.name == f"{KNOWN[accent]}+{variant}"
        assert variant in variants_of("dev")
        assert (speaker.name, speaker.tract, speaker.pauses) == (other.name, other.tract, other.pauses)
        assert (speaker.voice.wpm, speaker.voice.pitch) == (other.voice.wpm, other.voice.pitch)


@pytest.mark.parametrize("name", ["en-xx", "de", "en-shaw"])
def test_an_unknown_accent_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(InputError, match=f"has no accent {name} of English: take some of en-gb, en-us$"):
        Accented(accents=("en-us", name)).voices(KNOWN)


@pytest.mark.parametrize("accents", [(), ("en-us", "en-us")])
def test_accents_are_named_once_and_at_least_one(accents: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="name each once, and at least one"):
        Accented(accents=accents)
    with pytest.raises(InputError, match=r"speakers\.wpm"):
        Accented(wpm=(200, 100))


def test_accents_differ_and_are_all_there(synthesizer: Synthesizer) -> None:
    voices = Accented().voices(synthesizer.voices())
    sounds = set()
    for name in voices.values():
        spoken = synthesizer.read("nine o'clock last thursday", Voice(f"{name}+f2"))
        assert spoken is not None
        sounds.add(spoken.wave.tobytes())
    assert len(sounds) == len(voices) == 4


def test_a_letter_is_said_as_a_letter_in_every_accent(synthesizer: Synthesizer) -> None:
    """What is written for an A among others sounds as an A alone does; left as it is, it would be the article."""
    known = synthesizer.voices()
    accents = [known[name] for name in known if name.startswith("en-") and name != "en-shaw"]
    assert len(accents) >= 4
    for name in accents:
        voice = Voice(f"{name}+m3")
        alone, mended = (synthesizer.read(text, voice) for text in ("a", parse("b a")[1].said))
        spelled, article = (synthesizer.read(text, voice) for text in (said_of(parse("b a b"), [False] * 3), "b a b"))
        assert alone is not None
        assert mended is not None
        assert spelled is not None
        assert article is not None
        assert np.array_equal(alone.wave, mended.wave)
        assert spelled.end > article.end + 0.03 * article.rate


def test_reading(synthesizer: Synthesizer) -> None:
    assert synthesizer.read("...", Voice()) is None
    once, again = (synthesizer.read("sixty one", Voice("en-us+f2")) for _ in range(2))
    assert once is not None
    assert again is not None
    assert np.array_equal(once.wave, again.wave)
    assert 0 <= once.starts[0] < once.starts[-1] < once.end <= len(once.wave)
    loud = np.abs(once.wave) > 0.01
    assert loud[: once.end].mean() > 5 * loud[once.end :].mean()
