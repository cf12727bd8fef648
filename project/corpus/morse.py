"""The Morse corpus: texts, keyed as tones in noise, made rather than recorded."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from project.contract import InputError
from project.corpus.folder import Folder
from project.corpus.keyer import CODE, Channel, Keying, Transmission, plan, render

SAMPLE_RATE = 8000
SPLITS = ("train", "dev", "test")
SYMBOLS = tuple(CODE)
LETTERS, DIGITS = SYMBOLS[:26], SYMBOLS[26:]
_WORDS = """
THE OF AND TO IN IS YOU THAT IT HE WAS FOR ON ARE AS WITH HIS THEY AT BE THIS HAVE FROM OR ONE HAD BY WORD BUT NOT WHAT
ALL WERE WE WHEN YOUR CAN SAID THERE USE EACH WHICH SHE DO HOW THEIR IF WILL UP OTHER ABOUT OUT MANY THEN THEM THESE SO
SOME HER WOULD MAKE LIKE HIM INTO TIME HAS LOOK TWO MORE WRITE GO SEE NUMBER NO WAY COULD PEOPLE MY THAN FIRST WATER
BEEN CALL WHO ITS NOW FIND LONG DOWN DAY DID GET COME MADE MAY PART OVER NEW SOUND TAKE ONLY LITTLE WORK KNOW PLACE YEAR
LIVE ME BACK GIVE MOST VERY AFTER THING OUR JUST NAME GOOD SENTENCE MAN THINK SAY GREAT WHERE HELP MUCH LINE RIGHT TOO
CQ DE TU UR RST 599 5NN 73 QTH QSL QRZ QSY RIG ANT PWR WX HR ES FB OM AGN PSE BK SK TEST DX KM QUICK JUMP ZERO EXACT BOX
"""
WORDS = tuple(_WORDS.split())


@dataclass(frozen=True, slots=True)
class Texts:
    """What is sent: how long, and how often of each kind; the rest are words."""

    num_symbols: Sequence[int] = (3, 16)  # shortest and longest text, spaces included
    random_groups: float = 0.5  # part made of letters and digits in groups of five
    call_signs: float = 0.2  # part made of what looks like call signs

    def __post_init__(self) -> None:
        if len(self.num_symbols) != 2 or not 3 <= self.num_symbols[0] <= self.num_symbols[1]:
            raise InputError(f"corpus: texts.num_symbols is {list(self.num_symbols)}: give [low, high] from 3 on")
        if min(self.random_groups, self.call_signs) < 0 or self.random_groups + self.call_signs > 1:
            raise InputError("corpus: texts.random_groups and texts.call_signs are parts of 1: lower one of them")


class Morse:
    """Morse code in noise, with its text: train, dev and test manifests beside FLAC recordings.

    An utterance is a function of seed, split and number alone; the splits share no text. It does not know fading,
    interference, drifting tones or hand-sent rhythms. SNR: power of the tone with the key down over the power of the
    (white) noise in 2,500 Hz.
    """

    def __init__(
        self,
        *,
        num_train: int = 2400,
        num_dev: int = 100,
        num_test: int = 300,
        seed: int = 0,
        texts: Texts | None = None,
        keying: Keying | None = None,
        channel: Channel | None = None,
    ) -> None:
        self._counts = dict(zip(SPLITS, (num_train, num_dev, num_test), strict=True))
        empty = [split for split, count in self._counts.items() if count < 1]
        if empty:
            raise InputError(f"corpus: num_{empty[0]} is {self._counts[empty[0]]}: give at least 1")
        if seed < 0:
            raise InputError(f"corpus: seed is {seed}: give 0 or more")
        self._seed = seed
        self._texts = texts or Texts()
        self._keying = keying or Keying()
        self._channel = channel or Channel()
        self.settings: dict[str, Any] = {
            "corpus": "morse@1",
            "counts": self._counts,
            "seed": seed,
            "texts": asdict(self._texts),
            "keying": asdict(self._keying),
            "channel": asdict(self._channel),
        }

    def make(self, out: str, progress: Callable[[int, int], None] = lambda _done, _total: None) -> list[str]:
        """Writes the corpus into a folder, as far as it is not there already, and gives the manifests' paths.

        `progress` is told how many recordings of how many are there.
        """
        folder = Folder(out, self.settings, [f"{split}.jsonl" for split in SPLITS], "audio")
        if folder.begin():
            return folder.manifests
        total = sum(self._counts.values())
        lines: dict[str, list[dict[str, Any]]] = {f"{split}.jsonl": [] for split in SPLITS}
        for done, (split, line) in enumerate(self._record(folder.path), start=1):
            lines[f"{split}.jsonl"].append(line)
            progress(done, total)
        return folder.finish(lines)

    def _record(self, folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
        """Split and manifest line of each utterance, given once its recording is on disk."""
        for split, count in self._counts.items():
            (folder / "audio" / split).mkdir(parents=True, exist_ok=True)
            for number in range(count):
                rng = np.random.default_rng([self._seed, SPLITS.index(split), number])
                text = draw_text(split, self._texts, rng)
                sending = plan(text, self._keying, self._channel, SAMPLE_RATE, rng)
                media = f"audio/{split}/{number:06d}.flac"
                if not _is_recorded(folder / media, sending):
                    _write(folder / media, render(sending, self._keying, SAMPLE_RATE, rng))
                yield split, _line(f"{split}-{number:06d}", media, text, sending)


def _line(name: str, media: str, text: str, sending: Transmission) -> dict[str, Any]:
    return {
        "id": name,
        "media": media,
        "duration": sending.num_samples / SAMPLE_RATE,
        "text": text,
        "wpm": round(sending.wpm, 2),
        "snr_db": round(sending.snr_db, 2),
        "tone_hz": round(sending.tone_hz, 1),
    }


def draw_text(split: str, texts: Texts, rng: np.random.Generator) -> str:
    """A text that belongs to this split: a checksum of the text itself decides, so no text is in two splits."""
    while True:
        text = _draw_any_text(texts, rng)
        if split_of(text) == split:
            return text


def split_of(text: str) -> str:
    """The only split in which a text may occur: 80 % of all texts train, 10 % dev, 10 % test."""
    return {0: "dev", 1: "test"}.get(zlib.crc32(text.encode()) % 10, "train")


def _draw_any_text(texts: Texts, rng: np.random.Generator) -> str:
    length = int(rng.integers(texts.num_symbols[0], texts.num_symbols[1], endpoint=True))
    kind = rng.random()
    if kind < texts.random_groups:
        draw: Callable[[np.random.Generator], str] = _draw_group
    elif kind < texts.random_groups + texts.call_signs:
        draw = _draw_call_sign
    else:
        draw = _draw_word
    text = draw(rng)
    while len(text) <= length:
        text += " " + draw(rng)
    last = text[length] if text[length - 1] == " " else text[length - 1]
    return text[: length - 1] + last


def _draw_group(rng: np.random.Generator) -> str:
    return "".join(rng.choice(SYMBOLS, size=5))


def _draw_word(rng: np.random.Generator) -> str:
    return str(rng.choice(WORDS))


def _draw_call_sign(rng: np.random.Generator) -> str:
    """One or two letters, a digit, one to three letters."""
    prefix, suffix = rng.integers(1, 2, endpoint=True), rng.integers(1, 3, endpoint=True)
    return "".join([*rng.choice(LETTERS, size=prefix), rng.choice(DIGITS), *rng.choice(LETTERS, size=suffix)])


def _is_recorded(path: Path, sending: Transmission) -> bool:
    """Whether a recording is there whole: after a power cut it may be there and empty."""
    try:
        return bool(soundfile.info(path).frames == sending.num_samples)
    except soundfile.LibsndfileError:
        return False


def _write(path: Path, sound: NDArray[np.float32]) -> None:
    """A 16-bit FLAC file, there only when it is whole."""
    temporary = path.with_name(f".{path.name}")
    soundfile.write(temporary, sound, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    temporary.replace(path)
