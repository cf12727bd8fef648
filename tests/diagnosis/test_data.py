"""Too little data, and data seen before: where the limits lie. Real runs are in tests/test_failures.py."""

from __future__ import annotations

from typing import Any

import pytest

from project.diagnosis.evidence import Evidence


def found(checks: Any, check: str, **figures: float) -> list[str]:
    evidence = Evidence({name.replace("__", "/"): [(1, value)] for name, value in figures.items()})
    return [finding.subject for finding in checks[check](evidence)]


def test_two_examples_are_little(checks: Any) -> None:
    assert found(checks, "little_data", data__train_examples=2, data__dev_examples=2) == ["train", "dev"]
    assert found(checks, "little_data", data__train_examples=2400, data__dev_examples=2) == ["dev"]
    assert found(checks, "little_data", data__train_examples=50, data__dev_examples=30) == []


@pytest.mark.parametrize(
    ("kind", "wanted"), [("id", 0.0), ("media", 0.0), ("group", 0.0), ("text", 0.2), ("overlap", 0.0)]
)
def test_what_may_be_shared(checks: Any, kind: str, wanted: float) -> None:
    assert found(checks, "leakage", **{f"leakage__{kind}": wanted}) == []
    assert found(checks, "leakage", **{f"leakage__{kind}": wanted + 0.01}) == [kind]


def test_overlap_says_how_many_bars_and_what_to_do(checks: Any) -> None:
    figures = {"leakage/overlap": [(1, 0.25)], "leakage/overlap_rows": [(1, 12345.0)]}
    (finding,) = checks["leakage"](Evidence(figures))
    assert finding.text == (
        "25.0% of the windows scored overlap windows of training: both hold the same 12,345 bars or frames"
    )
    assert "a block of time or an instrument" in finding.remedy
    assert "embargo" in finding.remedy
    assert finding.figures == {"part": 0.25, "rows": 12345.0}
