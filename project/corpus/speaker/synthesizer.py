"""espeak-ng as a voice that speaks phones and reads texts: from the package `espeakng-loader` or from the system."""

from __future__ import annotations

import ctypes.util
import importlib
import importlib.util
import json
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np

from project.contract import InputError, WorkError
from project.corpus.speaker.mnemonics import starts, units, write
from project.feature.waveform import Wave
from project.text.phoneme import PHONES, VOWELS

_SERVER = Path(__file__).with_name("espeak_server.py")


@dataclass(frozen=True, slots=True)
class Voice:
    """What espeak-ng is told about the voice."""

    name: str = "en-us"  # an accent, and after a plus a variant: en-us+f2
    wpm: int = 130  # words a minute, 80 and more
    pitch: int = 50  # 0 to 99
    range: int = 50  # of the pitch, 0 to 99


@dataclass(frozen=True, slots=True)
class Spoken:
    """Sound, and when each of its phones begins."""

    wave: Wave
    rate: int  # samples a second
    starts: tuple[int, ...]  # first sample of each phone
    end: int  # of the last one


class Synthesizer:
    """Speaks phones; to be used in a `with` statement. It says the same in the same way, whatever it said before."""

    def __init__(self) -> None:
        self._library, self._data = find_library()
        self.version = ""  # known once something was said

    def __enter__(self) -> Synthesizer:
        command = [sys.executable, "-I", str(_SERVER), self._library, self._data]
        self._server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.communicate()

    def say(self, words: Sequence[Sequence[str]], voice: Voice, pauses: Sequence[bool] = ()) -> Spoken | None:
        """Words of phones, with a pause after some of them; None if they cannot be said, or others were."""
        written = [found for found in map(units, words) if found is not None]
        if len(written) < len(words):
            return None
        answer, samples = self._ask(write(written, pauses), voice)
        events = [(sample, name) for sample, name in answer["events"]]
        places = starts([unit for word in written for unit in word], events, answer["rate"])
        if places is None:
            return None
        wave = np.asarray(np.frombuffer(samples, dtype="<i2") / 32768, dtype=np.float32)
        return Spoken(wave, answer["rate"], tuple(places[:-1]), places[-1])

    def read(self, text: str, voice: Voice) -> Spoken | None:
        """A text as espeak-ng reads it, phonemes in [[...]] as they are; None if nothing of it is said.

        It is not known which phonemes of it belong to which letters.
        """
        answer, samples = self._ask(text, voice)
        events = [(sample, name) for sample, name in answer["events"] if name]
        said = [sample for sample, name in events if name[0] != "_"]
        if not said:
            return None
        wave = np.asarray(np.frombuffer(samples, dtype="<i2") / 32768, dtype=np.float32)
        end = next((sample for sample, _ in events if sample > said[-1]), len(wave))
        return Spoken(wave, answer["rate"], tuple(said), end)

    def voices(self) -> dict[str, str]:
        """The languages and accents there are, en-gb and others, and what the voice of each is called."""
        return dict(self._send({})[0]["voices"])

    def check(self, voice: Voice) -> None:
        """Refuses a voice that does not have all 39 phones."""
        frames = {phone: _frame(phone) for phone in PHONES}
        if self.say(list(frames.values()), voice) is None:
            missing = [phone for phone, frame in frames.items() if self.say([frame], voice) is None]
            raise InputError(
                f"corpus: espeak-ng {self.version} does not say {', '.join(missing)} with the voice {voice.name}: "
                "pip install -U 'scansion[spoken]'"
            )

    def _ask(self, text: str, voice: Voice) -> tuple[dict[str, Any], bytes]:
        request = {"voice": voice.name, "wpm": voice.wpm, "pitch": voice.pitch, "range": voice.range, "text": text}
        answer, samples = self._send(request)
        self.version = answer["version"]
        return answer, samples

    def _send(self, request: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
        to_server, from_server = _open(self._server.stdin), _open(self._server.stdout)
        with suppress(BrokenPipeError):  # then it says nothing either
            to_server.write(json.dumps(request).encode() + b"\n")
            to_server.flush()
        length = from_server.read(4)
        if len(length) < 4:
            raise WorkError(
                f"corpus: espeak-ng ended at once: its library {self._library} may be broken: install it anew"
            )
        head, _, samples = from_server.read(struct.unpack("<I", length)[0]).partition(b"\n")
        answer = json.loads(head)
        if "error" in answer:
            raise InputError(
                f"corpus: espeak-ng: {answer['error']}: install it anew: pip install -U 'scansion[spoken]'"
            )
        return answer, samples


def find_library() -> tuple[str, str]:
    """The library of espeak-ng and the folder of its data, "" for where it looks itself."""
    if importlib.util.find_spec("espeakng_loader") is not None:
        loader = importlib.import_module("espeakng_loader")
        return loader.get_library_path(), loader.get_data_path()
    name = ctypes.util.find_library("espeak-ng")
    if name is None:
        raise InputError(
            "corpus: there is no espeak-ng, which speaks: pip install 'scansion[spoken]', or apt-get install espeak-ng"
        )
    return name, ""


def _frame(phone: str) -> list[str]:
    """A syllable or two around a phone, in which each can be said."""
    return ["T", f"{phone}1", "T"] if phone in VOWELS else ["AE1", phone, "AE0"]


def _open(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe
