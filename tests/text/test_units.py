"""Units as a notation: what a line must say, and how it is written and learned."""

from __future__ import annotations

from typing import Any

import pytest

from project.contract import Example, InputError
from project.text.units import UnitNotation


def line(units: Any) -> Example:
    return Example("a", "a.wav", 1.0, labels={"units": units})


def test_references_are_written_and_read() -> None:
    notation = UnitNotation(12)
    reference = notation.reference(line([0, 11, 11, 3]))
    assert reference == "0 11 11 3"
    assert notation.targets(reference, line([]), 64000) == ({"units": [0, 11, 11, 3]}, {})
    assert notation.alphabet.encode(reference) == [1, 12, 12, 4], "0 is the blank"
    assert len(notation.alphabet) == 13
    assert notation.for_validation() is notation.lenient() is notation


@pytest.mark.parametrize("units", [None, "3 4", [], [1.5], [True], {"a": 1}])
def test_a_line_without_units_is_told(units: Any) -> None:
    with pytest.raises(InputError, match=r"labels.units.*scansion prepare cluster"):
        UnitNotation(12).reference(line(units))
    with pytest.raises(InputError, match=r"labels.units"):
        UnitNotation(12).reference(Example("a", "a.wav", 1.0))


def test_units_outside_are_told() -> None:
    with pytest.raises(InputError, match="has 12, outside of 0 to 11"):
        UnitNotation(12).reference(line([1, 12]))
    with pytest.raises(InputError, match="has -1, outside"):
        UnitNotation(12).reference(line([1, -1]))
    with pytest.raises(InputError, match=r"text\.units=1"):
        UnitNotation(1)
