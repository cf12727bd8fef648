"""Writes a symbol that stands twice in a row once, in the answers of another decoder: for signs made with a repetition.

CTC writes a symbol twice where a blank lies between; a sign that pauses or repeats a movement looks like that too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from project.contract import Hypothesis, Output
from project.part import Decoder
from project.text.alphabet import Alphabet


class Collapse:
    """The decoder's answers with equal neighbours as one symbol, from where the first begins to where the last ends.

    Its confidence is the mean over the frames that each of them held; a score stays that of the text as it was found.
    Alternatives that have become what a better answer says are left out. It does not know which repeats are meant: a
    reference with two equal symbols in a row cannot be got right, so it belongs where nothing is said twice.
    """

    settings: Mapping[str, Any]

    def __init__(self, decoder: Decoder, alphabet: Alphabet) -> None:
        self._decoder = decoder
        self._alphabet = alphabet
        self.settings = {**decoder.settings, "collapse": True}

    def __call__(self, output: Output) -> list[Hypothesis]:
        return [self._whole(hypothesis) for hypothesis in self._decoder(output)]

    def _whole(self, hypothesis: Hypothesis) -> Hypothesis:
        """An answer and its alternatives, each text once."""
        answers: dict[tuple[int, ...], Hypothesis] = {}
        for one in (hypothesis, *hypothesis.alternatives):
            shorter = self._collapsed(one)
            answers.setdefault(shorter.tokens, shorter)
        best, *rest = answers.values()
        return replace(best, alternatives=tuple(rest))

    def _collapsed(self, found: Hypothesis) -> Hypothesis:
        parts = [list(places) for _, places in groupby(range(len(found.tokens)), key=found.tokens.__getitem__)]
        tokens = tuple(found.tokens[part[0]] for part in parts)
        spans = tuple((found.spans[part[0]][0], found.spans[part[-1]][1]) for part in parts) if found.spans else ()
        sizes = [end - start for start, end in found.spans] or [1] * len(found.tokens)
        means = (_mean(found.confidences, sizes, part) for part in parts) if found.confidences else ()
        return Hypothesis(tokens, self._alphabet.decode(tokens), found.score, spans, tuple(means))


def _mean(values: Sequence[float], sizes: Sequence[int], places: Sequence[int]) -> float:
    """The mean of some values, each weighing as much as its size.

    >>> _mean([0.9, 1.0, 0.5], [10, 1, 3], [1, 2])
    0.625
    """
    return sum(values[at] * sizes[at] for at in places) / sum(sizes[at] for at in places)
