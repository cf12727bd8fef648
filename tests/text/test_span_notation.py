"""Spans as text and as what is learned: one reading, and every flaw of a label named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from project.contract import Example, InputError
from project.text.span_notation import SpanMark, SpanNotation, read_spans, write_spans

NOTATION = SpanNotation(["consolidation", "retracement"])
SPAN = {"kind": "retracement", "start": 40, "end": 47}


def window(spans: Any) -> Example:
    return Example("a", "a.npy#0:105", 105, labels=None if spans is None else {"spans": spans})


def test_text_and_back() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        edges = sorted(rng.choice(105, size=6, replace=False).tolist())
        marks = [SpanMark("retracement", start, end) for start, end in zip(edges[::2], edges[1::2], strict=True)]
        assert read_spans(write_spans(marks)) == marks
    assert read_spans(write_spans([])) == []


def test_what_is_learned_says_what_the_reference_says() -> None:
    example = window([{"kind": "consolidation", "start": 60, "end": 66}, SPAN])
    reference = NOTATION.reference(example)
    assert reference == "retracement 40-47, consolidation 60-66"
    whole, placed = NOTATION.targets(reference, example, 105)
    assert whole == {"kinds": [2, 1], "starts": [40, 60], "ends": [47, 66]}
    assert np.flatnonzero(placed["inside"]).tolist() == [*range(40, 47), *range(60, 66)]
    assert NOTATION.targets("", window([]), 105)[0] == {"kinds": [], "starts": [], "ends": []}


@pytest.mark.parametrize(
    ("spans", "what"),
    [
        (None, "no `labels.spans`"),
        ("retracement", "no `labels.spans`"),
        ([{"kind": "retracement", "start": 40}], "is no span"),
        ([SPAN | {"kind": "expansion"}], "'expansion' is not known: choose from consolidation, retracement"),
        ([SPAN | {"end": 40}], "does not lie in the 105 frames"),
        ([SPAN | {"end": 106}], "does not lie in the 105 frames"),
        ([SPAN | {"start": -1}], "does not lie in the 105 frames"),
        ([SPAN, SPAN | {"start": 46, "end": 50}], "overlap: keep one of them"),
    ],
)
def test_flaws_of_labels_are_named(spans: Any, what: str) -> None:
    with pytest.raises(InputError, match=what):
        NOTATION.reference(window(spans))


def test_what_is_no_span_is_not_read_as_one() -> None:
    for text in ("retracement", "retracement 40", "retracement 40-47; consolidation 60-66", "a 1-x"):
        with pytest.raises(InputError, match="is no span"):
            read_spans(text)
    with pytest.raises(InputError, match="without spaces"):
        SpanNotation(["two words"])
