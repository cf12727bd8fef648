"""Edit counts and alignments, against a plain table and another library."""

from __future__ import annotations

import random
from collections.abc import Callable

import jiwer
import pytest

from project.metric import edit
from project.metric.edit import align, edit_counts


def pairs(symbols: str, count: int = 300) -> list[tuple[str, str]]:
    rng = random.Random(0)
    return [
        ("".join(rng.choices(symbols, k=rng.randint(1, 12))), "".join(rng.choices(symbols, k=rng.randint(0, 12))))
        for _ in range(count)
    ]


def distance(left: str, right: str) -> int:
    """Wagner and Fischer's table, row by row."""
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, start=1):
        above, row[0] = row[0], i
        for j, b in enumerate(right, start=1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (a != b))
    return row[-1]


def test_errors_are_the_fewest() -> None:
    for reference, hypothesis in pairs("ABC"):
        counts = edit_counts(reference=reference, hypothesis=hypothesis)
        assert counts.errors == distance(reference, hypothesis)
        assert len(hypothesis) == counts.length - counts.deletions + counts.insertions
        assert counts.length == len(reference)


def test_words_as_another_library_counts_them() -> None:
    for reference, hypothesis in pairs("ABCD"):
        other = jiwer.process_words(" ".join(reference), " ".join(hypothesis))
        mine = edit_counts(reference=list(reference), hypothesis=list(hypothesis))
        assert mine.errors == other.substitutions + other.deletions + other.insertions
        assert mine.deletions - mine.insertions == other.deletions - other.insertions


@pytest.mark.parametrize("function", [edit_counts, edit.distance, align])
def test_which_is_the_reference_must_be_said(function: Callable[..., object]) -> None:
    """Swapped in silence, the same errors would be divided by another length."""
    with pytest.raises(TypeError, match="positional"):
        function("PARIS", "PRISM")
    assert edit_counts(reference="A", hypothesis="ABC") == (0, 0, 2, 1)
    assert edit_counts(reference="ABC", hypothesis="A") == (0, 2, 0, 3)


def test_any_hashable_is_a_symbol() -> None:
    assert edit_counts(reference=(1, ("a", 2), None), hypothesis=(1, None)).deletions == 1


def test_an_alignment_tells_both_sides_and_the_counts() -> None:
    kinds = ("substitute", "delete", "insert")
    for reference, hypothesis in pairs("AB"):
        steps = align(reference=reference, hypothesis=hypothesis)
        assert "".join(str(left) for _, left, _ in steps if left is not None) == reference
        assert "".join(str(right) for _, _, right in steps if right is not None) == hypothesis
        assert all((left == right) == (kind == "equal") for kind, left, right in steps)
        counts = edit_counts(reference=reference, hypothesis=hypothesis)
        told = [sum(kind == wanted for kind, _, _ in steps) for wanted in kinds]
        assert told == [counts.substitutions, counts.deletions, counts.insertions]


def test_an_empty_hypothesis_is_all_deletions() -> None:
    assert edit_counts(reference="ABC", hypothesis="").deletions == 3
    assert edit_counts(reference="", hypothesis="AB").insertions == 2
    assert align(reference="", hypothesis="") == []
