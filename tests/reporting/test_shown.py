"""Which Reports a comparison shows: of a claim that sets runs against themselves, both sides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from project.contract import Hypothesis, InputError
from project.evaluation.estimate import make_report
from project.evaluation.hypotheses.claim import Aim, Claim, Selection
from project.evaluation.protocol import Protocol, hash_ids
from project.evaluation.result import Row
from project.metric.text import ErrorRate
from project.reporting.known_run import KnownRun
from project.reporting.shown import shown

METRIC = ErrorRate("wer", "word")
PLAIN = {"baseline": None, "protocol": None, "manifest": None, "allow": []}
ON, OFF = (Selection(protocol={"adapter.lora.active": state}) for state in (True, False))
CLAIM = Claim("It helps.", ON, OFF, Aim("wer", "lower", "data/test.jsonl"), allow=["adapter"])


def score(folder: Path, active: bool, created: str, manifest: str = "data/test.jsonl") -> None:
    rows = []
    for n in range(24):
        columns = METRIC.score("a b", Hypothesis((), "a b" if active else "a", 0.0))
        rows.append(Row(f"e{n}", "a b", "a b" if active else "a", None, 1.0, -1.0, columns))
    adapter = {"lora": {"active": active, "changes": True}}
    ids = hash_ids(row.id for row in rows)
    protocol = Protocol(manifest, ids, 24, "full", {}, {}, "a", {"decode": "g"}, adapter, "32-true", "0.1")
    info = {"manifest": manifest}
    report = make_report(protocol, f"stt/{folder.name}", [METRIC], rows, created, info=info, num_resamples=100)
    report.save(folder / "reports")


@pytest.fixture
def runs(tmp_path: Path) -> list[KnownRun]:
    """Two runs, scored with their adapter and later without it."""
    for seed in (1, 2):
        folder = tmp_path / "stt" / f"lora-{seed}"
        folder.mkdir(parents=True)
        (folder / "config.yaml").write_text(yaml.safe_dump({"seed": seed}))
        (folder / "metrics.csv").write_text("step,epoch,name,value\n50,0,train/loss,1.5\n")
        score(folder, True, "2026-02-03")
        score(folder, False, "2026-02-04")
    return [KnownRun.open(folder) for folder in sorted((tmp_path / "stt").iterdir())]


def test_a_claim_about_runs_and_themselves_shows_both_sides(runs: list[KnownRun]) -> None:
    found = shown(runs, [CLAIM], PLAIN)
    assert [one.run.folder.name for one in found.known] == ["lora-1", "lora-1", "lora-2"]
    assert [one.protocol.adapter["lora"]["active"] for one in found.reports] == [False, True, True]
    assert found.baseline is found.reports[0]
    assert found.allow == ["adapter"]
    assert found.views[0].settings == {"seed": 1, "adapter.lora.active": False}
    assert found.views[0].curves == {}, "it was not trained"
    assert found.views[1].settings == {"seed": 1}
    assert found.views[1].curves


def test_without_claims_the_latest_and_the_first_run(runs: list[KnownRun]) -> None:
    found = shown(runs, [], PLAIN)
    assert [one.protocol.adapter["lora"]["active"] for one in found.reports] == [False, False]
    assert found.baseline is found.reports[0]
    assert len(found.views) == 2


def test_what_was_asked_for_goes_first(runs: list[KnownRun]) -> None:
    found = shown(runs, [CLAIM], {**PLAIN, "baseline": str(runs[1].run.folder)})
    assert [one.protocol.adapter["lora"]["active"] for one in found.reports] == [True, True]
    assert found.baseline is found.reports[1]


def test_runs_against_others_are_no_runs_against_themselves(runs: list[KnownRun]) -> None:
    sides = [replace(ON, where={"seed": seed}) for seed in (2, 1)]
    found = shown(runs, [replace(CLAIM, treatment=sides[0], baseline=sides[1])], PLAIN)
    assert [one.protocol.adapter["lora"]["active"] for one in found.reports] == [True, True]
    assert found.baseline is found.reports[0]


def test_a_manifest_that_is_named_goes_before_later_reports(runs: list[KnownRun]) -> None:
    for one in runs:
        score(one.run.folder, True, "2026-02-05", "data/noisy.jsonl")
    latest, named = (shown(runs, [], {**PLAIN, "manifest": name}) for name in (None, "data/test.jsonl"))
    assert [one.info["manifest"] for one in latest.reports] == ["data/noisy.jsonl"] * 2
    assert [one.info["manifest"] for one in named.reports] == ["data/test.jsonl"] * 2
    with pytest.raises(InputError, match=r"lora-1: no report of manifest=data/other\.jsonl: scansion evaluate"):
        shown(runs, [], {**PLAIN, "manifest": "data/other.jsonl"})
