"""Somebody answers: in one recording another operator comes after the first, as in conversations.

Hand, pitch and level are their own, the speed is near that of the first. It does not know how the two are rendered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from project.contract import InputError
from project.corpus.keyer.channel import Channel, faintest_snr
from project.corpus.keyer.fist import FASTEST, Keying, draw_sender
from project.corpus.keyer.station import Transmission, lasting, plan
from project.corpus.keyer.texts import Texts, draw_text_of
from project.corpus.ranges import between, between_log, check_range
from project.corpus.splits import split_of

_SHARE = (0.3, 0.65)  # of a recording that the first operator has
_FASTER = (0.55, 1.8)  # operators keep about each other's speed
_FEWEST_UNITS = 20.0  # two letters, about
_TRIES = 20  # to find one for training
_LEAST_PAUSE_UNITS = 5.0  # of the slower of both


@dataclass(frozen=True, slots=True)
class Answers:
    """How often somebody answers, and how different they sound."""

    part: float = 0.2  # of the recordings that are long enough
    shortest_seconds: float = 5.0  # of a recording that is
    pause_seconds: Sequence[float] = (0.25, 2.5)  # between the two
    apart_hz: float = 50.0  # pitches: half of those who answer are farther off than 0.7 times that, either way
    level_db: Sequence[float] = (-8, 6)  # against the first

    def __post_init__(self) -> None:
        if not 0 <= self.part <= 1:
            raise InputError(f"corpus: answers.part is {self.part}: give a part from 0 to 1")
        if self.apart_hz < 0:
            raise InputError(f"corpus: answers.apart_hz is {self.apart_hz}: give 0 or more")
        check_range("answers.pause_seconds", self.pause_seconds, 0.05)
        check_range("answers.level_db", self.level_db, -60)


def first_share(seconds: float, answers: Answers, rng: np.random.Generator) -> float:
    """How much of a recording the first operator has: all of it, if nobody answers."""
    if seconds < answers.shortest_seconds or rng.random() >= answers.part:
        return 1.0
    return between(_SHARE, rng)


def answer_to(
    sending: Transmission,
    answers: Answers,
    texts: Texts,
    keying: Keying,
    channel: Channel,
    sample_rate: int,
    rng: np.random.Generator,
) -> Transmission | None:
    """What somebody sends in the rest of a recording; None, if there is no time for two letters.

    Its text, alone and after the first one's, is none of dev's or test's.
    """
    keying = replace(keying, wpm=_near(sending.sender.wpm, keying.wpm))
    sender = draw_sender(keying, rng)
    least = _LEAST_PAUSE_UNITS * max(sender.rule_seconds, sending.sender.rule_seconds)
    pause = max(between_log(answers.pause_seconds, rng), least)
    begin = int(sending.edges[-1]) + round(pause * sample_rate)
    seconds = (sending.num_samples - begin) / sample_rate - between(channel.silence_seconds, rng)
    units = seconds / sender.rule_seconds
    lowest, highest = channel.tone_hz
    tone_hz = min(highest, max(lowest, sending.tone_hz + float(rng.laplace(0, answers.apart_hz))))
    snr_db = sending.snr_db + between(answers.level_db, rng)
    snr_db = max(snr_db, min(sending.snr_db, faintest_snr(channel, sender.unit_seconds)))
    for _ in range(_TRIES if units >= _FEWEST_UNITS else 0):
        planned = plan(draw_text_of(units, texts, rng), sender, channel, sample_rate, rng)
        edges = planned.edges - planned.edges[0] + begin
        answer = replace(planned, edges=edges, tone_hz=tone_hz, snr_db=snr_db)
        answer = lasting(answer, sending.num_samples)
        splits = {split_of(text) for text in (answer.text, f"{sending.text} {answer.text}")}
        if answer.num_samples == sending.num_samples and splits == {"train"}:
            return answer
    return None


def _near(wpm: float, limits: Sequence[float]) -> tuple[float, float]:
    """Speeds at which somebody answers: about as fast, and not faster than every hand can."""
    low, high = limits
    slowest, fastest = (wpm * ratio for ratio in _FASTER)
    slowest = min(slowest, *FASTEST.values())
    return min(high, max(low, slowest)), max(low, min(high, fastest))
