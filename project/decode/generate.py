"""Lets a model write text: greedy or with several beams, up to a number of tokens that the length of the sound allows.

It is the one way in which text is generated, in validation, evaluation and transcription; its settings stand in the
Protocol. It does not know which model writes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, final

from project.contract import Hypothesis, InputError, TokenOutput
from project.part import Written
from project.text.vocabulary import Vocabulary


@final
class Generate:
    """`beams` 1 is greedy. An example may have `tokens_per_second` of sound, and `extra_tokens`; longer is cut.

    `no_repeat` forbids that a sequence of so many tokens comes twice: people do say things twice, and references that
    do can then not be reached. 0, the default, forbids nothing.
    """

    settings: Mapping[str, Any]

    def __init__(
        self,
        alphabet: Vocabulary,
        beams: int = 1,
        tokens_per_second: float = 6.5,
        extra_tokens: int = 2,
        no_repeat: int = 0,
        length_penalty: float = 1.0,
    ) -> None:
        if not isinstance(alphabet, Vocabulary):
            raise InputError("decode=generate writes tokens of a tokenizer: set text=subwords")
        least = {"beams": 1, "extra_tokens": 0, "no_repeat": 0, "tokens_per_second": 0}
        given = {"beams": beams, "extra_tokens": extra_tokens, "no_repeat": no_repeat}
        for name, value in {**given, "tokens_per_second": tokens_per_second}.items():
            if value < least[name]:
                raise InputError(f"decode.{name}={value}: give {least[name]} or more")
        self._alphabet = alphabet
        self._beams, self._no_repeat, self._length_penalty = beams, no_repeat, length_penalty
        self._rate, self._extra = tokens_per_second, extra_tokens
        self.settings = {
            "decode": "generate@1", "beams": beams, "tokens_per_second": tokens_per_second,
            "extra_tokens": extra_tokens, "no_repeat": no_repeat,
            "length_penalty": length_penalty if beams > 1 else None,
        }  # fmt: skip

    def __call__(self, output: TokenOutput) -> list[Hypothesis]:
        limits_B = output.seconds_B.new_tensor([self.limit(one) for one in output.seconds_B.tolist()]).long()
        written = output.writer.write(limits_B, self._beams, self._no_repeat, self._length_penalty)
        return [self._hypothesis(one) for one in written]

    def limit(self, seconds: float) -> int:
        """The most tokens of so much sound, the end not among them; one at least."""
        return max(1, math.floor(round(seconds * self._rate, 6)) + self._extra)

    def reaches(self, tokens: Sequence[int], seconds: float) -> bool:
        """Whether these tokens could be written at all under these settings."""
        return len(tokens) <= self.limit(seconds) and not repeats(tokens, self._no_repeat)

    def _hypothesis(self, one: Written) -> Hypothesis:
        sure = tuple(math.exp(min(0.0, value)) for value in one.log_probs[: len(one.tokens)])
        return Hypothesis(one.tokens, self._alphabet.decode(one.tokens), math.fsum(one.log_probs), (), sure)


def repeats(tokens: Sequence[int], size: int) -> bool:
    """Whether some sequence of `size` tokens comes twice; of 0 none does.

    >>> repeats([1, 2, 3, 1, 2], 2), repeats([1, 2, 3, 1], 2), repeats([1, 1], 0)
    (True, False, False)
    """
    found = [tuple(tokens[place : place + size]) for place in range(len(tokens) - size + 1)] if size else []
    return len(set(found)) < len(found)
