"""The Morse corpus: texts, keyed as tones in noise, made rather than recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from project.corpus import flac
from project.corpus.folder import Folder
from project.corpus.keyer.channel import Channel, check_made
from project.corpus.keyer.fist import Keying, draw_sender
from project.corpus.keyer.station import Transmission, places, plan, render
from project.corpus.keyer.texts import Texts, draw_text
from project.corpus.splits import SPLITS, count_splits, make_splits, manifests_of


class Morse:
    """Morse code on the air, with its text: train, dev and test manifests beside FLAC recordings.

    An utterance is a function of seed, split and number alone; the splits share no text. SNR: power of the tone with
    the key down over the power of the noise in 2,500 Hz. A split of 0 recordings has no manifest.
    """

    def __init__(
        self,
        *,
        num_train: int = 2400,
        num_dev: int = 100,
        num_test: int = 300,
        seed: int = 0,
        sample_rate: int = 8000,
        texts: Texts | None = None,
        keying: Keying | None = None,
        channel: Channel | None = None,
    ) -> None:
        self._counts = count_splits(num_train, num_dev, num_test)
        check_made(seed, sample_rate, channel or Channel())
        self._seed = seed
        self._sample_rate = sample_rate
        self._texts = texts or Texts()
        self._keying = keying or Keying()
        self._channel = channel or Channel()
        self.settings: dict[str, Any] = {
            "corpus": "morse@2",
            "counts": self._counts,
            "seed": seed,
            "sample_rate": sample_rate,
            "texts": asdict(self._texts),
            "keying": asdict(self._keying),
            "channel": asdict(self._channel),
        }

    def make(self, out: str, progress: Callable[[int, int], None] = lambda _done, _total: None) -> list[str]:
        """Writes the corpus into a folder, as far as it is not there already, and gives the manifests' paths.

        `progress` is told how many recordings of how many are there.
        """
        folder = Folder(out, self.settings, manifests_of(self._counts), "audio")
        return make_splits(folder, self._counts, "audio", self._record, progress)

    def _record(self, folder: Path, split: str, number: int) -> dict[str, Any]:
        """The manifest's line of an utterance, given once its recording is on disk."""
        rng = np.random.default_rng([self._seed, SPLITS.index(split), number])
        text = draw_text(split, self._texts, rng)
        sending = plan(text, draw_sender(self._keying, rng), self._channel, self._sample_rate, rng)
        media = f"audio/{split}/{number:06d}.flac"
        if not _is_recorded(folder / media, sending):
            sound = render(sending, self._keying, self._channel, self._sample_rate, rng)
            flac.write(folder / media, sound, self._sample_rate)
        return self._line(f"{split}-{number:06d}", media, sending)

    def _line(self, name: str, media: str, sending: Transmission) -> dict[str, Any]:
        return {
            "id": name,
            "media": media,
            "duration": sending.num_samples / self._sample_rate,
            "text": sending.text,
            "labels": {
                "places": np.round(places(sending) / self._sample_rate, 3).tolist(),
                "pace": round(sending.sender.dit_seconds, 5),
            },
            "hand": sending.sender.hand,
            "wpm": round(sending.sender.wpm, 2),
            "snr_db": round(sending.snr_db, 2),
            "tone_hz": round(sending.tone_hz, 1),
        }


def _is_recorded(path: Path, sending: Transmission) -> bool:
    """Whether a recording is there whole: after a power cut it may be there and empty."""
    try:
        return bool(soundfile.info(path).frames == sending.num_samples)
    except soundfile.LibsndfileError:
        return False
