"""The speech corpus: learners of English as espeak-ng speaks for them, with known phones and known mistakes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from project.contract import InputError
from project.corpus import flac
from project.corpus.folder import Folder
from project.corpus.speaker.errors import RIGHT, Learners, Said, mispronounce
from project.corpus.speaker.lexicon import phones_of
from project.corpus.speaker.raters import judge_phones, judge_utterance
from project.corpus.speaker.recording import Recording, record
from project.corpus.speaker.synthesizer import Spoken, Synthesizer, Voice
from project.corpus.speaker.texts import Texts, Word, draw_text, text_of
from project.corpus.speaker.voices import ACCENT, Speaker, Speakers, draw_speaker, shifted_rate, vary
from project.corpus.splits import SPLITS, count_splits
from project.feature.waveform import resample

_TRIES = 50
# Split -> the manifests of it, with the kind of phones that are their symbols. What trains learns what is really heard.
_MANIFESTS = {
    "train": {"train.jsonl": "realized", "train_canonical.jsonl": "canonical"},
    "dev": {"dev.jsonl": "canonical", "dev_realized.jsonl": "realized"},
    "test": {"test.jsonl": "canonical", "test_realized.jsonl": "realized"},
}


@dataclass(frozen=True, slots=True)
class Utterance:
    """What should have been said, what was said instead, and how it sounded."""

    words: list[Word]
    said: list[Said]  # for each phone of the words
    spoken: Spoken
    draws: int  # this one included: how many were drawn until one was said as it was asked for


class Speech:
    """Learners' English with its phones: manifests of canonical and of realized phones beside FLAC recordings.

    An utterance is a function of seed, split and number alone, with one version of espeak-ng. The splits share no
    speaker, no voice and no text. A split of 0 utterances has no manifest.
    """

    def __init__(
        self,
        *,
        num_train: int = 3000,
        num_dev: int = 200,
        num_test: int = 300,
        seed: int = 0,
        texts: Texts | None = None,
        learners: Learners | None = None,
        speakers: Speakers | None = None,
        recording: Recording | None = None,
    ) -> None:
        self._counts = count_splits(num_train, num_dev, num_test)
        if seed < 0:
            raise InputError(f"corpus: seed is {seed}: give 0 or more")
        self._seed = seed
        self._texts = texts or Texts()
        self._learners = learners or Learners()
        self._speakers = speakers or Speakers()
        self._recording = recording or Recording()
        self._lexicon = self._texts.words()
        self.settings: dict[str, Any] = {
            "corpus": "speech@1",
            "counts": self._counts,
            "seed": seed,
            "texts": {**asdict(self._texts), "lexicon": self._texts.digest()},
            "learners": asdict(self._learners),
            "speakers": asdict(self._speakers),
            "recording": asdict(self._recording),
        }

    def make(self, out: str, progress: Callable[[int, int], None] = lambda _done, _total: None) -> list[str]:
        """Writes the corpus into a folder, unless it is there already, and gives the manifests' paths.

        `progress` is told how many utterances of how many are there.
        """
        splits = [split for split, count in self._counts.items() if count]
        names = [name for split in splits for name in _MANIFESTS[split]]
        folder = Folder(out, self.settings, names, "audio")
        if folder.begin():
            return folder.manifests
        lines: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
        done, total = 0, sum(self._counts.values())
        with Synthesizer() as synthesizer:
            synthesizer.check(Voice(ACCENT))
            for split in splits:
                (folder.path / "audio" / split).mkdir(parents=True, exist_ok=True)
                for number in range(self._counts[split]):
                    for name, line in self._record(folder.path, split, number, synthesizer).items():
                        lines[name].append(line)
                    done += 1
                    progress(done, total)
        return folder.finish(lines)

    def _record(self, folder: Path, split: str, number: int, synthesizer: Synthesizer) -> dict[str, dict[str, Any]]:
        """The lines of an utterance, for each manifest, given once its recording is on disk."""
        rng = np.random.default_rng([self._seed, SPLITS.index(split), number])
        speaker = draw_speaker(split, number // self._speakers.per_speaker, self._speakers, self._learners, self._seed)
        voice = vary(speaker.voice, rng)
        utterance = self._utter(split, speaker, voice, synthesizer, rng)
        rate = self._recording.sample_rate
        spoken = utterance.spoken
        sound, begin, snr_db = record(resample(spoken.wave, spoken.rate, rate), self._recording, rng)
        media = f"audio/{split}/{number:06d}.flac"
        flac.write(folder / media, sound, rate)
        common = {
            "id": f"{split}-{number:06d}",
            "media": media,
            "duration": len(sound) / rate,
            "text": text_of(utterance.words),
            "group": speaker.name,
            "corpus": "speech",
            "voice": voice.name,
            "wpm": voice.wpm,
            "tract": round(speaker.tract, 3),
            "snr_db": round(snr_db, 1),
            "errors": sum(said.quality < RIGHT for said in utterance.said),
            "draws": utterance.draws,
            "espeak": synthesizer.version,
        }
        labels = self._labels(utterance, begin / rate, rng)
        return {name: {**common, **labels[kind]} for name, kind in _MANIFESTS[split].items()}

    def _utter(
        self, split: str, speaker: Speaker, voice: Voice, synthesizer: Synthesizer, rng: np.random.Generator
    ) -> Utterance:
        """An utterance that espeak-ng says as it was asked to, and that is neither too short nor too long."""
        low, high = self._recording.seconds
        for draws in range(1, _TRIES + 1):
            words = draw_text(split, self._texts, self._lexicon, rng)
            said = [mispronounce(word, speaker.habits, rng) for word in words]
            asked = [[phone for one in word for phone in one.phones] for word in said]
            pauses = (rng.random(len(words)) < speaker.pauses).tolist()
            spoken = synthesizer.say([word for word in asked if word], voice, pauses)
            if spoken is not None:
                spoken = replace(spoken, rate=shifted_rate(spoken.rate, speaker.tract))
                if low <= spoken.end / spoken.rate <= high:
                    return Utterance(words, [one for word in said for one in word], spoken, draws)
        raise InputError(
            f"corpus: none of {_TRIES} texts for {speaker.name} was said in {low:g} to {high:g} s: "
            f"allow other recording.seconds or texts.num_phones"
        )

    def _labels(self, utterance: Utterance, begin: float, rng: np.random.Generator) -> dict[str, dict[str, Any]]:
        """Symbols and labels of the two kinds of manifests; `begin`: seconds before the speech."""
        canonical = phones_of(word.phones for word in utterance.words)
        realized = phones_of(one.phones for one in utterance.said)
        qualities = [one.quality for one in utterance.said]
        noise = self._learners.rater_noise
        scores = judge_phones(qualities, noise, rng)
        shared = {"canonical": canonical, "realized": realized, "accuracy": judge_utterance(qualities, noise, rng)}
        said = [" ".join(phones_of([one.phones])) for one in utterance.said]
        places = [round(begin + start / utterance.spoken.rate, 3) for start in utterance.spoken.starts]
        return {
            "canonical": {"symbols": canonical, "labels": {**shared, "phone_scores": scores, "said": said}},
            "realized": {"symbols": realized, "labels": {**shared, "places": places}},
        }
