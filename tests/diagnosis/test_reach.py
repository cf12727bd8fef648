"""References out of reach are told, with how many they are."""

from __future__ import annotations

from project.diagnosis.evidence import Evidence
from project.diagnosis.reach import ALL, OUT_OF_REACH, Unreachable


def seen(unreachable: float, references: float) -> Evidence:
    return Evidence({OUT_OF_REACH: [(1, 0.0), (2, unreachable)], ALL: [(1, references), (2, references)]})


def test_it_tells_references_that_cannot_be_written() -> None:
    (finding,) = Unreachable()(seen(21, 100))
    assert "21.0%" in finding.text
    assert finding.figures == {"unreachable": 0.21}


def test_it_is_silent_where_all_can_be_written_or_nothing_is_known() -> None:
    assert not [*Unreachable()(seen(0, 100))]
    assert not [*Unreachable()(Evidence({}))]
    assert not [*Unreachable(most=0.3)(seen(21, 100))]
