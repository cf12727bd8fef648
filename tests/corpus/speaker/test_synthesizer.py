"""espeak-ng really says what it is asked to: judged by its sound, not by its report."""

from __future__ import annotations

import importlib.util
import time
from itertools import pairwise

import numpy as np
import pytest

from project.contract import InputError, WorkError
from project.corpus.speaker import mnemonics
from project.corpus.speaker import synthesizer as module
from project.corpus.speaker.lexicon import built_in
from project.corpus.speaker.mnemonics import units
from project.corpus.speaker.synthesizer import Spoken, Synthesizer, Voice
from project.corpus.speaker.voices import variants_of


def say(synthesizer: Synthesizer, phones: str, voice: Voice | None = None) -> Spoken:
    spoken = synthesizer.say([phones.split()], voice or Voice())
    assert spoken is not None
    return spoken


def power(spoken: Spoken, begin: float, end: float, low: float, high: float) -> float:
    """In a band of Hz, in part of the sound."""
    piece = spoken.wave[int(begin) : int(end)]
    spectrum = np.abs(np.fft.rfft(piece * np.hanning(len(piece)))) ** 2
    frequencies = np.fft.rfftfreq(len(piece), 1 / spoken.rate)
    return float(spectrum[(frequencies >= low) & (frequencies < high)].sum() / len(piece))


def test_all_phones_are_said(synthesizer: Synthesizer) -> None:
    synthesizer.check(Voice())
    assert synthesizer.version[0].isdigit()


def test_an_utterance_does_not_depend_on_those_before(synthesizer: Synthesizer) -> None:
    first = say(synthesizer, "T AH0 M EY1 T OW0", Voice("en-us+f2"))
    say(synthesizer, "K AA1 R", Voice("en-us+m3"))
    time.sleep(1.01)  # the library may look at the clock, in seconds
    second = say(synthesizer, "T AH0 M EY1 T OW0", Voice("en-us+f2"))
    assert np.array_equal(first.wave, second.wave)
    assert first.starts == second.starts


def test_a_hiss_is_heard_where_it_is_reported(synthesizer: Synthesizer) -> None:
    spoken = say(synthesizer, "M AA1 S AA0 M")
    edges = [*spoken.starts, spoken.end]
    hiss = [power(spoken, begin, end, 4000, 9000) for begin, end in pairwise(edges)]
    assert np.argmax(hiss) == 2
    assert hiss[2] > 20 * max(hiss[:2] + hiss[3:])


def test_an_r_after_a_vowel_lowers_the_third_formant(synthesizer: Synthesizer) -> None:
    """Asked for as a phone of its own it would be reported, and not be heard."""

    def low_third(phones: str) -> float:
        spoken = say(synthesizer, phones)
        end = spoken.starts[-1]
        begin = spoken.starts[1] + 0.7 * (end - spoken.starts[1])
        return power(spoken, begin, end, 1500, 1950) / power(spoken, begin, end, 2300, 2900)

    for vowel in mnemonics.COLOURED:
        if vowel not in {"EH", "IH"}:  # their second formant is there
            assert low_third(f"B {vowel}1 R T") > 5 * low_third(f"B {vowel}1 T")
    assert len(say(synthesizer, "B AA1 R T").starts) == 4


def test_pauses_and_speed(synthesizer: Synthesizer) -> None:
    words = [["T", "UW1"], ["B", "IY1"]]
    plain, paused, slow = (
        synthesizer.say(words, voice, pauses)
        for voice, pauses in ((Voice(), ()), (Voice(), (True, False)), (Voice(wpm=80), ()))
    )
    assert plain is not None
    assert paused is not None
    assert slow is not None
    assert paused.starts[2] - plain.starts[2] > 0.1 * plain.rate
    assert slow.end > 1.3 * plain.end


def test_voices_differ(synthesizer: Synthesizer) -> None:
    variants = [*variants_of("dev"), *variants_of("test")]
    sounds = {say(synthesizer, "AA1", Voice(f"en-us+{name}")).wave.tobytes() for name in variants}
    assert len(sounds) == len(variants)  # an unknown variant is passed over, and so would sound like en-us


def test_a_phone_that_vanishes_is_found(synthesizer: Synthesizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mnemonics, "MNEMONICS", {**mnemonics.MNEMONICS, "S": "Q#"})
    assert synthesizer.say([["M", "AA1", "S"]], Voice()) is None
    with pytest.raises(InputError, match="does not say S with the voice en-us"):
        synthesizer.check(Voice())


def test_a_voice_that_is_not_there_is_told(synthesizer: Synthesizer) -> None:
    with pytest.raises(InputError, match="there is no voice xx-yy"):
        synthesizer.say([["AA1"]], Voice("xx-yy"))
    assert say(synthesizer, "AA1")


def test_some_words_of_the_lexicon_are_said_as_it_says(synthesizer: Synthesizer) -> None:
    lexicon = built_in()
    for word in list(lexicon)[::40]:
        assert synthesizer.say([lexicon[word]], Voice()) is not None, word


def test_all_words_of_the_lexicon_can_be_said() -> None:
    assert not [word for word, phones in built_in().items() if units(phones) is None]


def test_a_broken_library_is_told(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(module, "find_library", lambda: ("/nowhere/libespeak-ng.so", ""))
    with Synthesizer() as broken, pytest.raises(WorkError, match=r"/nowhere/libespeak-ng\.so may be broken"):
        broken.say([["AA1"]], Voice())
    assert "OSError" in capfd.readouterr().err


def test_without_espeak_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    monkeypatch.setattr(module.ctypes.util, "find_library", lambda _name: None)
    with pytest.raises(InputError, match=r"pip install 'scansion\[spoken\]', or apt-get install espeak-ng"):
        Synthesizer()
