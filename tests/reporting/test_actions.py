"""The actions of `scansion report` beside comparing, from run folders to page and table: fusion, gap, regression."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from numpy.typing import NDArray

from project import cli
from project.contract import Assessment, Emissions, Example, Hypothesis
from project.data.manifest import Manifest
from project.decode.gop import assess
from project.decode.greedy import Greedy
from project.evaluation.emission_store import FILE, keep
from project.evaluation.estimate import make_report
from project.evaluation.protocol import Protocol, hash_ids
from project.evaluation.result import Report, Row, load
from project.metric.text import ErrorRate
from project.text.alphabet import Alphabet

pytestmark = pytest.mark.long


ALPHABET = Alphabet(("AA", "B", "IY", "K", "S", "TH"), " ")
METRIC = {"per": {"_target_": "project.metric.text.ErrorRate", "name": "per", "unit": "symbol"}}
RATE = ErrorRate("per", "symbol", ALPHABET)
Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Ask:
    """Runs `scansion report`: exit code, standard output, standard error in one line."""

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            cli.main(["report", *words])
        told = capsys.readouterr()
        return int(str(stop.value.code)), told.out, " ".join(told.err.split())

    return run


def manifest(file: Path, seed: int, examples: int = 60) -> Path:
    """Two words each of three symbols, of ten speakers; people take points off TH."""
    rng = np.random.default_rng(seed)
    lines = []
    for n in range(examples):
        symbols = [ALPHABET.symbols[k] for k in rng.integers(0, 6, 6)]
        scores = [float(np.clip((1.0 if one == "TH" else 1.8) + rng.normal(0, 0.2), 0, 2)) for one in symbols]
        words = [
            {"text": " ".join(symbols[k : k + 3]), "start": k, "end": k + 3, "accuracy": 5 * np.mean(scores[k : k + 3])}
            for k in (0, 3)
        ]
        labels = {"phone_scores": scores, "accuracy": 5 * float(np.mean(scores)), "words": words}
        who = {"id": f"{seed}-{n}", "media": f"{n}.wav", "duration": 0.6, "group": f"s{n % 10}"}
        lines.append({**who, "symbols": symbols, "labels": labels})
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return file


def emissions(
    symbols: list[int], scores: list[float], shift: int, rng: np.random.Generator, wrong: float
) -> torch.Tensor:
    """(30, 7) a peak for each symbol, some for another one, all so many frames late; lower for one said badly."""
    logits_TV = rng.normal(0, 0.7, (30, 7))
    logits_TV[:, 0] += 4
    for n, symbol in enumerate(symbols):
        heard = int(rng.integers(1, 7)) if rng.random() < wrong else symbol
        logits_TV[5 * n + shift, 0] -= 4
        logits_TV[5 * n + shift, heard] += 2.5
        logits_TV[5 * n + shift, symbol] += 2.5 * scores[n] - 2
    return torch.from_numpy(logits_TV).log_softmax(dim=1).float()


def invent(root: Path, name: str, shift: int, wrong: float, files: dict[str, Path], cached: bool = True) -> Path:
    """A run that was evaluated on these manifests."""
    folder = root / "phoneme" / name
    folder.mkdir(parents=True)
    config = {"name": name, "data": {"manifest": {part: str(file) for part, file in files.items()}}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    for file in files.values():
        rng = np.random.default_rng([*name.encode(), *file.name.encode()])
        rows, kept = [], {}
        for example in Manifest.open(str(file)):
            assert example.labels is not None
            row, kept[example.id] = scored(example, example.labels, shift, rng, wrong)
            rows.append(row)
        report = reported(name, file, rows)
        saved = report.save(folder / "reports")
        if cached:
            keep(saved, report, kept, ALPHABET)
    return folder


def scored(
    example: Example, labels: Mapping[str, Any], shift: int, rng: np.random.Generator, wrong: float
) -> tuple[Row, NDArray[np.float16]]:
    """What a run makes of an example."""
    reference = " ".join(example.symbols or ())
    ids = ALPHABET.encode(reference)
    said_TV = emissions(ids, labels["phone_scores"], shift, rng, wrong)
    output = Emissions(said_TV[None], torch.tensor([len(said_TV)]))
    (answer,), (good,) = Greedy(ALPHABET)(output), assess(output, [ids])
    people = tuple(labels["phone_scores"]), {"accuracy": labels["accuracy"]}
    judged = Assessment(tuple(reference.split()), good.aligned, good.free, good.log_prob, *people)
    columns = RATE.score(reference, Hypothesis((), answer.text, 0.0))
    who = example.group, example.length, answer.score
    row = Row(example.id, reference, answer.text, *who, columns, example.media, assessment=judged)
    return row, said_TV.half().numpy()


def reported(name: str, file: Path, rows: list[Row]) -> Report:
    ids, size = hash_ids(row.id for row in rows), len(rows)
    given = (Manifest.open(str(file)).hash, ids, size, "full", {}, {}, ALPHABET.hash)
    protocol = Protocol(*given, {"decode": "greedy@1"}, "none", "32", "0")  # type: ignore[arg-type]
    info = {"manifest": str(file), "weights": name, "metric": METRIC}
    return make_report(protocol, f"phoneme/{name}", [RATE], rows, "2026-02-03", info=info, num_resamples=200)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("corpus")
    return {part: manifest(folder / f"{part}.jsonl", seed) for seed, part in enumerate(("dev", "test"))}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, files: dict[str, Path]) -> tuple[str, str]:
    """Two that err apart, the second a little more often, and two frames later."""
    root = tmp_path_factory.mktemp("runs")
    return str(invent(root, "early", 1, 0.4, files)), str(invent(root, "late", 3, 0.45, files))


def table(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_fusion_of_two_runs_that_peak_apart(runs: tuple[str, str], ask: Ask, tmp_path: Path) -> None:
    """Frame by frame nothing is won; as whole answers, and by GOP, two know more than one."""
    target = tmp_path / "new/fusion.html"
    code, out, err = ask("action=fusion", *runs, f"out={target}", f"markdown={target.with_suffix('.md')}")
    assert (code, out.splitlines()[-1:]) == (0, [str(target)]), err
    assert "Fusion by sequence improves on phoneme/" in err
    assert "Fusion by GOP improves on phoneme/" in err
    assert "Fusion by frame improves" not in err
    rows = table(target.with_suffix(".csv"))
    dev = {
        (row["level"], row["figure"], float(row["alpha"])): float(row["value"])
        for row in rows
        if (row["part"], row["who"]) == ("dev", "fusion")
    }
    assert {level for level, *_ in dev} == {"frame", "sequence", "GOP"}
    assert len({alpha for *_, alpha in dev}) == 21
    members = {row["who"]: float(row["value"]) for row in rows if (row["part"], row["level"]) == ("dev", "frame")}
    ends = [dev["frame", "per", alpha] for alpha in (0.0, 1.0)]
    assert ends == pytest.approx([members["phoneme/early"], members["phoneme/late"]]), "each alone"
    chosen = next(row for row in rows if (row["part"], row["who"], row["level"]) == ("test", "fusion", "sequence"))
    curve = {alpha: value for (level, figure, alpha), value in dev.items() if (level, figure) == ("sequence", "per")}
    assert curve[float(chosen["alpha"])] == min(curve.values())
    page = target.read_text(encoding="utf-8")
    for part in ("Fusion on test", "By alpha", "Where both peak", "in frames apart", "sequence fusion", "Protocol"):
        assert part in page
    assert "100.0&nbsp;%" in page, "no two peaks overlap"
    assert "**Fusion on test**" in target.with_suffix(".md").read_text(encoding="utf-8")


def test_fusion_at_one_level(runs: tuple[str, str], ask: Ask, tmp_path: Path) -> None:
    """Its Reports named by the hashes of their Protocols; and with another rule."""
    named = {load(file).info["manifest"]: file.parent.name for file in Path(runs[0]).rglob("report.json")}
    words = [f"fusion.{Path(file).stem}={name}" for file, name in named.items()]
    out = tmp_path / "fusion.html"
    asked = ["fusion.levels=[gop]", "fusion.gop=aligned", "fusion.alphas=3", f"out={out}"]
    code, _, err = ask("action=fusion", *runs, *words, *asked)
    assert code == 0, err
    assert {row["level"] for row in table(out.with_suffix(".csv"))} == {"GOP"}
    asked = ["fusion.levels=[sequence]", "fusion.rule=mbr", "fusion.size=4", "fusion.alphas=3", f"out={out}"]
    code, _, err = ask("action=fusion", *runs, *asked)
    assert code == 0, err
    assert "Fusion by sequence improves on phoneme/" in err


def test_fusion_says_what_to_do(runs: tuple[str, str], files: dict[str, Path], ask: Ask, tmp_path: Path) -> None:
    bare = invent(tmp_path, "bare", 1, 0.4, files, cached=False)
    code, _, err = ask("action=fusion", runs[0], str(bare))
    assert code == 2
    assert (
        f"no {FILE} beside the report of {bare}: scansion evaluate {bare} data.manifest={files['dev']} emissions=cache"
        in err
    )
    code, _, err = ask("action=fusion", *runs, "fusion.test=other.jsonl")
    assert (code, "fusion.test=other.jsonl: " in err, "emissions=cache" in err) == (2, True, True)
    for words, told in (
        (["action=fusion", runs[0]], "takes two runs, not 1"),
        (["action=fusion", runs[0], runs[0]], "is named twice: name two runs"),
        (["action=fusion", *runs, "fusion.levels=[frames]"], "fusion.levels=frames: choose from frame, sequence, gop"),
        (["action=fusion", *runs, "fusion.rule=first"], "fusion.rule=first: choose from best, mbr"),
        (["action=fusion", *runs, "fusion.alphas=1"], "fusion.alphas=1: give 2 or more"),
        (["action=mix", *runs], "action=mix: no such way to report: choose from compare, gap, fusion, regression"),
    ):
        code, _, err = ask(*words)
        assert (code, told in err) == (2, True), err


def test_gap_between_two_runs(runs: tuple[str, str], ask: Ask, tmp_path: Path) -> None:
    target = tmp_path / "gap.html"
    code, out, err = ask("action=gap", *runs, f"out={target}", f"markdown={tmp_path}/gap.md")
    assert (code, out.splitlines()[-1:]) == (0, [str(target)]), err
    assert "phoneme/early" in err
    assert {row["by"] for row in table(tmp_path / "gap.csv")} == {"symbol", "confusion", "word", "group"}
    page = target.read_text(encoding="utf-8")
    assert all(part in page for part in ("By symbol", "By word", "By group", "Examples furthest apart"))
    assert "**By symbol**" in (tmp_path / "gap.md").read_text(encoding="utf-8")
    code, _, err = ask("action=gap", runs[0])
    assert (code, "takes two runs, not 1" in err) == (2, True)


@pytest.mark.parametrize("model", ["ridge", "transformer"])
def test_regression_from_one_manifest_to_another(runs: tuple[str, str], ask: Ask, tmp_path: Path, model: str) -> None:
    target = tmp_path / "scores.html"
    words = [f"regression.model={model}", "regression.epochs=8", f"out={target}", f"markdown={tmp_path}/scores.md"]
    code, out, err = ask("action=regression", *runs, *words)
    assert (code, out.splitlines()[-1:]) == (0, [str(target)]), err
    rows = table(target.with_suffix(".csv"))
    levels = ("phone", "word", "utterance")
    assert [(row["run"], row["level"]) for row in rows] == [
        (f"phoneme/{name}", level) for name in ("early", "late") for level in levels
    ]
    least = 0.6 if model == "ridge" else 0.2
    assert all(float(row["pcc"]) > least for row in rows if row["level"] == "phone"), (
        "which phone it is tells much here"
    )
    assert "People&#x27;s scores from GOP" in target.read_text(encoding="utf-8")
    assert "**People's scores from GOP" in (tmp_path / "scores.md").read_text(encoding="utf-8")


def test_regression_never_judges_what_it_learned_from(runs: tuple[str, str], files: dict[str, Path], ask: Ask) -> None:
    code, _, err = ask("action=regression", runs[0], f"regression.fit={files['test']}")
    assert (code, "is learned from and judged" in err) == (2, True)
    code, _, err = ask("action=regression", runs[0], "regression.model=forest")
    assert (code, "regression.model=forest: choose from ridge, transformer" in err) == (2, True)
    code, _, err = ask("action=regression")
    assert (code, "no run is named" in err) == (2, True)
