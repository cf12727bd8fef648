"""Morse made while training: new texts, hands and noise for each example of each epoch, and nothing on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from project.contract import Example, InputError
from project.corpus.keyer.answer import Answers, answer_to, first_share
from project.corpus.keyer.channel import Channel, check_made
from project.corpus.keyer.fist import Keying, Sender, draw_sender
from project.corpus.keyer.station import Transmission, lasting, places, plan, render
from project.corpus.keyer.texts import Texts, draw_text_of
from project.corpus.ranges import check_range

_FEWEST_UNITS = 4  # an E with the gap after it
_EXAMPLES, _LENGTHS = 101, 102  # streams of random numbers that no split of the written corpus has


@dataclass(frozen=True, slots=True)
class Portions:
    """How much is made, and how hard it is at first."""

    num_examples: int = 4000  # of an epoch
    seconds: Sequence[float] = (2.5, 12)  # of an example, drawn evenly
    easy_epochs: int = 2  # over the first so many the worst noise comes in step by step

    def __post_init__(self) -> None:
        check_range("portions.seconds", self.seconds, 1)
        if self.num_examples < 1:
            raise InputError(f"corpus: portions.num_examples is {self.num_examples}: give at least 1")
        if self.easy_epochs < 0:
            raise InputError(f"corpus: portions.easy_epochs is {self.easy_epochs}: give 0 or more")


class MorseFresh:
    """The Morse corpus as a source of examples: each a function of (seed, epoch, number), none stored.

    Its texts are those that the written corpus has in its training manifest, never those of dev and test.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        sample_rate: int = 4000,
        portions: Portions | None = None,
        texts: Texts | None = None,
        keying: Keying | None = None,
        channel: Channel | None = None,
        answers: Answers | None = None,
    ) -> None:
        check_made(seed, sample_rate, channel or Channel())
        self.sample_rate = sample_rate
        self._seed = seed
        self._portions = portions or Portions()
        self._texts = texts or Texts()
        self._keying = keying or Keying()
        self._channel = channel or Channel()
        self._answers = answers or Answers()
        rng = np.random.default_rng([seed, _LENGTHS])
        low, high = self._portions.seconds
        seconds = rng.uniform(low, high, self._portions.num_examples)
        self.lengths: NDArray[np.float32] = np.round(seconds * sample_rate).astype(np.float32) / np.float32(sample_rate)
        self.settings: Mapping[str, Any] = {
            "corpus": "morse_fresh@2",
            "seed": seed,
            "sample_rate": sample_rate,
            "portions": asdict(self._portions),
            "texts": asdict(self._texts),
            "keying": asdict(self._keying),
            "channel": asdict(self._channel),
            "answers": asdict(self._answers),
        }
        self.hash = hashlib.blake2b(json.dumps(self.settings, sort_keys=True).encode(), digest_size=16).hexdigest()

    def draw(self, index: int, epoch: int) -> tuple[Example, NDArray[np.float32]]:
        """An example and its sound. One that its text does not fill ends in silence."""
        rng = np.random.default_rng([self._seed, _EXAMPLES, epoch, index])
        sender, seconds, answer = draw_sender(self._keying, rng), float(self.lengths[index]), None
        share = first_share(seconds, self._answers, rng)
        if share < 1:
            sending = self._sending(sender, share * seconds, epoch, rng)
            sending = replace(sending, num_samples=round(seconds * self.sample_rate))
            settings = self._answers, self._texts, self._keying, self._channel
            answer = answer_to(sending, *settings, self.sample_rate, rng)
        if answer is None:
            sending = self._sending(sender, seconds, epoch, rng)
        sound = render(sending, self._keying, self._channel, self.sample_rate, rng, answer)
        name = f"{epoch}-{index:06d}"
        text, labels = self._told(sending, answer)
        return Example(name, f"fresh:{name}", len(sound) / self.sample_rate, text, labels=labels), sound

    def _sending(self, sender: Sender, seconds: float, epoch: int, rng: np.random.Generator) -> Transmission:
        """What somebody sends in so many seconds."""
        budget = (seconds - 2 * float(np.mean(self._channel.silence_seconds))) / sender.rule_seconds
        text = draw_text_of(max(_FEWEST_UNITS, budget), self._texts, rng)
        sending = plan(text, sender, self._channel, self.sample_rate, rng, self._ease(epoch))
        return lasting(sending, round(seconds * self.sample_rate))

    def _told(self, sending: Transmission, answer: Transmission | None) -> tuple[str, dict[str, Any]]:
        """The text, where its symbols are, and from when on how long a dit lasts, in seconds."""
        first, pace = places(sending) / self.sample_rate, sending.sender.dit_seconds
        if answer is None:
            return sending.text, {"places": first.tolist(), "pace": pace}
        pause = float(sending.edges[-1] + answer.edges[0]) / 2 / self.sample_rate
        both = [*first.tolist(), pause, *(places(answer) / self.sample_rate).tolist()]
        paces = [[0.0, pace], [pause, answer.sender.dit_seconds]]
        return f"{sending.text} {answer.text}", {"places": both, "pace": paces}

    def _ease(self, epoch: int) -> float:
        """1 in the first epoch, 0 from `easy_epochs` on."""
        return max(0.0, 1 - epoch / self._portions.easy_epochs) if self._portions.easy_epochs else 0.0
