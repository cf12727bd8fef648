from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from project.contract import InputError
from project.evaluation.hypotheses.claim import Agreement, Aim, Claim, Margin, NoRuns, Selection, agrees, satisfies

AIM = Aim("cer", "lower")


@pytest.mark.parametrize(
    ("value", "wanted", "expected"),
    [
        (1e-3, "1e-3", True),  # YAML reads 1e-3 as text
        (0, 0.0, True),
        (0.3, [0.1, 0.3], True),
        ([1, 2], [1, 2], True),
        ([1, 2], [2, 1], False),
        (None, None, True),
        (None, "null", True),
        ("absent", None, False),
        ("runs/a", "!=null", True),
        (True, True, True),
        (1, True, False),
        (0.5, "<=0.5", True),
        ("many", ">0", False),
        ("beam@2", "beam@*", True),
        ("greedy@1", "beam@*", False),
    ],
)
def test_what_a_value_agrees_with(value: Any, wanted: Any, expected: bool) -> None:
    assert agrees(value, wanted) is expected


def test_all_keys_must_agree_and_absent_ones_do_not() -> None:
    assert satisfies({"a": 1, "b": "x"}, {"a": ">0", "b": "x"})
    assert not satisfies({"a": 1}, {"a": ">0", "b": "x"})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"statement": "  "}, "statement"),
        ({"primary": {"metric": "cer"}}, "primary: is no Aim"),
        ({"secondary": ["cer"]}, r"secondary\[0\]: is no Margin"),
        ({"secondary": [Margin("cer", None, -0.1)]}, r"secondary\[0\].margin"),
        ({"primary": Aim("cer", "lower", gain=-1)}, "primary.gain"),
        ({"primary": Aim("cer", "different", gain=0.05)}, "primary.direction: answers are different"),
        ({"primary": Aim("answers", "lower", gain=0.05)}, "primary.direction: answers are different"),
        ({"primary": Aim("answers", "different")}, "primary.gain: say which part"),
        ({"agreement": Agreement(seeds=0)}, "agreement.seeds"),
        ({"sanity": 0.5}, "sanity"),
        ({"baseline": Selection(where={"a": 1})}, "the same runs"),
    ],
)
def test_claims_that_make_no_sense(changes: dict[str, Any], told: str) -> None:
    parts: dict[str, Any] = {"treatment": Selection(where={"a": 1}), "baseline": Selection(), "primary": AIM}
    with pytest.raises(InputError, match=told):
        Claim(**{"statement": "It helps.", **parts, **changes})


def test_folders_are_found_by_globs_and_misspelled_keys_are_named(tmp_path: Path) -> None:
    for name in ("a-1", "a-2", "b"):
        (tmp_path / name).mkdir()
    for name in ("a-1", "a-2"):
        (tmp_path / name / "config.yaml").write_text("{}")
    found = Selection(runs=[f"{tmp_path}/a-*", f"{tmp_path}/a-1"]).folders("treatment")
    assert [folder.name for folder in found] == ["a-1", "a-2"]
    with pytest.raises(InputError, match=r"treatment.runs: .*b: no such run folder"):
        Selection(runs=[f"{tmp_path}/b"]).folders("treatment")
    with pytest.raises(NoRuns, match=r"where.weighting.maks: .* did you mean weighting.mask\?"):
        Selection(where={"weighting.maks": 0}).check_keys("treatment", ["seed", "weighting.mask"])
