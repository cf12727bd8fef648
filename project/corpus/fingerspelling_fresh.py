"""Fingerspelling made while training: new words, tempo and cuts of recorded letters for each example of each epoch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from project.contract import Example, InputError
from project.corpus.speller.assembly import Part, assemble
from project.corpus.speller.clips import Clip, digest, read_clips, read_lines, require_signers
from project.feature.landmark_file import Points, at_times

_EXAMPLES, _LENGTHS = 101, 102  # streams of random numbers
_BEGIN, _END = (0.05, 0.3), (0.7, 0.95)  # where a letter is cut out of its clip
_TRANSITION_FRAMES = (2, 5)  # at 25 frames a second
_PACE_SECONDS = (0.45, 0.8)  # of a letter with the way to the next
_TRIES = 100  # texts drawn before one is taken that a signer can spell


@dataclass(frozen=True, slots=True)
class Spelling:
    """What is spelled, and how much of it."""

    num_examples: int = 1000  # of an epoch
    seconds: Sequence[float] = (2.0, 8.0)  # of an example, drawn evenly
    random: float = 0.3  # part of the texts that are letters by chance: no words that could be learned by heart
    steady: float = 0.25  # how evenly letters last: standard deviation of the logarithm of their speed
    mixed: float = 0.0  # part of the examples whose letters are each of another signer

    def __post_init__(self) -> None:
        if self.num_examples < 1:
            raise InputError(f"corpus: spelling.num_examples is {self.num_examples}: give at least 1")
        if len(self.seconds) != 2 or not 1 <= self.seconds[0] <= self.seconds[1]:
            raise InputError(f"corpus: spelling.seconds is {list(self.seconds)}: give [shortest, longest], 1 at least")
        for name in ("random", "mixed"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"corpus: spelling.{name} is {getattr(self, name)}: give a part, 0 to 1")
        if not 0 <= self.steady <= 2:
            raise InputError(f"corpus: spelling.steady is {self.steady}: give 0 (all alike) to 2")


class FingerspellingFresh:
    """Words of the training sentences, and random letters, spelled by the signers of a folder of recorded letters.

    Each example is a function of (seed, epoch, number). Only letters in `letters` are spelled, and of words
    only those of the training sentences; the last one of a text may be cut off.
    """

    def __init__(
        self,
        *,
        folder: str | None = None,
        seed: int = 0,
        frame_rate: float = 25.0,
        leave_out: Sequence[str] = ("ssp", "svk"),
        letters: str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        spelling: Spelling | None = None,
    ) -> None:
        if seed < 0:
            raise InputError(f"corpus: seed is {seed}: give 0 or more")
        if not 5 <= frame_rate <= 1000:
            raise InputError(f"corpus: frame_rate is {frame_rate:g}: give frames a second, 5 to 1000")
        if folder is None:
            raise InputError("data.fresh.folder is missing: name the folder of recorded letters")
        self.frame_rate = frame_rate
        self._seed = seed
        self._spelling = spelling or Spelling()
        clips = read_clips(Path(folder), frame_rate)
        require_signers(leave_out, clips)
        self._signers = _signers(clips, set(leave_out), letters)
        if not self._signers:
            raise InputError(f"{folder}: no signer is left who spells one of {letters!r}: shorten corpus.leave_out")
        self._words = _words(Path(folder) / "sentences_train.jsonl")
        self._letters = letters
        rng = np.random.default_rng([seed, _LENGTHS])
        shortest, longest = self._spelling.seconds
        seconds = rng.uniform(shortest, longest, self._spelling.num_examples)
        self.lengths: NDArray[np.float32] = (np.round(seconds * frame_rate) / frame_rate).astype(np.float32)
        self.settings: dict[str, Any] = {
            "corpus": "fingerspelling_fresh@1",
            "seed": seed,
            "frame_rate": frame_rate,
            "signers": sorted(self._signers),
            "words": self._words,
            "letters": letters,
            "spelling": asdict(self._spelling),
        }
        used = {clip.id: clip for alphabet in self._signers.values() for clip in alphabet.values()}
        content = json.dumps({**self.settings, "recordings": digest(used)}, sort_keys=True)
        self.hash = hashlib.blake2b(content.encode(), digest_size=16).hexdigest()

    def draw(self, index: int, epoch: int) -> tuple[Example, Points]:
        """An example and its landmarks, as long as `lengths` says."""
        rng = np.random.default_rng([self._seed, _EXAMPLES, epoch, index])
        seconds = float(self.lengths[index])
        signer = str(rng.choice(sorted(self._signers)))
        clips = self._signers[signer]
        text = self._text(max(2, round(seconds / rng.uniform(*_PACE_SECONDS))), clips.keys(), rng)
        is_mixed = self._spelling.mixed and rng.random() < self._spelling.mixed
        parts = [
            Part(
                self._other(letter, rng) if is_mixed else clips[letter].points_TPX,
                begin=rng.uniform(*_BEGIN),
                end=rng.uniform(*_END),
                speed=float(np.exp(rng.normal(0, self._spelling.steady))),
            )
            for letter in text
        ]
        shortest, longest = (round(frames * self.frame_rate / 25) for frames in _TRANSITION_FRAMES)
        transitions = rng.integers(shortest, longest + 1, len(text) - 1)
        spelled_TPX = assemble(parts, transitions.tolist())
        times_T = np.linspace(0, len(spelled_TPX) - 1, round(seconds * self.frame_rate))
        name = f"{epoch}-{index:06d}"
        group = None if is_mixed else signer
        example = Example(name, f"fresh:{name}", seconds, symbols=tuple(text), group=group)
        return example, at_times(spelled_TPX, times_T)

    def _other(self, letter: str, rng: np.random.Generator) -> Points:
        """The letter by any signer who has it."""
        signers = [signer for signer in sorted(self._signers) if letter in self._signers[signer]]
        return self._signers[signers[int(rng.integers(len(signers)))]][letter].points_TPX

    def _text(self, count: int, known: Sequence[str] | Any, rng: np.random.Generator) -> list[str]:
        """So many letters that the signer has recorded: of words one after the other, or by chance."""
        usable = [letter for letter in self._letters if letter in known]
        if rng.random() < self._spelling.random:
            return [str(letter) for letter in rng.choice(usable, count)]
        text: list[str] = []
        for _ in range(_TRIES):
            word = self._words[int(rng.integers(len(self._words)))]
            if set(word) <= set(usable):
                text += word
            if len(text) >= count:
                return text[:count]
        return [str(letter) for letter in rng.choice(usable, count)]


def _signers(clips: dict[str, Clip], leave_out: set[str], letters: str) -> dict[str, dict[str, Clip]]:
    """Signer -> letter -> clip, of the signers who are not left out and have recorded at least one of the letters."""
    found: dict[str, dict[str, Clip]] = {}
    for clip in clips.values():
        if clip.signer not in leave_out and clip.label in list(letters):
            found.setdefault(clip.signer, {})[clip.label] = clip
    return found


def _words(path: Path) -> list[str]:
    """The words of the training sentences, each once."""
    words: set[str] = set()
    for place, recipe in read_lines(path):
        found = recipe.get("words")
        if not isinstance(found, list) or not all(isinstance(word, str) and word for word in found):
            raise InputError(f"{place}: `words` is {found!r}, no list of words: restore the folder")
        words.update(found)
    if not words:
        raise InputError(f"{path}: no `words` in it: restore the folder")
    return sorted(words)
