"""Unit accuracy: of the frames that a hypothesis speaks of, by hand."""

from __future__ import annotations

import pytest

from project.contract import Hypothesis, InputError
from project.metric.units import UnitAccuracy
from project.text.units import UnitNotation


def test_frames_asked_for_are_compared_with_the_reference_in_their_places() -> None:
    metric = UnitAccuracy("unit_accuracy", UnitNotation(20).alphabet)
    said = Hypothesis((13, 4, 8), "12 3 7", -1.0, ((1, 2), (3, 4), (9, 10)))  # the last is beyond the reference
    columns = metric.score("5 12 5 4 4", said)
    assert columns == {"unit_accuracy_right": 1, "unit_accuracy_asked": 2}
    assert metric.score("5 12", Hypothesis((6, 6), "5 5", -1.0)) == {"unit_accuracy_right": 1, "unit_accuracy_asked": 2}
    assert metric.summarize({"unit_accuracy_right": [1, 1], "unit_accuracy_asked": [2, 6]}) == {"unit_accuracy": 0.25}
    with pytest.raises(InputError, match="no frame was asked for"):
        metric.summarize({"unit_accuracy_right": [0], "unit_accuracy_asked": [0]})
