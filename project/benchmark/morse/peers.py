"""The decoders of others that are compared: what each asks of its audio, and the reason where it is absent.

Seconds are CPU seconds of the decoding process; what is done to the audio beforehand is not counted.
"""

from __future__ import annotations

import json
import resource
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import soundfile
from scipy.signal import resample_poly

from project.benchmark.morse.conditions import SAMPLE_RATE, Recording
from project.contract import InputError, WorkError

ONE_BY_ONE = "one by one"


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a decoder made of some recordings, in their order."""

    texts: Sequence[str]  # as printed
    seconds: Mapping[str, float]  # way of decoding -> CPU seconds for all of them
    notes: Sequence[str] = ()


class Decoder(Protocol):
    """One column of the table."""

    @property
    def name(self) -> str: ...

    @property
    def most_files(self) -> int | None:
        """How many recordings of a condition it is given; None: all."""

    def why_absent(self) -> str | None:
        """Why it cannot be measured here, with the remedy; None if it can."""

    def decode(self, recordings: Sequence[Recording]) -> Decoded:
        """The texts of WAV files."""


class Multimon:
    """multimon-ng: a table of decoders, one of them for Morse; it finds threshold and speed by itself."""

    name = "multimon-ng"
    most_files = None
    sample_rate = 22050  # what it takes raw sound for

    def why_absent(self) -> str | None:
        return _missing("multimon-ng")

    def decode(self, recordings: Sequence[Recording]) -> Decoded:
        with tempfile.TemporaryDirectory() as folder:
            raw = Path(folder) / "sound.raw"
            words = ["multimon-ng", "-q", "-t", "raw", "-a", "MORSE_CW", str(raw)]
            texts, seconds = [], 0.0
            for recording in recordings:
                sound, _ = soundfile.read(recording.path)
                resampled = resample_poly(sound, self.sample_rate // 50, SAMPLE_RATE // 50)
                raw.write_bytes((resampled.clip(-1, 1) * 32767).astype(np.int16).tobytes())
                text, spent = run_program(words)
                texts.append(text)
                seconds += spent
        return Decoded(texts, {ONE_BY_ONE: seconds})


class Program:
    """Any program that takes a WAV file and prints text, such as morse2ascii: one process for each recording."""

    most_files = None

    def __init__(self, name: str, command: str) -> None:
        self.name = name
        self.words = shlex.split(command)  # {file} stands for the recording
        if not any("{file}" in word for word in self.words):
            raise InputError(f"benchmark.programs.{name}: {command}: write {{file}} where the recording's name goes")

    def why_absent(self) -> str | None:
        return _missing(self.words[0])

    def decode(self, recordings: Sequence[Recording]) -> Decoded:
        runs = [run_program([word.format(file=recording.path) for word in self.words]) for recording in recordings]
        return Decoded([text for text, _ in runs], {ONE_BY_ONE: sum(seconds for _, seconds in runs)})


class MorseAudioDecoder:
    """morse-audio-decoder: a Python package that clusters the lengths of marks and gaps.

    It wants other versions of Python and numpy than scansion, so it lives in an environment of its own; that process
    decodes all files, and its start is not counted.
    """

    name = "morse-audio-decoder"
    most_files = None

    def __init__(self, python: str) -> None:
        self.python = python

    def why_absent(self) -> str | None:
        if not Path(self.python).is_file():
            return f"there is no {self.python}: run .ci/apt-morse"
        found = subprocess.run(
            [self.python, "-c", "import morse_audio_decoder.morse"], check=False, capture_output=True
        )
        return None if found.returncode == 0 else f"{self.python} cannot import it: run .ci/apt-morse"

    def decode(self, recordings: Sequence[Recording]) -> Decoded:
        names = json.dumps([str(recording.path) for recording in recordings])
        found = subprocess.run([self.python, "-c", _CLUSTER], input=names, check=True, capture_output=True, text=True)
        texts, seconds = json.loads(found.stdout.splitlines()[-1])
        return Decoded(texts, {ONE_BY_ONE: seconds})


# Where it finds no two kinds of marks it raises one of several errors: it has decoded nothing then.
_CLUSTER = """
import json, sys, time, warnings
from morse_audio_decoder.morse import MorseCode
warnings.simplefilter("ignore")
def text(name):
    try:
        return MorseCode.from_wavfile(name).decode()
    except Exception:
        return ""
names = json.load(sys.stdin)
text(names[0])
start = time.process_time()
texts = [text(name) for name in names]
print()
print(json.dumps([texts, time.process_time() - start]))
"""


def _missing(program: str) -> str | None:
    return None if shutil.which(program) else f"{program} is not installed: .ci/apt-morse installs what Debian has"


def run_program(words: Sequence[str]) -> tuple[str, float]:
    """What a program prints, and the CPU seconds it took."""
    with children_seconds() as spent:
        found = subprocess.run(words, check=False, capture_output=True)
    if found.returncode != 0:
        told = found.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
        raise WorkError(f"{words[0]} failed with {found.returncode} ({told[0]}): run it by hand: {' '.join(words)}")
    return found.stdout.decode("latin-1"), spent[0]


@contextmanager
def children_seconds() -> Iterator[list[float]]:
    """CPU seconds of the processes that end within: filled in when it is left."""
    spent: list[float] = []
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    yield spent
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
