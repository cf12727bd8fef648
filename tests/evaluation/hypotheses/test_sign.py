"""That the claims about signs choose, of runs as their commands make them, those that they speak of."""

from __future__ import annotations

from typing import Any

import pytest

from project.build.claims import read_claims
from project.build.compose import compose
from project.evaluation.hypotheses.claim import satisfies
from project.run import flatten


@pytest.mark.parametrize(
    ("claim", "experiment", "change"),
    [
        ("sign/mirroring", ["experiment=sign/fingerspelling", "data.fresh.folder=letters"], "data.augment.0.part=0.0"),
        ("sign/face", ["experiment=sign/baseline"], "model.branches.expression=null"),
        ("sign/velocity", ["experiment=sign/baseline"], "model.branches.hands_motion=null"),
    ],
)
def test_runs_are_told_apart_by_what_is_claimed(claim: str, experiment: list[str], change: str) -> None:
    found = read_claims(claim)[claim]
    with_it: dict[str, Any] = dict(flatten(compose("train", experiment)))
    without = dict(flatten(compose("train", [*experiment, change])))
    sides = (found.treatment.where, found.baseline.where)
    assert [satisfies(with_it, side) for side in sides] == [True, False]
    assert [satisfies(without, side) for side in sides] == [False, True]
    assert {key for key in with_it if with_it[key] != without[key]} == set(found.keys)
