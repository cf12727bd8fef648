"""The say corpus: given texts, read aloud by espeak-ng in many voices and accents of English."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from project.contract import InputError
from project.corpus import flac
from project.corpus.folder import Folder
from project.corpus.speaker.accents import Accented, draw_accented
from project.corpus.speaker.recording import Recording, record
from project.corpus.speaker.sentences import Files, Given, Sentence, digest, divide, key_of, said_of, text_of
from project.corpus.speaker.synthesizer import Spoken, Synthesizer
from project.corpus.speaker.voices import Speaker, shifted_rate, vary
from project.corpus.splits import SPLITS, count_splits, make_splits, manifests_of
from project.feature.waveform import resample

_TRIES = 50


class Say:
    """Texts and how many voices say them: manifests of words beside FLAC recordings.

    An utterance is a function of the settings, the texts of its split and its number, with one version of espeak-ng.
    The splits share no speaker, no voice and no sentence. A split of 0 utterances has no manifest. It does not know
    phones: what espeak-ng makes of a word is up to espeak-ng.
    """

    def __init__(
        self,
        *,
        texts: Files | None = None,
        num_train: int = 3000,
        num_dev: int = 0,
        num_test: int = 0,
        seed: int = 0,
        recombined: float = 0.5,
        speakers: Accented | None = None,
        recording: Recording | None = None,
    ) -> None:
        self._counts = count_splits(num_train, num_dev, num_test)
        if seed < 0:
            raise InputError(f"corpus: seed is {seed}: give 0 or more")
        if not 0 <= recombined <= 1:
            raise InputError(f"corpus: recombined is {recombined}: give a part from 0 to 1")
        if not texts:
            raise InputError("corpus: no texts are named: add corpus.texts=[data/an4/train.jsonl]")
        self._seed = seed
        self._speakers = speakers or Accented()
        self._recording = recording or Recording(seconds=(0.3, 12))
        sentences = divide(texts, [split for split, count in self._counts.items() if count])
        self._texts = {
            split: Given(found, recombined if split == "train" else 0.0) for split, found in sentences.items() if found
        }
        self._kept = {key_of(text_of(one)) for split, found in sentences.items() if split != "train" for one in found}
        self.settings: dict[str, Any] = {
            "corpus": "say@1",
            "texts": digest(sentences),
            "counts": self._counts,
            "seed": seed,
            "recombined": recombined,
            "speakers": asdict(self._speakers),
            "recording": asdict(self._recording),
        }

    def make(self, out: str, progress: Callable[[int, int], None] = lambda _done, _total: None) -> list[str]:
        """Writes the corpus into a folder, unless it is there already, and gives the manifests' paths.

        `progress` is told how many utterances of how many are there.
        """
        folder = Folder(out, self.settings, manifests_of(self._counts), "audio")
        if all(Path(path).exists() for path in folder.manifests) and folder.begin():
            return folder.manifests  # also where there is no espeak-ng
        with Synthesizer() as synthesizer:
            voices = self._speakers.voices(synthesizer.voices())
            record_one = partial(self._record, synthesizer=synthesizer, voices=voices)
            return make_splits(folder, self._counts, "audio", record_one, progress)

    def _record(
        self, folder: Path, split: str, number: int, synthesizer: Synthesizer, voices: dict[str, str]
    ) -> dict[str, Any]:
        """The manifest's line of an utterance, given once its recording is on disk."""
        rng = np.random.default_rng([self._seed, SPLITS.index(split), number])
        speaker_number = number // self._speakers.per_speaker
        accent, speaker = draw_accented(split, speaker_number, self._speakers, voices, self._seed)
        speaker = replace(speaker, voice=vary(speaker.voice, rng))
        sentence, spoken, draws = self._utter(split, speaker, synthesizer, rng)
        rate = self._recording.sample_rate
        sound, _, snr_db = record(resample(spoken.wave, spoken.rate, rate), self._recording, rng)
        media = f"audio/{split}/{number:06d}.flac"
        flac.write(folder / media, sound, rate)
        return {
            "id": f"{split}-{number:06d}",
            "media": media,
            "duration": len(sound) / rate,
            "text": text_of(sentence),
            "group": speaker.name,
            "corpus": "say",
            "accent": accent,
            "voice": speaker.voice.name.partition("+")[2],
            "wpm": speaker.voice.wpm,
            "tract": round(speaker.tract, 3),
            "snr_db": round(snr_db, 1),
            "draws": draws,
            "espeak": synthesizer.version,
        }

    def _utter(
        self, split: str, speaker: Speaker, synthesizer: Synthesizer, rng: np.random.Generator
    ) -> tuple[Sentence, Spoken, int]:
        """A sentence that takes neither too short nor too long to say, its sound, and how many were drawn for it."""
        low, high = self._recording.seconds
        for draws in range(1, _TRIES + 1):
            sentence = self._texts[split].draw(rng)
            pauses = (rng.random(len(sentence)) < speaker.pauses).tolist()
            if split == "train" and key_of(text_of(sentence)) in self._kept:
                continue  # words drawn anew that make a sentence of dev or test
            spoken = synthesizer.read(said_of(sentence, pauses), speaker.voice)
            if spoken is not None:
                spoken = replace(spoken, rate=shifted_rate(spoken.rate, speaker.tract))
                if low <= spoken.end / spoken.rate <= high:
                    return sentence, spoken, draws
        raise InputError(
            f"corpus: none of {_TRIES} sentences for {speaker.name} was said in {low:g} to {high:g} s: "
            f"allow other recording.seconds, or give other texts"
        )
