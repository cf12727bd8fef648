"""A station on the air: a text in somebody's hand over some channel, first as a plan, then as sound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from project.corpus.keyer import channel as radio
from project.corpus.keyer.channel import Channel, Sound
from project.corpus.keyer.fist import Keying, Sender, draw_sender, send
from project.corpus.ranges import between, between_log
from project.text.morse import CODE, symbols_of

_LOUDEST = (0.05, 0.7)  # the loudest sample of a recording
_FEWEST_HZ_APART = 60.0  # of two stations
_BABBLE = "CQ TEST DE QRL 5NN 73 TU K R AGN NR UP QSY"  # what neighbours send: nobody asks what it was


@dataclass(frozen=True, slots=True)
class Transmission:
    """One text as it will be sent: all that decides its sound but the noise itself."""

    text: str
    sender: Sender
    edges: NDArray[np.int64]  # samples at which the key goes down, up, down, ... up
    num_samples: int
    tone_hz: float
    snr_db: float


def plan(
    text: str, sender: Sender, channel: Channel, sample_rate: int, rng: np.random.Generator, ease: float = 0.0
) -> Transmission:
    """The moment of each keystroke, the pitch and the noise level of a text. `ease` (0 to 1) spares the worst noise."""
    tone_hz = between(channel.tone_hz, rng)
    snr_db = radio.draw_snr(channel, sender.unit_seconds, ease, rng)
    lead, tail = between(channel.silence_seconds, rng), between(channel.silence_seconds, rng)
    seconds = lead + np.concatenate([[0.0], np.cumsum(send(text, sender, rng))])
    edges = np.round(seconds * sample_rate).astype(np.int64)
    num_samples = int(edges[-1] + np.ceil(tail * sample_rate)) + 1
    return Transmission(text, sender, edges, num_samples, tone_hz, snr_db)


def places(sending: Transmission) -> NDArray[np.int64]:
    """(L,) The sample at which each symbol is sent: where its last mark ends, or the middle of a gap between words."""
    symbols = symbols_of(sending.text)
    marks = np.cumsum([0 if symbol == " " else len(CODE[symbol]) for symbol in symbols])
    ends = sending.edges[2 * marks - 1]
    spaces = np.array([symbol == " " for symbol in symbols])
    ends[spaces] = (ends[spaces] + sending.edges[2 * marks[spaces]]) // 2
    return np.asarray(ends)


def lasting(sending: Transmission, num_samples: int) -> Transmission:
    """The same with silence after it, or without the symbols for which there is no time; one symbol always stays."""
    symbols, ends = symbols_of(sending.text), places(sending)
    kept = max(1, int(np.searchsorted(ends, num_samples, side="left")))
    while symbols[kept - 1] == " ":
        kept -= 1
    marks = sum(len(CODE[symbol]) for symbol in symbols[:kept] if symbol != " ")
    text, edges = "".join(symbols[:kept]), sending.edges[: 2 * marks]
    return replace(sending, text=text, edges=edges, num_samples=max(num_samples, int(edges[-1]) + 1))


def render(
    sending: Transmission,
    keying: Keying,
    channel: Channel,
    sample_rate: int,
    rng: np.random.Generator,
    answer: Transmission | None = None,
) -> Sound:
    """(num_samples,) float32 sound of a transmission, its loudest sample drawn between 0.05 and 0.7.

    `answer`: another one in the same noise, where nobody else sends; its SNR says how loud it is.
    """
    count, tone_hz = sending.num_samples, sending.tone_hz
    happens = {name: rng.random() < getattr(channel, name) for name in radio.EFFECTS}
    rise_ms = 0.0 if happens["clicks"] else between(keying.rise_ms, rng)
    sound = _tone(sending, rise_ms, sample_rate, happens, rng)
    deviation = radio.noise_deviation(sending.snr_db, sample_rate)
    middle_hz, apart_hz = tone_hz, 0.0
    if answer is not None:
        sound += _answering(answer, sending.snr_db, happens, keying, channel, sample_rate, rng)
        middle_hz, apart_hz = (tone_hz + answer.tone_hz) / 2, abs(tone_hz - answer.tone_hz)
    elif happens["neighbours"]:
        for _ in range(int(rng.choice([1, 2, 3, 4], p=[0.5, 0.3, 0.1, 0.1]))):
            sound += _neighbour(sending, keying, channel, sample_rate, rng)
    if happens["pink"]:
        sound += deviation * radio.pink_noise(count, sample_rate, rng)
    else:
        sound += deviation * rng.standard_normal(count, dtype=np.float32)
    if happens["crashes"]:
        sound += radio.crashes(count, sample_rate, max(deviation, 0.1), rng)
    if happens["narrow"]:
        sound = radio.narrowed(sound, sample_rate, middle_hz, rng, 150 + 3 * apart_hz)
    if happens["levelled"]:
        sound = radio.levelled(sound, sample_rate, rng)
    sound *= between(_LOUDEST, rng) / max(float(np.abs(sound).max()), 1e-9)
    return sound


def _tone(
    sending: Transmission, rise_ms: float, sample_rate: int, happens: Mapping[str, bool], rng: np.random.Generator
) -> Sound:
    """The station alone, mean power with the key down 1/2."""
    count = sending.num_samples
    rise = max(1, round(rise_ms / 1000 * sample_rate))
    envelope = radio.keyed_envelope(sending.edges, count, rise)
    turns = radio.tone_turns(sending.edges, count, sending.tone_hz, sample_rate, happens["drift"], rng)
    if happens["restarts"]:
        turns = radio.restarted(turns, sending.edges)
    phase = (2 * np.pi * (turns - np.floor(turns))).astype(np.float32)
    if not happens["fading"]:
        return np.asarray(envelope * np.sin(phase), dtype=np.float32)
    path = radio.slow_curve(count, sample_rate, between_log((0.05, 2), rng), rng)
    steady = rng.choice([0.0, 1.0, 2.0]) if rng.random() < 0.5 else 0.0  # amplitude of a path that does not fade
    faded = (path[0] + np.float32(steady)) * np.sin(phase) + path[1] * np.cos(phase)
    return np.asarray(envelope * faded / np.float32(np.sqrt(1 + steady**2)), dtype=np.float32)


def _answering(
    answer: Transmission,
    snr_db: float,
    happens: Mapping[str, bool],
    keying: Keying,
    channel: Channel,
    sample_rate: int,
    rng: np.random.Generator,
) -> Sound:
    """Another station that fades by itself; its SNR beside `snr_db` says how loud it is."""
    rise_ms = 0.0 if happens["clicks"] else between(keying.rise_ms, rng)
    own = {name: rng.random() < getattr(channel, name) for name in ("fading", "restarts")}
    level = np.float32(10 ** ((answer.snr_db - snr_db) / 20))
    return level * _tone(answer, rise_ms, sample_rate, {**happens, **own}, rng)


def _neighbour(
    sending: Transmission, keying: Keying, channel: Channel, sample_rate: int, rng: np.random.Generator
) -> Sound:
    """Another station beside this one, mostly weaker, that sends on and on."""
    sender = draw_sender(replace(keying, gap_stretch=(1, 1)), rng)
    away = max(_FEWEST_HZ_APART, 1.5 / sender.unit_seconds, 1.5 / sending.sender.unit_seconds)
    offset = rng.choice([-1.0, 1.0]) * (away + rng.exponential(120))
    words = _BABBLE.split()
    seconds = np.concatenate([[0.0], np.cumsum(send(" ".join(rng.choice(words, 40)), sender, rng))]) - rng.random()
    edges = np.round(seconds * sample_rate).astype(np.int64)
    whole = len(edges) // 2 * 2
    rise = max(1, round(between(keying.rise_ms, rng) / 1000 * sample_rate))
    inside = (edges[1:whole:2] + rise < sending.num_samples) & (edges[0:whole:2] >= 0)
    edges = edges[:whole].reshape(-1, 2)[inside].reshape(-1)
    tone_hz = abs(sending.tone_hz + offset)
    if not len(edges) or tone_hz < 100:
        return np.zeros(sending.num_samples, dtype=np.float32)
    beside = replace(sending, sender=sender, edges=edges, tone_hz=min(tone_hz, 0.45 * sample_rate))
    level = 10 ** (rng.uniform(-25, -3) / 20)
    happens = {"drift": False, "fading": rng.random() < channel.fading, "restarts": False}
    return np.float32(level) * _tone(beside, 5.0, sample_rate, happens, rng)
