"""Metrics of a window's one answer, its surest span: how far off its start or end is, and whether its kind is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import numpy as np

from project.contract import Hypothesis, InputError
from project.metric.association import Array, Weighed, divide
from project.metric.span_reading import surest, wanted_in_all
from project.text.alphabet import Alphabet
from project.text.span_notation import read_spans

Side = Literal["start", "end"]


class BoundaryError:
    """How many frames the start (or end) of the surest span is off, on average over windows where both sides have one.

    Of several wanted spans it is the one nearest by start and end together. Windows in which a span is wanted and none
    is said have no error: `<name>_uncounted` is their part, to be read beside it. Where none counts at all, as early in
    training, there is no figure but that part.
    """

    def __init__(self, name: str, side: Side) -> None:
        if side not in get_args(Side):
            raise InputError(f"metric.{name}.side: {side!r} is not known: give start or end")
        self.name = name
        self.better: Literal["lower", "higher"] = "lower"
        self._side = get_args(Side).index(side)
        self._columns = tuple(f"{name}_{part}" for part in ("frames", "counted", "missed"))
        frames, counted, missed = self._columns
        self.ratios: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {
            name: ((frames,), (counted,)),
            f"{name}_uncounted": ((missed,), (counted, missed)),
        }
        self.units = {name: "frames"}  # not a part of anything

    def score(self, reference: str, hypothesis: Hypothesis) -> Mapping[str, float]:
        """Frames off, and whether the window counts, or a span is missed in it."""
        wanted, place = [(mark.start, mark.end) for mark in read_spans(reference)], surest(self.name, hypothesis)
        if not wanted or place is None:
            return dict(zip(self._columns, (0.0, 0.0, float(bool(wanted))), strict=True))
        said = hypothesis.spans[place]
        nearest = min(wanted, key=lambda span: abs(span[0] - said[0]) + abs(span[1] - said[1]))
        return dict(zip(self._columns, (float(abs(nearest[self._side] - said[self._side])), 1.0, 0.0), strict=True))

    def summarize(self, columns: Mapping[str, Sequence[float]]) -> Mapping[str, float]:
        """The mean error in frames, and the part of windows without one."""
        frames, counted, missed = (sum(columns[name]) for name in self._columns)
        wanted_in_all(self.name, [counted, missed])
        error = {self.name: frames / counted} if counted else {}
        return {**error, f"{self.name}_uncounted": missed / (counted + missed)}


class KindAccuracy:
    """The part of windows with one wanted span whose surest span is of the right kind, wherever it lies.

    None said is wrong. Beside it stands what always naming the commonest kind among these windows would give.
    """

    def __init__(self, name: str, alphabet: Alphabet) -> None:
        self.name = name
        self.better: Literal["lower", "higher"] = "higher"
        self._alphabet = alphabet
        self._right = f"{name}_right"
        self._kinds = {kind: f"{name}_of_{kind}" for kind in alphabet.symbols}
        self.ratios: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {
            name: ((self._right,), tuple(self._kinds.values()))
        }

    def score(self, reference: str, hypothesis: Hypothesis) -> Mapping[str, float]:
        """Which kind is wanted, if it is one, and whether it was said."""
        found = dict.fromkeys([self._right, *self._kinds.values()], 0.0)
        wanted = read_spans(reference)
        if len(wanted) != 1:
            return found
        kind = wanted[0].kind
        if kind not in self._kinds:
            raise InputError(f"metric.{self.name}: kind {kind!r} is not one of the alphabet: add it to text.kinds")
        found[self._kinds[kind]] = 1.0
        place = surest(self.name, hypothesis)
        if place is not None:
            found[self._right] = float(self._alphabet.symbols[hypothesis.tokens[place] - 1] == kind)
        return found

    def summarize(self, columns: Mapping[str, Sequence[float]]) -> Mapping[str, float]:
        """The part that is right, and the commonest kind's."""
        sizes = [sum(columns[name]) for name in self._kinds.values()]
        if not any(sizes):
            raise InputError(f"metric.{self.name}: no window has just one wanted span: evaluate some that have")
        total = sum(sizes)
        return {self.name: sum(columns[self._right]) / total, f"{self.name}_majority": max(sizes) / total}

    def weigh(self, columns: Mapping[str, Array]) -> Mapping[str, Weighed]:
        """The commonest kind's part in many resamples at once."""
        kinds_KN = np.stack([columns[name] for name in self._kinds.values()])

        def majority(counts_NR: Array) -> Array:
            sizes_KR = kinds_KN @ counts_NR
            return divide(sizes_KR.max(axis=0), sizes_KR.sum(axis=0))

        return {f"{self.name}_majority": majority}
