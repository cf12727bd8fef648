"""Every outcome, from Reports whose errors are put in by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from project.contract import InputError
from project.evaluation.comparison import difference
from project.evaluation.hypotheses.claim import Agreement, Aim, Claim, Margin, NoRuns, Selection
from project.evaluation.hypotheses.judgement import Judgement, judge, markdown, terminal
from project.evaluation.hypotheses.trial import fight, trials
from project.evaluation.protocol import Protocol, coverage, hash_ids
from project.evaluation.result import Measure, Report, Row, load
from project.evaluation.shelf import Entrant, browse

LENGTH = 20  # symbols of every reference
TEST, GUARD = "data/test.jsonl", "data/guard.jsonl"
MEASURE = Measure(("cer_errors",), ("cer_length",))
CLAIM = Claim(
    "It helps.",
    Selection(where={"loss": "new"}),
    Selection(where={"loss": "old"}),
    Aim("cer", "lower", TEST),
)


def keep(folder: Path, errors: Sequence[int], manifest: str = TEST, num_listed: int = 0, **changes: Any) -> Report:
    """A Report of so many errors in each example, saved in a run's folder."""
    ids = [f"{manifest}-{n}" for n in range(len(errors))]
    fields = {
        "manifest_hash": f"{len(manifest):032x}",
        "manifest_ids_hash": hash_ids(ids),
        "num_examples": len(ids),
        "coverage": coverage(len(ids), num_listed or len(ids)),
        "audio": {"sample_rate": 4000},
        "text": {},
        "alphabet_hash": "a",
        "decode": {"decode": "greedy@1"},
        "adapter": "none",
        "precision": "32-true",
        "code_version": "0.1",
    }
    rows = []
    for name, count in zip(ids, errors, strict=True):
        columns = {"cer_errors": float(count), "cer_length": float(LENGTH)}
        rows.append(Row(name, "X" * LENGTH, "X", None, 1.0, -1.0, columns))
    figure = sum(errors) / (LENGTH * len(errors))
    info = {"manifest": manifest}
    created = changes.pop("created", "2026-02-03")
    protocol = Protocol(**{**fields, **changes})
    name = f"{folder.parent.name}/{folder.name}"
    report = Report(protocol, name, {"cer": figure}, {"cer": (0.0, 1.0)}, tuple(rows), created, {"cer": MEASURE}, info)
    report.save(folder / "reports")
    return report


def enter(folder: Path, settings: Mapping[str, Any], identity: Mapping[str, Any] | None = None) -> Entrant:
    """The run in a folder, with the Reports that it holds by now."""
    return Entrant(f"{folder.parent.name}/{folder.name}", folder, settings, identity or {}, browse(folder / "reports"))


def spread(total: int, num_examples: int = 60, seed: int = 0) -> list[int]:
    """So many errors over so many examples, as evenly as can be, beginning elsewhere for another seed."""
    return [(total + (n + 7 * seed) % num_examples) // num_examples for n in range(num_examples)]


def run(root: Path, loss: str, errors: list[int] | None, seed: int = 1, **changes: Any) -> Entrant:
    """A run of that loss and seed, scored or not."""
    settings = {"loss": loss, "seed": seed, **changes.pop("settings", {})}
    folder = root / "family" / "-".join(map(str, settings.values()))
    if errors is not None:
        keep(folder, errors, **changes)
    folder.mkdir(parents=True, exist_ok=True)
    return enter(folder, settings)


def said(judgement: Judgement) -> str:
    return " ".join(judgement.evidence)


def test_supported(tmp_path: Path) -> None:
    pair = [run(tmp_path, "new", spread(30)), run(tmp_path, "old", spread(90))]
    found = judge("own", CLAIM, pair)
    assert (found.name, found.statement, found.outcome) == ("own", "It helps.", "supported")
    assert found.evidence[0].startswith(f"CER is lower on {TEST}: 2.50 % against 7.50 %, difference -5.00 [")
    assert "60 examples" in found.evidence[0]
    assert "SUPPORTED" in terminal([found]).plain
    assert markdown([found]).startswith("- **supported**: It helps. (own)\n  - CER is lower")


def test_one_pair_is_judged_by_the_difference_of_the_comparison(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    new, old = (rng.poisson(rate, 80).tolist() for rate in (1.0, 1.2))
    reports = keep(tmp_path / "f" / "new", new), keep(tmp_path / "f" / "old", old)
    assert fight([reports], "cer").delta == difference(*reports, "cer")


def test_refuted(tmp_path: Path) -> None:
    pair = [run(tmp_path, "new", spread(120)), run(tmp_path, "old", spread(90))]
    found = judge("own", CLAIM, pair)
    assert found.outcome == "refuted"
    assert found.evidence[0].startswith("CER is higher")
    upwards = replace(CLAIM, primary=Aim("cer", "higher", TEST))
    assert judge("own", upwards, pair).outcome == "supported", "a claim may be that something gets worse"


def test_undecided_by_interval_says_what_would_decide(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    old = rng.poisson(1.5, 100)
    new = np.clip(old + rng.integers(-1, 2, 100), 0, None)
    new[0] += old.sum() - new.sum() - 5
    found = judge("own", CLAIM, [run(tmp_path, "new", new.tolist()), run(tmp_path, "old", old.tolist())])
    assert found.outcome == "undecided"
    assert "cannot be told apart" in said(found)
    assert "examples like these would decide it" in said(found)


@pytest.mark.parametrize(("gain", "outcome"), [(0.02, "supported"), (0.07, "refuted"), (0.05, "undecided")])
def test_the_smallest_gain_that_matters(tmp_path: Path, gain: float, outcome: str) -> None:
    """5 points are gained: more than two for sure, less than seven for sure, and five may be or not."""
    rng = np.random.default_rng(0)
    old = rng.poisson(3.0, 200)
    new = np.maximum(old - rng.integers(0, 3, 200), 0)
    claim = replace(CLAIM, primary=Aim("cer", "lower", TEST, gain=gain))
    found = judge("own", claim, [run(tmp_path, "new", new.tolist()), run(tmp_path, "old", old.tolist())])
    assert found.outcome == outcome, found.evidence
    assert f"{100 * gain:.2f} points" in found.evidence[0]


def test_seeds_must_agree(tmp_path: Path) -> None:
    totals = {1: 20, 2: 95, 3: 98}  # one seed carries the mean
    runs = [run(tmp_path, "new", spread(total, seed=seed), seed) for seed, total in totals.items()]
    runs += [run(tmp_path, "old", spread(90, seed=seed), seed) for seed in totals]
    found = judge("own", replace(CLAIM, agreement=Agreement(seeds=2)), runs)
    assert found.outcome == "undecided"
    assert "60 examples and 3 seeds; 1 of 3 seeds agree, and 2 must" in said(found)
    assert judge("own", replace(CLAIM, agreement=Agreement(seeds=1)), runs).outcome == "supported"
    too_few = judge("own", replace(CLAIM, agreement=Agreement(seeds=4)), runs)
    assert too_few.outcome == "undecided"
    assert "3 of 4 seeds that must agree are there: train and evaluate 1 more" in said(too_few)


def test_over_seeds_the_interval_is_that_of_the_mean(tmp_path: Path) -> None:
    """Reckoned apart: a bootstrap over examples of the mean difference over seeds."""
    rng = np.random.default_rng(5)
    new_SN, old_SN = rng.poisson(1.0, (3, 120)), rng.poisson(1.3, (3, 120))
    pairs = [
        (keep(tmp_path / "f" / f"n{s}", new_SN[s].tolist()), keep(tmp_path / "f" / f"o{s}", old_SN[s].tolist()))
        for s in range(3)
    ]
    bout = fight(pairs, "cer")
    gaps_N = (new_SN - old_SN).mean(axis=0) / 20
    draws_R = gaps_N[rng.integers(0, 120, (4000, 120))].mean(axis=1)
    assert bout.delta.value == pytest.approx(gaps_N.mean())
    assert bout.delta.interval == pytest.approx(tuple(np.quantile(draws_R, [0.025, 0.975])), abs=0.0015)
    assert bout.deltas == pytest.approx(tuple((new_SN - old_SN).mean(axis=1) / 20))
    wider = fight(pairs, "cer", num_trials=3).delta.interval
    assert wider is not None
    assert wider[0] < bout.delta.interval[0] < bout.delta.interval[1] < wider[1]


def test_a_broken_run_is_not_judged(tmp_path: Path) -> None:
    pair = [run(tmp_path, "new", spread(200)), run(tmp_path, "old", spread(90))]
    found = judge("own", CLAIM, pair)
    assert found.outcome == "undecided"
    assert found.evidence[0].startswith(
        "family/new-1 is more than 2 times worse than family/old-1, CER 16.67 % against"
    )
    assert judge("own", replace(CLAIM, sanity=None), pair).outcome == "refuted"
    assert judge("own", replace(CLAIM, sanity=3.0), pair).outcome == "refuted"
    perfect = judge("own", CLAIM, [run(tmp_path, "new", [0] * 60), run(tmp_path, "old", [0] * 60)])
    assert perfect.outcome == "undecided"
    assert "makes no errors at all" in said(perfect)


@pytest.mark.parametrize(
    ("guard", "outcome", "told"),
    [(91, "supported", "is not worse by more than 1.00 points"), (200, "refuted", "is worse by more than 1.00 points")],
)
def test_a_secondary_manifest_within_its_margin_or_not(tmp_path: Path, guard: int, outcome: str, told: str) -> None:
    pair = [run(tmp_path, "new", spread(30)), run(tmp_path, "old", spread(90))]
    for one, total in zip(pair, (guard, 90), strict=True):
        keep(one.folder, spread(total, 120), manifest=GUARD)
    pair = [enter(one.folder, one.settings) for one in pair]
    found = judge("own", replace(CLAIM, secondary=[Margin("cer", GUARD, 0.01)]), pair)
    assert found.outcome == outcome
    assert f"CER on {GUARD} {told}" in said(found)
    assert (GUARD in found.evidence[0]) == (outcome == "refuted"), "what decided comes first"


def test_a_secondary_manifest_that_leaves_it_open(tmp_path: Path) -> None:
    pair = [run(tmp_path, "new", spread(30)), run(tmp_path, "old", spread(90))]
    claim = replace(CLAIM, secondary=[Margin("cer", GUARD, 0.01)])
    missing = judge("own", claim, pair)
    assert missing.outcome == "undecided"
    assert f"2 runs have no Report of {GUARD}" in said(missing)
    assert f"scansion evaluate {pair[0].folder} data.manifest={GUARD}" in said(missing)
    rng = np.random.default_rng(2)
    for one in pair:
        keep(one.folder, rng.poisson(2.0, 60).tolist(), manifest=GUARD)
    wide = judge("own", claim, [enter(one.folder, one.settings) for one in pair])
    assert wide.outcome == "undecided"
    assert "may be worse by more than 1.00 points" in said(wide)


def test_a_part_or_a_handful_decides_nothing(tmp_path: Path) -> None:
    part = [run(tmp_path, name, spread(n), num_listed=600) for name, n in (("new", 30), ("old", 90))]
    found = judge("own", CLAIM, part)
    assert found.outcome == "undecided"
    assert "60 of 600, not for decisions" in said(found)
    few = [run(tmp_path / "few", name, spread(n, 10)) for name, n in (("new", 0), ("old", 30))]
    assert judge("own", CLAIM, few).outcome == "undecided"
    assert "Only 10 examples" in said(judge("own", CLAIM, few))


def test_unequal_protocols_are_refused(tmp_path: Path) -> None:
    pair = [run(tmp_path, "new", spread(30), precision="bf16-mixed"), run(tmp_path, "old", spread(90))]
    with pytest.raises(InputError, match=r"not evaluated alike: .* differ in precision \(bf16-mixed against 32-true\)"):
        judge("own", CLAIM, pair)
    allowed = judge("own", replace(CLAIM, allow=["precision"]), pair)
    assert allowed.outcome == "supported"
    assert "Compared in spite of other precision." in allowed.evidence
    assert judge("own", CLAIM, pair, allow=["precision"]).outcome == "supported"


def test_the_whole_and_the_latest_that_all_have_is_taken(tmp_path: Path) -> None:
    pair = [run(tmp_path, "new", spread(30)), run(tmp_path, "old", spread(90))]
    for one in pair:
        keep(one.folder, spread(90), decode={"decode": "beam@2"}, created="2026-02-05")
        keep(one.folder, spread(60, 30), num_listed=60, created="2026-02-09")
    keep(pair[0].folder, spread(5), decode={"decode": "beam@3"}, created="2026-02-07")
    found = judge("own", CLAIM, [enter(one.folder, one.settings) for one in pair])
    assert "7.50 % against 7.50 %" in found.evidence[0]


def test_one_run_under_two_protocols(tmp_path: Path) -> None:
    """Beam against greedy search, or an adapter on and off: the same runs on both sides."""
    runs = []
    for seed in (1, 2):
        one = run(tmp_path, "new", spread(90, seed=seed), seed)
        keep(one.folder, spread(40, seed=seed), decode={"decode": "beam@2"})
        runs.append(enter(one.folder, one.settings))
    sides = [Selection(protocol={"decode.decode": f"{name}@*"}) for name in ("beam", "greedy")]
    claim = Claim("Beam search helps.", *sides, Aim("cer", "lower"), allow=["decode"], agreement=Agreement(2))
    found = judge("own", claim, runs)
    assert found.outcome == "supported"
    assert "2 of 2 seeds agree" in found.evidence[0]
    assert "Compared in spite of other decode.decode." in found.evidence
    with pytest.raises(NoRuns, match=r"no run at hand has a Report with decode.decode: lattice"):
        judge("own", replace(claim, treatment=Selection(protocol={"decode.decode": "lattice@*"})), runs)


def test_settings_of_a_sweep(tmp_path: Path) -> None:
    """Of three weights one helps, one does harm and one does nothing."""
    totals = {0.1: 60, 0.5: 90, 0.9: 140}
    runs = [run(tmp_path, "new", spread(n), settings={"mask": mask}) for mask, n in totals.items()]
    runs += [run(tmp_path, "old", spread(90), settings={"mask": 0.0})]
    some = judge("own", replace(CLAIM, agreement=Agreement(settings="some")), runs)
    assert some.outcome == "supported"
    assert some.evidence[0].startswith("mask=0.1: CER is lower")
    assert "widened for 3 settings" in said(some)
    every = judge("own", CLAIM, runs)
    assert every.outcome == "refuted"
    assert every.evidence[0].startswith("mask=0.9: CER is higher")


def test_what_else_differs_is_told(tmp_path: Path) -> None:
    pair = [run(tmp_path, "new", spread(30), settings={"lr": 1}), run(tmp_path, "old", spread(90), settings={"lr": 2})]
    assert "The runs also differ in lr: the effect may be theirs." in judge("own", CLAIM, pair).evidence


def test_which_runs_belong_together(tmp_path: Path) -> None:
    new = [run(tmp_path, "new", spread(30), seed) for seed in (1, 2, 3)]
    single = run(tmp_path, "old", spread(90), seed=7)
    (trial,) = trials(CLAIM, [*new, single])
    assert [pair.baseline for pair in trial.pairs] == [single] * 3, "a single baseline is everybody's"
    several = [run(tmp_path, "old", spread(90), seed) for seed in (2, 3)]
    (trial,) = trials(CLAIM, [*new, *several])
    assert [(pair.treatment.settings["seed"], pair.baseline.settings["seed"]) for pair in trial.pairs] == [
        (2, 2),
        (3, 3),
    ]
    with pytest.raises(NoRuns, match="no treatment run has a baseline run of its seed"):
        trials(CLAIM, [new[0], *several])
    with pytest.raises(InputError, match="baseline: its runs differ in lr"):
        trials(CLAIM, [*new, single, run(tmp_path, "old", spread(90), settings={"lr": 2})])
    with pytest.raises(InputError, match="same experiment twice"):
        trials(CLAIM, [*new, replace(new[0], folder=tmp_path / "copy"), single])
    with pytest.raises(NoRuns, match=r"treatment.where: no run at hand has loss: new"):
        trials(CLAIM, [single])


def test_figures_without_counts_and_unknown_ones(tmp_path: Path) -> None:
    pair = [run(tmp_path, "new", spread(30)), run(tmp_path, "old", spread(90))]
    with pytest.raises(InputError, match="metric: cre is no figure of family/new-1: did you mean cer"):
        judge("own", replace(CLAIM, primary=Aim("cre", "lower", TEST)), pair)
    for one in pair:
        (folder,) = (one.folder / "reports").iterdir()
        report = load(folder)
        replace(report, measures={}, metrics={"cer": report.metrics["cer"]}).save(one.folder / "reports")
    found = judge("own", CLAIM, [enter(one.folder, one.settings) for one in pair])
    assert found.outcome == "undecided"
    assert "without a paired interval" in found.evidence[0]
