"""The recordings that Morse decoders are compared on: who keys, how fast, and what the radio adds.

Made apart from the corpus that trains, so that it checks what the corpus claims: most texts are keyed by ebook2cw, a
program of others. The tone's power is measured in the sound, and the noise's power in its spectrum; neither is
reckoned from a formula. SNR is the power of the carrier with the key down over the power of the noise in 2,500 Hz
(300 to 2,800 Hz). Fading is Rayleigh: the signal is multiplied by a complex Gaussian process of mean power 1 with a
Gaussian Doppler spectrum, whose spread is twice its standard deviation (ITU-R F.1487). It is slow against a letter,
and the SNR holds for the mean power. It does not know decoders.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.fft import next_fast_len, rfft, rfftfreq
from scipy.signal import hilbert

from project.corpus.keyer.fist import Keying, Sender, draw_sender, send

Sound = NDArray[np.float64]

SAMPLE_RATE = 8000
LEAD_SECONDS, TAIL_SECONDS = 0.5, 1.5  # nothing but noise
TONE_HZ = (500.0, 900.0)
NUM_SYMBOLS = (26, 43)  # of a text, spaces included
NOISE_BAND_HZ = (300.0, 2800.0)  # 2,500 Hz wide
UNSTEADINESS = 0.4  # of hands: a practised operator; the corpus that trains has up to 0.8
PEAK = 0.7  # of full scale: what a recording's loudest sample is
RISE_SECONDS = 0.005  # of the tones keyed here; ebook2cw has its own, 50 samples
FADING_PATHS = 64  # sinusoids that make a Gaussian process
FADING_STEP = 0.01  # seconds between which the gain is interpolated
TURNS = 3  # of two operators: each text follows the last after a pause
PAUSE_SECONDS = (0.7, 2.0)
OTHER_SPEED, OTHER_HZ, OTHER_LEVEL = 1.3, 70, 0.5  # of the second: times as fast, higher, times as loud


@dataclass(frozen=True, slots=True)
class Condition:
    """One kind of recording."""

    keyer: str  # ebook2cw; machine or straight, keyed by scansion
    wpm: int
    snr_db: float | None  # None: no noise at all
    fading_hz: float | None = None  # Doppler spread; None: steady
    by_turns: bool = False  # two operators, one after the other
    overall: int | None = None  # words a minute that come out, gaps being longer: time for learners

    @property
    def channel(self) -> str:
        """What the radio adds, in words.

        >>> Condition("ebook2cw", 16, -5).channel, Condition("ebook2cw", 20, None).channel
        ('-5 dB', 'clean')
        """
        noise = "clean" if self.snr_db is None else f"{self.snr_db:+g} dB" if self.snr_db else "0 dB"
        fading = [] if self.fading_hz is None else [f"fading {self.fading_hz:g} Hz"]
        return ", ".join([noise, *fading, *(["by turns"] if self.by_turns else [])])

    @property
    def name(self) -> str:
        """Who, how fast, and the radio.

        >>> Condition("ebook2cw", 20, 0).name, Condition("ebook2cw", 20, 0, overall=10).name
        ('ebook2cw 20 WPM 0 dB', 'ebook2cw 20/10 WPM 0 dB')
        """
        speed = f"{self.wpm}" if self.overall is None else f"{self.wpm}/{self.overall}"
        return f"{self.keyer} {speed} WPM {self.channel}"


def _at(
    keyer: str,
    wpm: int,
    *levels: float | None,
    fading_hz: float | None = None,
    by_turns: bool = False,
    overall: int | None = None,
) -> list[Condition]:
    return [Condition(keyer, wpm, snr_db, fading_hz, by_turns, overall) for snr_db in levels]


CONDITIONS = (
    *_at("ebook2cw", 16, None, 10, 0, -5, -8, -10),
    *_at("ebook2cw", 25, None, 10, 0, -5, -8, -10),
    *_at("ebook2cw", 40, None, 0, -5),
    *_at("ebook2cw", 60, None, 0),
    *_at("ebook2cw", 20, 10, 0, fading_hz=0.2),
    *_at("ebook2cw", 20, 10, 0, by_turns=True),
    *_at("ebook2cw", 20, None, 0, overall=10),
    *_at("ebook2cw", 15, None, 0, overall=5),
    *_at("machine", 16, None, 0, -8),
    *_at("machine", 25, None, 0, -8),
    *_at("straight", 18, None, 10, 0),
)


@dataclass(frozen=True, slots=True)
class Recording:
    """A sound file, and what a listener might be told of it."""

    condition: Condition
    path: Path  # WAV, 16 bit, mono, 8 kHz
    text: str
    tone_hz: int
    seconds: float


def make_recordings(conditions: Sequence[Condition], num_files: int, seed: int, folder: Path) -> list[Recording]:
    """So many WAV files of each condition, condition by condition."""
    made = [make_recording(condition, number, seed, folder) for number in range(num_files) for condition in conditions]
    return sorted(made, key=lambda recording: conditions.index(recording.condition))


def make_recording(condition: Condition, number: int, seed: int, folder: Path) -> Recording:
    """One recording, a function of its condition, its number and the seed."""
    if condition.by_turns:
        assert condition.overall is None, "neither of two operators gives learners time"
        text, tone_hz, clean = conversation(condition.keyer, condition.wpm, number, seed)
    else:
        text, tone_hz, clean = clean_sound(condition.keyer, condition.wpm, condition.overall, number, seed)
    rng = np.random.default_rng([seed, zlib.crc32(condition.name.encode()), number])
    sound = on_the_air(clean, condition, rng)
    path = folder / f"{condition.name.replace(' ', '_').replace(',', '').replace('/', '-')}-{number:03d}.wav"
    soundfile.write(path, sound * (PEAK / np.abs(sound).max()), SAMPLE_RATE, subtype="PCM_16")
    return Recording(condition, path, text, tone_hz, len(sound) / SAMPLE_RATE)


@functools.lru_cache(maxsize=1)
def clean_sound(keyer: str, wpm: int, overall: int | None, number: int, seed: int) -> tuple[str, int, Sound]:
    """A text, its pitch and its sound: the same in all conditions of one keyer and speed, so they differ in noise."""
    rng = np.random.default_rng([seed, zlib.crc32(f"{keyer} {wpm}".encode()), number])
    text, tone_hz = draw_text(rng), round(rng.uniform(*TONE_HZ))
    return text, tone_hz, keyed(keyer, text, wpm, tone_hz, rng, overall)


def conversation(keyer: str, wpm: int, number: int, seed: int) -> tuple[str, int, Sound]:
    """The texts of two operators by turns, the pitch of the first, and their sound."""
    rng = np.random.default_rng([seed, zlib.crc32(f"{keyer} {wpm} by turns".encode()), number])
    tone_hz, texts, sounds = round(rng.uniform(*TONE_HZ)), [], []
    for turn in range(TURNS):
        text, is_other = draw_text(rng), turn % 2
        speed, hertz = (round(OTHER_SPEED * wpm), tone_hz + OTHER_HZ) if is_other else (wpm, tone_hz)
        sound = tone_of(keyer, text, speed, hertz, rng) * (OTHER_LEVEL if is_other else 1.0)
        texts.append(text)
        sounds += [sound, np.zeros(round(rng.uniform(*PAUSE_SECONDS) * SAMPLE_RATE))]
    return " ".join(texts), tone_hz, with_silence(np.concatenate(sounds[:-1]))


def on_the_air(sound: Sound, condition: Condition, rng: np.random.Generator) -> Sound:
    """A clean tone after the radio: faded, and in noise."""
    power = carrier_power(sound)
    if condition.fading_hz is not None:
        sound = np.real(hilbert(sound) * fading_gain(len(sound), condition.fading_hz, rng))
    if condition.snr_db is None:
        return sound
    noise = rng.standard_normal(len(sound))
    wanted = power / 10 ** (condition.snr_db / 10)
    return np.asarray(sound + noise * np.sqrt(wanted / power_in_band(noise)))


def carrier_power(sound: Sound) -> float:
    """Power of a clean keyed tone while the key is down, measured: the median of its envelope where it is up.

    Of two operators by turns it is that of the louder one, who has most of the time.
    """
    envelope = np.abs(hilbert(sound))
    amplitude = np.median(envelope[envelope > 0.5 * envelope.max()])
    return float(amplitude**2 / 2)


def power_in_band(noise: Sound) -> float:
    """Power between 300 and 2,800 Hz, added up in the spectrum."""
    hertz = rfftfreq(len(noise), 1 / SAMPLE_RATE)
    inside = (hertz >= NOISE_BAND_HZ[0]) & (hertz < NOISE_BAND_HZ[1])
    return float(2 * np.sum(np.abs(rfft(noise)[inside]) ** 2) / len(noise) ** 2)


def fading_gain(num_samples: int, spread_hz: float, rng: np.random.Generator) -> NDArray[np.complex128]:
    """(num_samples,) complex gain of mean power 1: many paths, each with a Doppler shift of its own."""
    shifts_hz = rng.normal(0, spread_hz / 2, FADING_PATHS)
    paths = rng.standard_normal((2, FADING_PATHS))
    knots = np.arange(0, num_samples / SAMPLE_RATE + FADING_STEP, FADING_STEP)
    waves = np.exp(2j * np.pi * knots[:, None] * shifts_hz)
    gain = waves @ (paths[0] + 1j * paths[1]) / np.sqrt(2 * FADING_PATHS)
    seconds = np.arange(num_samples) / SAMPLE_RATE
    return np.asarray(np.interp(seconds, knots, gain.real) + 1j * np.interp(seconds, knots, gain.imag))


def keyed(keyer: str, text: str, wpm: int, tone_hz: int, rng: np.random.Generator, overall: int | None = None) -> Sound:
    """A text as a clean tone, with silence before and after."""
    return with_silence(tone_of(keyer, text, wpm, tone_hz, rng, overall))


def tone_of(
    keyer: str, text: str, wpm: int, tone_hz: int, rng: np.random.Generator, overall: int | None = None
) -> Sound:
    """A text as a clean tone, from its first mark to its last."""
    if keyer == "ebook2cw":
        return keyed_by_ebook2cw(text, wpm, tone_hz, overall)
    return keyed_tone(send(text, sender_of(keyer, wpm, rng, overall), rng), tone_hz)


def with_silence(sound: Sound) -> Sound:
    """A tone with silence before and after."""
    lead, tail = round(LEAD_SECONDS * SAMPLE_RATE), round(TAIL_SECONDS * SAMPLE_RATE)
    total = lead + len(sound) + tail
    return np.pad(sound, (lead, tail + next_fast_len(total) - total))  # some samples more make transforms quick


def has_ebook2cw() -> bool:
    return shutil.which("ebook2cw") is not None


def keyed_by_ebook2cw(text: str, wpm: int, tone_hz: int, overall: int | None = None) -> Sound:
    """From the first sample of tone to the last. Its MP3 at 64 kbit/s is exact to 80 dB below the tone."""
    with tempfile.TemporaryDirectory() as folder:
        source, stem = Path(folder) / "text.txt", Path(folder) / "sound"
        source.write_text(text + "\n", encoding="ascii")
        options = {"-w": wpm, "-f": tone_hz, "-s": SAMPLE_RATE, "-q": 1, "-b": 64, "-c": "", "-o": stem}
        options |= {} if overall is None else {"-e": overall}
        words = [str(word) for option in options.items() for word in option]
        subprocess.run(["ebook2cw", "-p", *words, str(source)], check=True, capture_output=True)
        sound, sample_rate = soundfile.read(stem.with_suffix(".mp3"), dtype="float64")
    assert sample_rate == SAMPLE_RATE
    heard = np.flatnonzero(np.abs(sound) > 0.01 * np.abs(sound).max())
    return np.asarray(sound[heard[0] : heard[-1] + 1])


def sender_of(keyer: str, wpm: int, rng: np.random.Generator, overall: int | None = None) -> Sender:
    """A machine that sends by the rule book, or somebody at a straight key, as the corpus has them."""
    if keyer == "machine":
        stretch = 1.0 if overall is None else (50 * wpm / overall - 31) / 19  # of 50 units of PARIS 19 are long gaps
        return Sender("machine", wpm, units=(1.0, 3.0, 1.0, 3.0 * stretch, 7.0 * stretch), spreads=(0.0,) * 5)
    assert overall is None, "hands have gaps of their own"
    keying = Keying(wpm=(wpm, wpm), hands={keyer: 1.0}, gap_stretch=(1, 1), unsteadiness=UNSTEADINESS)
    return draw_sender(keying, rng)


def keyed_tone(lengths: NDArray[np.float64], tone_hz: int) -> Sound:
    """A tone for every other length in seconds, beginning with the first; it swells and fades as a raised cosine."""
    edges = np.round(np.concatenate([[0.0], np.cumsum(lengths)]) * SAMPLE_RATE).astype(int)
    key = np.zeros(edges[-1])
    for down, up in zip(edges[::2], edges[1::2], strict=True):
        key[down:up] = 1
    swell = np.hanning(round(RISE_SECONDS * SAMPLE_RATE) + 2)
    envelope = np.convolve(key, swell / swell.sum())
    return np.asarray(envelope * np.sin(2 * np.pi * tone_hz / SAMPLE_RATE * np.arange(len(envelope))))


_WORDS = """
ABOUT AGAIN ALWAYS ANTENNA AROUND BAND BEFORE BETTER BRIDGE CLEAR CLOUDY COAST COPY COUNTRY DIPOLE EARLY EVENING FATHER
FIELD FINE FOREST GARDEN GOOD HARBOUR HEARD HOUSE HUMID ISLAND JUNE JUST KITCHEN KNOW LAKE LATER LETTER LISTEN LONG
MARCH MINUTE MOUNTAIN MUSIC NAME NEAR NEVER NIGHT NORTH OCTOBER OLD OPERATOR PAPER PLEASE POWER QUESTION QUICK QUIET
RADIO RAIN REPORT RIVER SEVEN SIGNAL SNOW SOUTH SPRING STATION STORM SUMMER THANKS THE TOWN UNDER VALLEY VERTICAL VERY
WATCH WEATHER WEST WIND WINTER WIRE YELLOW YESTERDAY ZERO ZONE CQ DE QTH QRZ QSL RST 599 73 TNX UR WX PSE AGN
"""
WORDS = _WORDS.split()
LETTERS, DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"


def draw_text(rng: np.random.Generator) -> str:
    """26 to 43 symbols: words, call signs, and groups of five; letters, digits and single spaces."""
    shortest, longest = NUM_SYMBOLS
    while True:
        room, text = int(rng.integers(shortest, longest, endpoint=True)), _draw_token(rng)
        while len(text) <= room:
            last, text = text, f"{text} {_draw_token(rng)}"
        if shortest <= len(last):
            return last


def _draw_token(rng: np.random.Generator) -> str:
    kind = rng.random()
    if kind < 0.6:
        return str(rng.choice(WORDS))
    if kind < 0.8:
        return _pick(LETTERS, rng.integers(1, 3), rng) + _pick(DIGITS, 1, rng) + _pick(LETTERS, rng.integers(1, 4), rng)
    return _pick(LETTERS + DIGITS, 5, rng)


def _pick(symbols: str, count: int | np.integer, rng: np.random.Generator) -> str:
    return "".join(rng.choice(list(symbols), size=count))
