from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from project.evaluation.example import alignment_html, cost, counts_words, pieces, symbols_of, worst
from project.evaluation.result import Report
from project.evaluation.span_report import distance, overlap

Make = Callable[..., Report]


@pytest.mark.parametrize("by_word", [False, True])
def test_pieces_put_both_texts_together_again(by_word: bool) -> None:
    rng, joint = random.Random(0), " " if by_word else ""
    for _ in range(100):
        left, right = ("".join(rng.choice("ab c") for _ in range(rng.randint(0, 12))) for _ in range(2))
        if by_word:
            left, right = (" ".join(text.split()) for text in (left, right))
        found = list(pieces(left, right, by_word))
        assert joint.join(piece.reference for piece in found if piece.reference) == left
        assert joint.join(piece.hypothesis for piece in found if piece.hypothesis) == right
        for piece in found:
            assert (piece.reference == piece.hypothesis) == (piece.operation == "equal")
            assert (piece.operation == "insert") == (not piece.reference)
            assert (piece.operation == "delete") == (not piece.hypothesis)


def test_alignment_is_escaped() -> None:
    found = alignment_html('<b "x">', "<script>alert(1)</script>", by_word=False)
    for text in ("<script", "<b ", '"x"'):
        assert text not in found
    assert "nothing for A" in alignment_html("A", "", by_word=False)


def test_worst_first(make: Make) -> None:
    report = make("a", rate=0.2)
    found = worst(report, 5)
    assert len(found) == 5
    costs = sorted((cost(report, row) for row in report.rows), reverse=True)
    assert [cost(report, row) for row in found] == costs[:5]
    assert worst(make("perfect", rate=1e-9)) == []


def test_spans_that_overlap_least_come_first(make_spans: Make) -> None:
    report = make_spans("a", skill=3.0)
    found = worst(report, 8)
    best = min(overlap(row) for row in report.rows if row not in found)
    assert [overlap(row) for row in found] == sorted(overlap(row) for row in found)
    assert overlap(found[-1]) <= best
    equal = [row for row in worst(report, 40) if overlap(row) == 0]
    assert [distance(row) for row in equal] == sorted((distance(row) for row in equal), reverse=True)
    perfect = tuple(replace(row, hypothesis=row.reference) for row in report.rows)
    assert worst(replace(report, rows=perfect)) == []


def test_units_are_recognized(make: Make) -> None:
    report = make("a", num_examples=20)
    assert not counts_words(report)
    words = {name: report.metrics[name] for name in ("wer", "cer")}
    assert counts_words(replace(report, metrics=words, intervals={}, measures={}))


def test_symbols_are_those_that_the_figure_counts(make: Make) -> None:
    report = make("a", num_examples=20)
    split = symbols_of(report)
    assert split is not None
    assert list(split("K1 A")) == ["K", "1", " ", "A"]
    words = symbols_of(replace(report, metrics={"wer": report.metrics["wer"]}, intervals={}, measures={}))
    assert words is not None
    assert list(words("K1 A")) == ["K1", "A"]
    rows = tuple(replace(row, reference=f"{row.reference}  X") for row in report.rows)  # counted in some other way
    assert symbols_of(replace(report, rows=rows)) is None
