"""That the claims about adapters choose the runs that they speak of, and come out as the figures say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from project.build.claims import read_claims
from project.build.compose import options
from project.evaluation.hypotheses.claim import NoRuns
from project.evaluation.hypotheses.judgement import Judgement, judge

Shelf: TypeAlias = Any  # conftest.py has it
MAIN, DOMAIN, TRAIN = "data/an4/test.jsonl", "data/an4_noisy/test.jsonl", "data/an4_noisy/train.jsonl"
NUM_EXAMPLES, NUM_SPEAKERS, NUM_WORDS = 200, 40, 5


def config(seed: int, **changes: Any) -> dict[str, Any]:
    """What matters here of the configuration of a run of stt/lora."""
    given = {"lr": 0.001, "replay": 0.0, "fraction": 1.0, "train": TRAIN, "general": None} | changes
    return {
        "name": "lora",
        "seed": seed,
        "adapter": {"_target_": "project.adapter.lora.LoRA", "rank": 8},
        "optimizer": {"lr": given["lr"]},
        "data": {
            "manifest": {"train": given["train"], "replay": given["general"]},
            "batching": {"replay": given["replay"], "fraction": given["fraction"]},
        },
    }


def wrong(share: float, seed: int = 0) -> list[int]:
    """So many words of all wrong, spread evenly over examples, beginning elsewhere for another seed."""
    total = round(share * NUM_EXAMPLES * NUM_WORDS)
    return [(total + (n * 61 + 7 * seed) % NUM_EXAMPLES) // NUM_EXAMPLES for n in range(NUM_EXAMPLES)]


def train(shelf: Shelf, name: str, on: Mapping[str, float], off: Mapping[str, float], **changes: Any) -> list[Path]:
    """Three seeds of a run, with that WER by manifest with its adapter, and without."""
    folders = [shelf.run(f"{name}-{seed}", config(seed, **changes)) for seed in (1, 2, 3)]
    for seed, folder in enumerate(folders):
        for figures, active in ((on, True), (off, False)):
            for manifest, share in figures.items():
                shelf.score(folder, wrong(share, seed if active else 0), manifest, active=active)
    return folders


def verdict(shelf: Shelf, name: str) -> Judgement:
    return judge(name, read_claims(f"stt/{name}")[f"stt/{name}"], shelf.entrants())


def test_there_are_these() -> None:
    names = [name.removeprefix("stt/") for name in options("evaluation/hypotheses") if name.startswith("stt/")]
    assert names == ["h1_path", "h2_rate", "h3_headroom", "h4_control", "h4_forgetting", "h4_sufficiency"]


@pytest.mark.parametrize(("share", "outcome"), [(0.10, "supported"), (0.20, "refuted")])
def test_h1_an_adapter_does_anything_or_not(shelf: Shelf, share: float, outcome: str) -> None:
    """Whether it helps does not matter; one that is bypassed gives the answers of the base model."""
    train(shelf, "low", {DOMAIN: 0.2}, {DOMAIN: 0.2}, lr=1e-5)
    train(shelf, "high", {DOMAIN: share}, {DOMAIN: 0.2})
    for folder in (shelf.root / "stt").glob("*"):
        if share == 0.2 or folder.name.startswith("low"):
            shelf.score(folder, wrong(0.2), DOMAIN)
    found = verdict(shelf, "h1_path")
    assert found.outcome == outcome
    assert f"of the answers are different on {DOMAIN}" in found.evidence[0]


def test_h2_some_rate_helps_and_clean_speech_bears_it(shelf: Shelf) -> None:
    base = {DOMAIN: 0.3, MAIN: 0.1}
    train(shelf, "low", {DOMAIN: 0.295, MAIN: 0.1}, base, lr=1e-5)
    train(shelf, "high", {DOMAIN: 0.2, MAIN: 0.1}, base)
    found = verdict(shelf, "h2_rate")
    assert found.outcome == "supported"
    assert found.evidence[0].startswith(f"optimizer.lr=0.001: WER is lower by more than 1.00 points on {DOMAIN}")
    assert "3 of 3 seeds agree" in found.evidence[0]
    assert f"WER on {MAIN} is not worse by more than 1.00 points" in found.evidence[1]


def test_h2_what_costs_clean_speech_is_refuted(shelf: Shelf) -> None:
    train(shelf, "high", {DOMAIN: 0.2, MAIN: 0.19}, {DOMAIN: 0.3, MAIN: 0.1})
    found = verdict(shelf, "h2_rate")
    assert found.outcome == "refuted"
    assert found.evidence[0].startswith(f"WER on {MAIN} is worse by more than 1.00 points")


def test_h3_near_the_floor_nothing_could_be_shown(shelf: Shelf) -> None:
    """Three words of a thousand are wrong: a gain of two is no gain that could be seen, and the verdict says so."""
    folders = train(shelf, "high", {}, {})
    for folder in folders:
        for active, places in ((True, {7}), (False, {7, 48, 131})):
            shelf.score(folder, [int(n in places) for n in range(NUM_EXAMPLES)], MAIN, active=active)
    found = verdict(shelf, "h3_headroom")
    assert found.outcome == "undecided"
    assert "there is no headroom: differences are seen from" in found.evidence[0]
    assert "the baseline's errors are 0.30 % in all" in found.evidence[0]


def test_h3_worse_is_refuted(shelf: Shelf) -> None:
    train(shelf, "high", {MAIN: 0.16}, {MAIN: 0.1})
    assert verdict(shelf, "h3_headroom").outcome == "refuted"


@pytest.mark.parametrize(("alone", "outcome"), [(0.3, "supported"), (0.06, "refuted")])
def test_h4_forgetting(shelf: Shelf, alone: float, outcome: str) -> None:
    """At one learning rate; a sweep of others beside them does not matter."""
    train(shelf, "alone", {MAIN: alone}, {})
    train(shelf, "replayed", {MAIN: 0.12}, {}, replay=0.5, general="data/an4/train.jsonl")
    train(shelf, "other", {MAIN: 0.9}, {}, lr=1e-4)
    found = verdict(shelf, "h4_forgetting")
    assert found.outcome == outcome
    assert not any("also differ" in sentence for sentence in found.evidence)


@pytest.mark.parametrize(("quarter", "outcome"), [(0.3, "supported"), (0.2, "undecided")])
def test_h4_sufficiency(shelf: Shelf, quarter: float, outcome: str) -> None:
    train(shelf, "whole", {DOMAIN: 0.2}, {})
    train(shelf, "quarter", {DOMAIN: quarter}, {}, fraction=0.25)
    assert verdict(shelf, "h4_sufficiency").outcome == outcome


@pytest.mark.parametrize(("shuffled", "outcome"), [(0.9, "refuted"), (0.3, "undecided"), (0.2, "supported")])
def test_h4_control(shelf: Shelf, shuffled: float, outcome: str) -> None:
    """Supported would mean that something else than learning is measured."""
    train(shelf, "whole", {DOMAIN: 0.1}, {DOMAIN: 0.3})
    train(shelf, "shuffled", {DOMAIN: shuffled}, {DOMAIN: 0.3}, train="data/an4_noisy/train_shuffled.jsonl")
    assert verdict(shelf, "h4_control").outcome == outcome


@pytest.mark.parametrize("name", ["h1_path", "h4_control"])
def test_runs_without_an_adapter_are_not_meant(shelf: Shelf, name: str) -> None:
    for seed in (1, 2, 3):
        shelf.run(f"base-{seed}", {**config(seed), "adapter": None})
    with pytest.raises(NoRuns):
        verdict(shelf, name)


def test_what_was_not_scored_is_told(shelf: Shelf) -> None:
    train(shelf, "high", {DOMAIN: 0.2}, {DOMAIN: 0.3})
    found = verdict(shelf, "h2_rate")
    assert found.outcome == "undecided"
    assert f"3 runs have no Report of {MAIN}" in " ".join(found.evidence)
