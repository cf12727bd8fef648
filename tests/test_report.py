from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from project import cli
from project.build.claims import read_claims
from project.contract import Example, Hypothesis
from project.evaluation.estimate import make_report
from project.evaluation.protocol import Protocol, hash_ids
from project.evaluation.result import Row, load
from project.metric.text import ErrorRate
from project.reporting.compare import judged
from project.reporting.known_run import KnownRun
from project.reporting.selection import choose
from project.run import Run
from project.scoring.reports import rows_of

REFERENCES = ("CQ CQ DE DL1ABC", "PARIS PARIS", "599 TU", "NAME ANNA", "QTH ULM", "73 ES TNX")
METRIC = ErrorRate("cer", "character")
CLAIM = "project.evaluation.hypotheses.claim"
Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Ask:
    """Runs `scansion report`: exit code, standard output, standard error."""

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            cli.main(["report", *words])
        told = capsys.readouterr()
        return int(str(stop.value.code)), told.out, told.err

    return run


def invent(root: Path, mask: float, seed: int, with_meta: bool = True) -> Path:
    """A run folder as training and evaluation leave it; a larger mask weight and a larger seed make more errors."""
    folder = root / "morse" / f"sweep-{mask}-{seed}"
    folder.mkdir(parents=True)
    config = {"name": f"sweep{mask}", "command": f"scansion train seed={seed}", "seed": seed, "data": {"seed": seed}}
    config |= {"weighting": {"ctc": 1.0, "mask": mask}, "signature_ignores": ["name"]}
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    scalars = ["50,0,train/loss,1.5", "50,0,train/mask,1.0", f"50,0,train/mask/weighted,{mask}", "50,0,train/lr,0.001"]
    (folder / "metrics.csv").write_text("\n".join(["step,epoch,name,value", *scalars, "50,0,dev/cer,0.2"]) + "\n")
    rows = []
    for n in range(24):
        reference = REFERENCES[n % len(REFERENCES)]
        text = reference[: -1 if (n + seed) % (6 - round(5 * mask)) == 0 else None]
        columns = METRIC.score(reference, Hypothesis((), text, 0.0))
        meta: dict[str, float | str] = {"snr_db": float(n), "hand": ("bug", "straight")[n % 2], "wpm": 25}
        rows.append(Row(f"e{n}", reference, text, None, 2.5, -1.0, columns, "", meta if with_meta else {}))
    ids_hash = hash_ids(row.id for row in rows)
    protocol = Protocol("m", ids_hash, 24, "full", {}, {}, "a", {"kind": "greedy"}, "none", "32-true", "0.1")
    name = f"morse/{folder.name}"
    info = {"manifest": "data/test.jsonl"}
    make_report(protocol, name, [METRIC], rows, "2026-02-03", info=info, num_resamples=200).save(folder / "reports")
    return folder


def claim(file: Path, **changes: object) -> Path:
    """A YAML file that claims a mask weight of 0.7 to lower CER, changed as said."""
    part = f"{CLAIM}."
    content: dict[str, object] = {
        "_target_": f"{part}Claim",
        "statement": "A high mask weight helps.",
        "treatment": {"_target_": f"{part}Selection", "where": {"weighting.mask": ">0.5"}},
        "baseline": {"_target_": f"{part}Selection", "where": {"weighting.mask": "<=0.5"}},
        "primary": {"_target_": f"{part}Aim", "metric": "cer", "direction": "lower", "manifest": "data/test.jsonl"},
        "sanity": None,
    }
    file.write_text(yaml.safe_dump({**content, **changes}), encoding="utf-8")
    return file


def test_a_sweep_from_end_to_end(tmp_path: Path, ask: Ask) -> None:
    runs = [invent(tmp_path, mask, seed) for mask in (0.7, 0.3) for seed in (1, 2)]
    words = ["by=[length,snr_db,hand,wpm]", f"out={tmp_path}/page.html", f"markdown={tmp_path}/table.md"]
    code, out, err = ask(*map(str, runs), *words)
    assert (code, out.splitlines()[-1]) == (0, f"{tmp_path}/page.html")
    assert err.index("weighting.mask=0.3") < err.index("weighting.mask=0.7")
    for part in (
        "CER over seeds, best first",
        "CER by length (characters)",
        "CER by snr_db",
        "CER by hand",
        "wpm: 25 in all examples",
        "comparable",
    ):
        assert part in err
    assert sorted(file.name for file in tmp_path.iterdir() if file.is_file()) == [
        "page.html", "table.md"
    ]  # fmt: skip
    tables = tmp_path / "page_tables"
    assert sorted(file.name for file in tables.iterdir()) == [
        "combined_with_preds.csv", "loss_trace.csv", "test_matrix.csv"
    ]  # fmt: skip
    said = " ".join(err.split())
    headline = re.search(r"morse/sweep-0.3-1 (and|is \w+ than) morse/sweep-0.7-1[^:]*: CER [\d.]+ % against ", said)
    assert headline, "the verdict, below the table"
    assert headline.start() < said.index("CER over seeds, best first")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert all(part in page for part in ("What differs", "By condition", "Length of hypotheses"))
    markdown = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert "**CER by hand**" in markdown
    assert "**Test matrix**" in markdown
    assert "Test matrix" in err
    matrix = (tables / "test_matrix.csv").read_text(encoding="utf-8").splitlines()
    assert matrix[0].startswith("run,date,command,dataset,steps,learning_rate,targets,manifest,metric,baseline,tuned")
    assert len(matrix) == 5
    assert matrix[2].startswith("morse/sweep-0.7-2,2026-02-03,scansion train seed=2,-,50,")
    with (tables / "combined_with_preds.csv").open(newline="", encoding="utf-8") as stream:
        lines = list(csv.DictReader(stream))
    assert len(lines) == 4 * 24
    assert list(lines[0])[:4] == ["run", "weighting.mask", "seed", "id"]
    traced = (tables / "loss_trace.csv").read_text(encoding="utf-8").splitlines()
    assert traced[0] == "run,weighting.mask,seed,step,epoch,name,value"
    assert len(traced) == 1 + 4 * 4
    assert traced[1] == "morse/sweep-0.7-1,0.7,1,50,0,train/loss,1.5"


def test_claims_are_judged_before_anything_is_compared(tmp_path: Path, ask: Ask) -> None:
    runs = [invent(tmp_path, mask, seed) for mask in (0.3, 0.7) for seed in (1, 2)]
    own = claim(tmp_path / "own.yaml")
    words = [f"hypotheses={own}", f"out={tmp_path}/new/page.html", f"markdown={tmp_path}/new/table.md"]
    code, out, err = ask(*map(str, runs), *words)
    assert (code, out.splitlines()[-1]) == (0, f"{tmp_path}/new/page.html"), "whatever the verdict"
    assert "REFUTED A high mask weight helps." in " ".join(err.split())
    assert err.index("REFUTED") < err.index("CER over seeds")
    assert "2 of 2 seeds agree" in " ".join(err.split())
    markdown = (tmp_path / "new" / "table.md").read_text(encoding="utf-8")
    assert markdown.startswith("- **refuted**: A high mask weight helps.")
    page = (tmp_path / "new" / "page.html").read_text(encoding="utf-8")
    assert "A high mask weight helps." in page
    assert "Test matrix" in page


def test_a_claim_may_name_its_runs(tmp_path: Path, ask: Ask) -> None:
    for mask in (0.3, 0.7):
        invent(tmp_path, mask, 1)
    part = f"{CLAIM}.Selection"
    sides = {
        side: {"_target_": part, "runs": [f"{tmp_path}/morse/sweep-{mask}-*"]}
        for side, mask in (("treatment", 0.3), ("baseline", 0.7))
    }
    own = str(claim(tmp_path / "own.yaml", **sides))
    (found,), _, shown = judged(read_claims(own), [], {"hypotheses": own, "allow": []})
    assert found.outcome == "supported"
    assert [one.run.folder.name for one in shown] == ["sweep-0.3-1", "sweep-0.7-1"]
    code, _, err = ask(f"hypotheses=[{claim(tmp_path / 'own.yaml')}]")
    assert code == 2
    assert "own: treatment: no run at hand: name runs" in err


def test_what_a_run_began_with_counts_as_its_own(tmp_path: Path) -> None:
    """Two runs of one configuration, tuned from pretrained runs that differ in their mask weight."""
    runs = []
    for mask in (0.3, 0.7):
        run = invent(tmp_path, mask, 1)
        start = tmp_path / "morse" / f"pretrain-{mask}"
        start.mkdir()
        content = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
        (start / "config.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
        content |= {"init_from": str(start), "weighting": {"ctc": 1.0}}
        (run / "config.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
        runs.append(KnownRun.open(run))
    part = f"{CLAIM}.Selection"
    sides = {
        side: {"_target_": part, "where": {"init_from.weighting.mask": mask, "init_from": "!=null"}}
        for side, mask in (("treatment", 0.7), ("baseline", 0.3))
    }
    own = str(claim(tmp_path / "own.yaml", **sides))
    (found,), _, shown = judged(read_claims(own), runs, {"hypotheses": own, "allow": []})
    assert found.outcome == "refuted"
    assert not [sentence for sentence in found.evidence if "also differ" in sentence]
    assert shown == runs


def test_the_page_is_about_the_manifest_that_a_claim_is_about(tmp_path: Path) -> None:
    folders = [invent(tmp_path, mask, 1) for mask in (0.3, 0.7)]
    first = []
    for folder in folders:
        (saved,) = (folder / "reports").iterdir()
        first.append(saved)
        found = load(saved)
        guard = replace(
            found,
            protocol=replace(found.protocol, manifest_hash="g"),
            info={"manifest": "data/guard.jsonl"},
            created="2026-02-04",
        )
        guard.save(folder / "reports")
    runs = [Run.open(folder) for folder in folders]
    assert not set(choose(runs, None)) & set(first), "the latest"
    assert choose(runs, None, "data/test.jsonl") == first
    assert choose(runs, None, "data/unknown.jsonl") == choose(runs, None)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"statment": "?"},
            f"own.yaml: hypothesis.statment: {CLAIM}.Claim takes no such key",
        ),
        (
            {"primary": {"_target_": f"{CLAIM}.Aim", "metric": "cre", "direction": "lower"}},
            "cre is no",
        ),
        (
            {"baseline": {"_target_": f"{CLAIM}.Selection", "where": {"maks": 1}}},
            "baseline.where.maks",
        ),
    ],
)
def test_mistakes_in_a_claim(tmp_path: Path, ask: Ask, changes: dict[str, object], told: str) -> None:
    runs = [str(invent(tmp_path, mask, 1)) for mask in (0.3, 0.7)]
    code, _, err = ask(*runs, f"hypotheses={claim(tmp_path / 'own.yaml', **changes)}")
    assert code == 2
    assert told in err
    assert len(err.strip().splitlines()) == 1


def test_all_claims_and_unknown_ones(tmp_path: Path, ask: Ask) -> None:
    runs = [invent(tmp_path, mask, 1) for mask in (0.3, 0.7)]
    known = [KnownRun.open(run) for run in runs]
    found, said, _ = judged(read_claims("all"), known, {"hypotheses": "all", "allow": []})
    assert not found
    assert any(sentence.startswith("left out morse/pretraining: treatment.where") for sentence in said)
    code, _, err = ask(*map(str, runs), "hypotheses=[morse/mask_wait]")
    assert code == 2
    assert "hypotheses=morse/mask_wait: no such hypothesis: did you mean morse/mask_weight?" in err


def test_what_the_checks_of_a_run_find_is_shown(tmp_path: Path, ask: Ask) -> None:
    run = invent(tmp_path, 0.3, 1)
    content = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    checks = {"little_data": {"_target_": "project.diagnosis.data.LittleData"}, "leakage": None}
    content["callbacks"] = {"diagnosis": {"checks": checks}}
    (run / "config.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    with (run / "metrics.csv").open("a", encoding="utf-8") as file:
        file.write("60,0,data/train_examples,7\n")
    code, out, _ = ask(str(run))
    assert code == 0
    assert "There are only 7 examples to learn from" in Path(out.splitlines()[-1]).read_text(encoding="utf-8")
    assert "little data" in (run / "report_tables" / "test_matrix.csv").read_text(encoding="utf-8")


def test_one_run_and_older_reports(tmp_path: Path, ask: Ask) -> None:
    run = invent(tmp_path, 0.3, 1, with_meta=False)
    code, out, _ = ask(str(run))
    assert code == 0
    assert "By condition" not in Path(out.splitlines()[-1]).read_text(encoding="utf-8")
    assert (run / "report_tables" / "combined_with_preds.csv").read_text(encoding="utf-8").startswith("run,id,group")
    code, _, err = ask(str(run), "by=snr_db")
    assert code == 2
    assert "by=snr_db: these reports say nothing of conditions" in err
    assert len(err.strip().splitlines()) == 1


def test_conditions_come_from_the_manifest() -> None:
    example = Example("e", "e.wav", 2.0, "CQ", group="op", meta={"snr_db": -5, "qsb": False, "places": [1, 2]})
    scored = SimpleNamespace(hypothesis=Hypothesis((), "CQ", -1.0), columns={"cer_length": 2.0}, reference="CQ")
    rows = rows_of([example], {"e": scored})  # type: ignore[arg-type,dict-item]
    assert rows == [Row("e", "CQ", "CQ", "op", 2.0, -1.0, {"cer_length": 2.0}, "e.wav", {"snr_db": -5, "qsb": "no"})]


def test_drift_is_told(tmp_path: Path, ask: Ask) -> None:
    run = invent(tmp_path, 0.3, 1)
    (folder,) = (run / "reports").iterdir()
    report = load(folder)
    rows = []
    for row in report.rows:
        text = row.reference[:9]
        rows.append(replace(row, hypothesis=text, columns=METRIC.score(row.reference, Hypothesis((), text, 0.0))))
    make_report(report.protocol, report.run, [METRIC], rows, "2026-02-03", num_resamples=200).save(run / "reports")
    code, _, err = ask(str(run))
    assert code == 0
    assert "loses more symbols the longer the text is" in " ".join(err.split())


def test_unknown_condition(tmp_path: Path, ask: Ask) -> None:
    code, _, err = ask(str(invent(tmp_path, 0.3, 1)), "by=[snr,hand]")
    assert code == 2
    assert "by=snr: the evaluated examples have no such condition" in err
    assert not list(tmp_path.rglob("*.html"))


def test_a_whole_manifest_is_shown_rather_than_a_later_part_of_it(tmp_path: Path, ask: Ask) -> None:
    folder = invent(tmp_path, 0.3, 1)
    (whole,) = (folder / "reports").iterdir()
    report = load(whole)
    few = replace(report.protocol, num_examples=3, coverage="3 of 24, not for decisions",
                  manifest_ids_hash=hash_ids(row.id for row in report.rows[:3]))  # fmt: skip
    replace(report, protocol=few, rows=report.rows[:3], created="2026-02-04").save(folder / "reports")
    assert choose([Run(folder)], None) == [whole]


def test_claims_without_any_report_end_in_one_line(tmp_path: Path, ask: Ask) -> None:
    code, _, err = ask(f"hypotheses={claim(tmp_path / 'own.yaml')}")
    assert code == 2
    assert "Traceback" not in err
