"""What a run reads is known by its feature, whichever that is."""

from __future__ import annotations

import pytest

from project.build.bind import make
from project.build.compose import compose, options
from project.contract import InputError
from project.transcript.kind import BARS, LANDMARKS, SOUND, kind_of


@pytest.mark.parametrize("name", options("feature"))
def test_every_feature_is_of_a_kind(name: str) -> None:
    feature = make(compose("train", [f"feature={name}"])["feature"], "feature")
    assert kind_of(feature, "run") is {"landmarks": LANDMARKS, "bars": BARS}.get(name, SOUND)


def test_another_feature_is_refused() -> None:
    with pytest.raises(InputError, match="runs/a: its feature reads neither sound nor landmarks nor bars"):
        kind_of(object(), "runs/a")
