"""What a sweep showed, from run folders to page and table: invented runs whose errors depend on one setting alone."""

from __future__ import annotations

import csv
import itertools
import json
import random
import re
import socket
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from project.contract import Hypothesis, InputError
from project.evaluation.estimate import make_report
from project.evaluation.protocol import Protocol, hash_ids
from project.evaluation.result import Row
from project.metric.text import ErrorRate
from project.reporting import sweep as report
from project.sweep import Point, Sweep

METRIC = ErrorRate("wer", "word")
RATES = {"1e-4": 0.25, "1e-3": 0.08, "1e-2": 0.6}  # of errors
LOSSES, SEEDS = ("ctc", "masked"), ("1", "2", "3")
WORDS = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel"]
GRID = list(itertools.product(RATES, LOSSES, SEEDS))
NUM_EXAMPLES = 60


def score(run: Path, rate: float) -> list[float]:
    """A Report of a run that takes words for others that often; its errors by example."""
    wanted, errs, rows = random.Random(1), random.Random(run.name), []
    for n in range(NUM_EXAMPLES):
        words = [wanted.choice(WORDS) for _ in range(8)]
        heard = " ".join("zulu" if errs.random() < rate else word for word in words)
        columns = METRIC.score(" ".join(words), Hypothesis((), heard, 0.0))
        rows.append(Row(f"e{n}", " ".join(words), heard, None, 1.0, -1.0, columns))
    protocol = Protocol("m", hash_ids(row.id for row in rows), NUM_EXAMPLES, "full", {}, {}, "a", {}, "none", "32", "0")
    info = {"manifest": "data/test.jsonl"}
    made = make_report(protocol, f"x/{run.name}", [METRIC], rows, "2026-02-03", info=info, num_resamples=100)
    made.save(run / "reports")
    return [sum(word == "zulu" for word in row.hypothesis.split()) for row in rows]


def begin(root: Path, words: tuple[str, ...], state: str, **facts: Any) -> Point:
    """A point of the ledger, and its run's folder."""
    name = f"r-{'-'.join(word.partition('=')[2] for word in words)}"
    point = Point(name, words, words, root / "runs/x" / name)
    sweep = Sweep(root / "runs/.sweeps/lr-1")
    sweep.add(point, {"callbacks": {"checkpoint": {"monitor": "dev/wer", "mode": "min"}}})
    sweep.note(point, state, **facts)  # type: ignore[arg-type]
    point.run.mkdir(parents=True)
    (point.run / "config.yaml").write_text(yaml.safe_dump({"name": name}))
    return point


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Sweep, dict[str, list[float]]]:
    """A sweep of 18 points that are done and were scored; their errors by example."""
    root = tmp_path_factory.mktemp("sweep")
    sweep = Sweep.make(root / "runs/.sweeps/lr-1", {"axes": ["optimizer.lr", "loss", "seed"]})
    errors = {}
    for lr, loss, seed in GRID:
        point = begin(root, (f"optimizer.lr={lr}", f"loss={loss}", f"seed={seed}"), "done")
        errors[point.name] = score(point.run, RATES[lr])
        lines = [f"{10 * n},{n},dev/wer,{RATES[lr] + 0.1 / n + int(seed) / 100}" for n in (1, 2, 3)]
        (point.run / "metrics.csv").write_text("\n".join(["step,epoch,name,value", *lines, ""]))
    return sweep, errors


def act(sweep: Sweep, target: Path, **more: Any) -> int:
    asked = {"sweep": str(sweep.folder), "out": str(target), "markdown": None, "manifest": None, "protocol": None}
    return report.act(asked | {"allow": []} | more)


def table(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def check_page(page: Path) -> str:
    """Its pictures parse, and it asks nothing of the network."""
    text = page.read_text(encoding="utf-8")
    drawn = re.findall(r"<svg viewBox.*?</svg>", text, flags=re.S)
    for svg in drawn:
        ET.fromstring(svg.replace("&nbsp;", " "))  # noqa: S314
    assert len(drawn) >= 3
    assert not re.search(r"(?:src|href)=.?http", text)
    return text


def test_by_reports(made: tuple[Sweep, dict[str, list[float]]], tmp_path: Path, capsys: Any) -> None:
    sweep, errors = made
    target = tmp_path / "new/sweep.html"
    assert act(sweep, target, markdown=str(tmp_path / "sweep.md")) == 0
    told = capsys.readouterr()
    assert told.out.splitlines()[-1] == str(target)
    said = " ".join(told.err.split())
    totals = {name: sum(found) for name, found in errors.items()}
    best = min(totals, key=totals.__getitem__)
    rows = {row["point"]: row for row in table(target.with_suffix(".csv"))}
    assert len(rows) == 18
    for name, row in rows.items():
        assert float(row["figure"]) == pytest.approx(totals[name] / (8 * NUM_EXAMPLES))
        assert float(row["low"]) < float(row["figure"]) < float(row["high"])
        if name != best:
            assert float(row["difference"]) == pytest.approx((totals[name] - totals[best]) / (8 * NUM_EXAMPLES))
    assert rows[best]["tie"] == "True"
    rng = np.random.default_rng(0)
    drawn_RN = rng.integers(0, NUM_EXAMPLES, (4_000, NUM_EXAMPLES))
    clear = 0
    for name, row in rows.items():
        if name == best:
            continue
        gaps_R = (np.array(errors[name]) - np.array(errors[best]))[drawn_RN].sum(axis=1)
        inner, outer = (np.quantile(gaps_R, tail) for tail in (0.05, 0.01))
        if inner <= 0 or outer > 0:  # clear either way, whatever widens an interval a little
            clear += 1
            assert row["tie"] == str(inner <= 0), name
    assert clear >= 15
    assert "optimizer.lr matters: means" in said
    assert "together" in said
    assert "best at 1e-3" in said
    assert re.search(r"loss (does less than seeds do|may do nothing)", said)
    assert "Best setting over seeds: optimizer.lr=1e-3 loss=" in said
    page = check_page(target)
    for part in ("What each setting does", "All points", "Points, best first", "Comparison with the best", "Protocol"):
        assert part in page
    assert "Not at their end" not in page
    assert "**What each setting does**" in (tmp_path / "sweep.md").read_text(encoding="utf-8")


def test_points_that_are_not_done_are_told(made: Any, tmp_path: Path, capsys: Any) -> None:
    """Failed, stopped, pruned and vanished ones stand in the page and in the CSV, and in no figure."""
    sweep, _ = made
    root = sweep.folder.parents[2]
    ends = {"failed": "no such file: mend it", "stopped": "stopped by SIGTERM", "pruned": "", "running": ""}
    extra = []
    for state, error in ends.items():
        words = ("optimizer.lr=9", "loss=ctc", f"seed={state}")
        facts = {"error": error} if error else {}
        extra.append(begin(root, words, state, job=f"pid 4194999/1 on {socket.gethostname()}", **facts))
    try:
        assert act(sweep, tmp_path / "sweep.html") == 0
        said = " ".join(capsys.readouterr().err.split())
        assert "4 of 22 points have not come to an end and are not in these figures" in said
        rows = {row["point"]: row for row in table(tmp_path / "sweep.csv")}
        states = ["failed", "stopped", "pruned", "failed"]
        assert [rows[point.name]["state"] for point in extra] == states
        assert {rows[point.name]["figure"] for point in extra} == {""}
        page = check_page(tmp_path / "sweep.html")
        for part in ("Not at their end", "no such file: mend it", "stopped by SIGTERM", "its process is gone"):
            assert part in page
    finally:
        for point in extra:
            sweep.file(point).unlink()


def test_without_reports_by_dev(made: Any, tmp_path: Path, capsys: Any) -> None:
    """The best of each run's dev figures; that there are no intervals is said, and how to get some."""
    sweep, _ = made
    points = sweep.points()
    hidden = points[3].run / "reports"
    hidden.rename(points[3].run / "away")
    try:
        assert act(sweep, tmp_path / "sweep.html") == 0
        with pytest.raises(InputError, match=r"no report on manifest=data/test.jsonl: scansion evaluate "):
            act(sweep, tmp_path / "sweep.html", manifest="data/test.jsonl")
    finally:
        (points[3].run / "away").rename(hidden)
    said = " ".join(capsys.readouterr().err.split())
    assert (
        f"no report of {points[3].run}: these are best dev figures, without intervals, and ties cannot be told" in said
    )
    assert f"scansion evaluate {points[3].run}" in said
    assert "Best of 18 points: optimizer.lr=1e-3 loss=ctc seed=1: best WER on dev 0.1233" in said
    for row in table(tmp_path / "sweep.csv"):
        assert float(row["figure"]) == pytest.approx(RATES[row["optimizer.lr"]] + 0.1 / 3 + int(row["seed"]) / 100)
        assert row["low"] == row["difference"] == ""
    assert "#protocol" not in check_page(tmp_path / "sweep.html")


def test_what_cannot_be_reported(made: Any, tmp_path: Path) -> None:
    empty = Sweep.make(tmp_path / "runs/.sweeps/none-1", {"axes": ["seed"]})
    for n in range(2):
        point = Point(f"r-{n}", (f"seed={n}",), (), tmp_path / f"r-{n}")
        empty.add(point, {})
        empty.note(point, "failed", error="no")
    with pytest.raises(
        InputError, match="2 failed: two points or more must be done: see scansion report action=status"
    ):
        act(empty, tmp_path / "sweep.html")
    with pytest.raises(InputError, match="no such sweep"):
        act(Sweep(tmp_path / "nowhere"), tmp_path / "sweep.html")
    assert json.loads((empty.folder / "sweep.json").read_text())["axes"] == ["seed"]


def test_one_axis_has_nothing_beyond_itself(tmp_path: Path, capsys: Any) -> None:
    """What settings do together is told of two axes or more."""
    sweep = Sweep.make(tmp_path / "runs/.sweeps/lr-1", {"axes": ["optimizer.lr", "seed"]})
    for lr, seed in itertools.product(RATES, SEEDS[:2]):
        score(begin(tmp_path, (f"optimizer.lr={lr}", f"seed={seed}"), "done").run, RATES[lr])
    assert act(sweep, tmp_path / "sweep.html") == 0
    said = capsys.readouterr().err
    assert "What each setting does" in said
    assert "optimizer.lr" in said
    assert "together" not in said
    assert "beyond what each does" not in (tmp_path / "sweep.html").read_text(encoding="utf-8")
