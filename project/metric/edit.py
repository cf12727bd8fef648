"""How two sequences differ: the fewest substitutions, deletions and insertions that lead from one to the other.

Which is which must be said by name: swapped, the errors are as many, but their kinds and the length are others.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Literal, NamedTuple

from rapidfuzz.distance import Levenshtein

Operation = Literal["equal", "substitute", "delete", "insert"]


class EditCounts(NamedTuple):
    """What a hypothesis got wrong, and how long the reference is."""

    substitutions: int
    deletions: int
    insertions: int
    length: int  # of the reference

    @property
    def errors(self) -> int:
        """All of them together."""
        return self.substitutions + self.deletions + self.insertions


def edit_counts(*, reference: Sequence[Hashable], hypothesis: Sequence[Hashable]) -> EditCounts:
    """Errors by kind; their sum is the least possible, their kinds are those of one such alignment.

    >>> edit_counts(reference="PARIS", hypothesis="PRISM")
    EditCounts(substitutions=0, deletions=1, insertions=1, length=5)
    """
    length, surplus = len(reference), len(hypothesis) - len(reference)
    steps = Levenshtein.editops(reference, hypothesis)
    errors = len(steps)
    substitutions = errors - abs(surplus)  # with one left over at most it must be one; more may be pairs of the others
    if substitutions > 1:
        substitutions = [kind for kind, _, _ in steps.as_list()].count("replace")
    deletions = (errors - substitutions - surplus) // 2
    return EditCounts(substitutions, deletions, deletions + surplus, length)


def distance(*, reference: Sequence[Hashable], hypothesis: Sequence[Hashable]) -> int:
    """The fewest errors, whatever their kinds.

    >>> distance(reference="PARIS", hypothesis="PRISM")
    2
    """
    return Levenshtein.distance(reference, hypothesis)


def error_places(*, reference: Sequence[Hashable], hypothesis: Sequence[Hashable]) -> list[tuple[int, int]]:
    """Where each error lies in the reference: the symbol that is wrong or missing, as [start, end).

    What is put in lies between two symbols: its start is its end.

    >>> error_places(reference="PARIS", hypothesis="PRISM")
    [(1, 2), (5, 5)]
    """
    steps = Levenshtein.editops(reference, hypothesis)
    return [(step.src_pos, step.src_pos + (step.tag != "insert")) for step in steps]


def align(
    *, reference: Sequence[Hashable], hypothesis: Sequence[Hashable]
) -> list[tuple[Operation, Hashable | None, Hashable | None]]:
    """Operation, reference's and hypothesis's symbol, step by step; None where one side has nothing.

    >>> align(reference="AN", hypothesis="N")
    [('delete', 'A', None), ('equal', 'N', 'N')]
    """
    steps: list[tuple[Operation, Hashable | None, Hashable | None]] = []
    for step in Levenshtein.opcodes(reference, hypothesis):
        kind = step.tag
        source = reference[step.src_start : step.src_end]
        target = hypothesis[step.dest_start : step.dest_end]
        if kind == "equal":
            steps += [("equal", left, right) for left, right in zip(source, target, strict=True)]
        elif kind == "replace":
            steps += [("substitute", left, right) for left, right in zip(source, target, strict=True)]
        elif kind == "delete":
            steps += [("delete", left, None) for left in source]
        else:
            steps += [("insert", None, right) for right in target]
    return steps
