from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from project.evaluation.comparison import compare
from project.evaluation.example import alignment_html, counts_words, pieces, shortfall, table_data, worst
from project.evaluation.result import Report

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
    costs = sorted((shortfall(report, row) for row in report.rows), reverse=True)
    assert [shortfall(report, row) for row in found] == costs[:5]
    assert worst(make("perfect", rate=1e-9)) == []


def test_units_are_recognized(make: Make) -> None:
    report = make("a", num_examples=20)
    assert not counts_words(report)
    words = {name: report.metrics[name] for name in ("wer", "cer")}
    assert counts_words(replace(report, metrics=words, intervals={}, measures={}))


def test_table_data(make: Make) -> None:
    base, other = make("a", num_examples=30), make("</script>", 0.1, num_examples=30)
    text = table_data(compare([base, other], base), [1, 0])
    assert "<" not in text
    runs = json.loads(text)
    assert [run["label"] for run in runs] == ["</script>", "a"]
    costs = {row[0]: row[5] for row in runs[1]["rows"]}
    assert all(row[6] == row[5] - costs[row[0]] for row in runs[0]["rows"])
    assert [row[5] for row in runs[0]["rows"]] == sorted((row[5] for row in runs[0]["rows"]), reverse=True)
    assert not runs[1]["changes"]
