"""Claims that answers are different: every outcome, from texts that are put in by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from project.contract import InputError
from project.evaluation.hypotheses.answer import differing
from project.evaluation.hypotheses.claim import Agreement, Aim, Claim, Margin, Selection
from project.evaluation.hypotheses.judgement import judge
from project.evaluation.result import load

Shelf: TypeAlias = Any  # conftest.py has it
TEST, NUM_EXAMPLES = "data/test.jsonl", 200
CLAIM = Claim(
    "The adapter reaches the text.",
    Selection(protocol={"adapter.lora.active": True}),
    Selection(protocol={"adapter.lora.active": False}),
    Aim("answers", "different", TEST, gain=0.05),
    allow=["adapter"],
)


def adapted(shelf: Shelf, num_different: int, seed: int = 1, rate: float = 0.001) -> Path:
    """A run whose texts with and without its adapter differ in so many examples, spread over the speakers."""
    folder = shelf.run(f"{rate:g}-{seed}", {"seed": seed, "lr": rate})
    shelf.score(folder, [0] * NUM_EXAMPLES, TEST, active=False)
    chosen = {(n * 37) % NUM_EXAMPLES for n in range(num_different)}
    shelf.score(folder, [int(n in chosen) for n in range(NUM_EXAMPLES)], TEST)
    return folder


@pytest.mark.parametrize(
    ("count", "outcome", "begin"),
    [
        (40, "supported", f"More than 5.00 % of the answers are different on {TEST}: 20.00 % ["),
        (12, "undecided", "Perhaps more than 5.00 % of the answers are different"),
        (2, "refuted", "No more than 5.00 % of the answers are different"),
        (0, "refuted", f"No more than 5.00 % of the answers are different on {TEST}: 0.00 % [0.00, 1.83], over 200"),
    ],
)
def test_one_run_with_its_adapter_and_without(shelf: Shelf, count: int, outcome: str, begin: str) -> None:
    adapted(shelf, count)
    found = judge("own", CLAIM, shelf.entrants())
    assert found.outcome == outcome
    assert found.evidence[0].startswith(begin)
    assert "Compared in spite of other adapter.lora.active." in found.evidence


def test_the_interval_is_over_speakers(shelf: Shelf) -> None:
    """All examples of a fifth of the speakers are different: as a share of 40 speakers, not of 200 examples."""
    folder = shelf.run("a", {"seed": 1})
    shelf.score(folder, [0] * NUM_EXAMPLES, TEST, active=False)
    shelf.score(folder, [int(n // 5 % 5 == 0) for n in range(NUM_EXAMPLES)], TEST)
    (text, *_) = judge("own", CLAIM, shelf.entrants()).evidence
    low, high = (float(end) / 100 for end in text.split("[")[1].split("]")[0].split(","))
    error = (0.2 * 0.8 / 39) ** 0.5
    assert high - low == pytest.approx(2 * 2.02 * error, rel=0.1)


def test_seeds_must_agree(shelf: Shelf) -> None:
    for seed, count in ((1, 60), (2, 50), (3, 4)):
        adapted(shelf, count, seed)
    found = judge("own", replace(CLAIM, agreement=Agreement(3)), shelf.entrants())
    assert found.outcome == "undecided"
    assert "over 200 examples and 3 seeds; 2 of 3 seeds agree, and 3 must" in found.evidence[0]
    assert judge("own", replace(CLAIM, agreement=Agreement(2)), shelf.entrants()).outcome == "supported"


def test_settings_widen(shelf: Shelf) -> None:
    for rate, count in ((1e-5, 0), (1e-3, 60)):
        adapted(shelf, count, rate=rate)
    assert judge("own", CLAIM, shelf.entrants()).outcome == "refuted"
    some = judge("own", replace(CLAIM, agreement=Agreement(settings="some")), shelf.entrants())
    assert some.outcome == "supported"
    assert some.evidence[0].startswith("lr=0.001: More than 5.00 %")
    assert "Intervals are widened for 2 settings looked at; it is enough if it holds for one." in some.evidence


def test_two_runs_and_a_margin(shelf: Shelf) -> None:
    """Of other runs than one against itself, with a figure that must not get worse beside it."""
    for name, wrong in (("old", [1] * 60), ("new", [1, 0, 2] * 20)):
        shelf.score(shelf.run(name, {"loss": name}), wrong, TEST)
    sides = [Selection(where={"loss": name}) for name in ("new", "old")]
    claim = Claim("It says something else.", *sides, Aim("answers", "different", TEST, gain=0.5))
    found = judge("own", replace(claim, secondary=[Margin("wer", None, 0.2)]), shelf.entrants())
    assert found.outcome == "supported"
    assert found.evidence[1].startswith("WER is not worse by more than 20.00 points")


def test_other_examples_are_refused(shelf: Shelf) -> None:
    reports = []
    for count in (30, 31):
        folder = shelf.run(str(count), {})
        shelf.score(folder, [0] * count, TEST)
        reports += [load(one) for one in (folder / "reports").iterdir()]
    with pytest.raises(InputError, match="did not score the same examples"):
        differing(*reports)
