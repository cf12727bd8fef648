"""The verb list: conf/ and run folders as they are on disk; damaged ones are told, and none stops the rest."""

from __future__ import annotations

import fcntl
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from project.build.compose import CONF, options
from project.listing import choice
from project.listing.advice import next_step
from project.listing.choice import group_of, kinds
from project.listing.run_summary import RunSummary, below, summarize
from project.sweep import Point, Sweep

verb = importlib.import_module("project.list")
CURVE = """step,epoch,name,value
1,0,train/loss,3.0
10,0,dev/cer,0.5
20,1,dev/cer,0.2
30,2,dev/cer,0.3
30,2,dev/wer,0.9
"""
HEAVY = ("torch", "lightning", "numpy", "scipy", "hydra", "transformers", "matplotlib")


def made(root: Path, name: str, state: str = "finished", **noted: Any) -> Path:
    """A run's folder as training leaves it, of texts alone."""
    folder = root / name
    (folder / "checkpoints").mkdir(parents=True)
    for checkpoint in ("best.ckpt", "last.ckpt"):
        (folder / "checkpoints" / checkpoint).write_bytes(b"0" * 1000)
    config = {"command": "scansion train x", "callbacks": {"checkpoint": {"monitor": "dev/cer", "mode": "min"}}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    (folder / "state.json").write_text(json.dumps({"state": state, **noted}))
    (folder / "metrics.csv").write_text(CURVE)
    (folder / "train.log").write_text("2026-01-01 steps    1,040\n2026-01-01 steps    30\n")
    return folder


def reported(folder: Path, name: str, created: str, value: float, coverage: str = "full") -> None:
    shelf = folder / "reports" / name
    shelf.mkdir(parents=True)
    content = {
        "metrics": {"cer": value, "wer": 0.9},
        "intervals": {"cer": [value / 2, value * 2]},
        "measures": {"cer": {"above": ["a"], "below": ["b"], "better": "lower"}},
        "protocol": {"coverage": coverage},
        "info": {"manifest": "test.jsonl"},
        "created": created,
    }
    (shelf / "report.json").write_text(json.dumps(content))


def ask(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["scansion list", *words])
    with pytest.raises(SystemExit) as stop:
        verb.main()
    told = capsys.readouterr()
    assert isinstance(stop.value.code, int)
    return stop.value.code, told.out, told.err


def test_a_run_in_a_line(tmp_path: Path) -> None:
    """Against what was written by hand: the best value, the last start's steps, the latest whole Report."""
    folder = made(tmp_path, "morse/quick-1a2b3c4d", step=30)
    reported(folder, "a", "2026-01-01", 0.04)
    reported(folder, "b", "2026-01-02", 0.02)
    reported(folder, "c", "2026-01-03", 0.5, coverage="3 of 9, not for decisions")
    found = summarize(folder, tmp_path)
    assert (found.name, found.state, found.progress) == ("morse/quick-1a2b3c4d", "finished", "30/30")
    assert found.best is not None
    assert (found.best.name, found.best.value, found.best.step) == ("dev/cer", 0.2, 20)
    assert found.report is not None
    assert found.report.told == "cer 2 % [1, 4]"
    assert found.bytes == sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def test_a_figure_says_what_it_is_of(tmp_path: Path) -> None:
    """By the name that the run has for the manifest, or the file's, and by the decoder."""
    from project.listing.runs import listed

    told = []
    for number, (decode, own) in enumerate([({"decode": "beam@1", "size": 10}, "test.jsonl"), ({}, "other.jsonl")]):
        folder = made(tmp_path, f"morse/a-{number}")
        config = yaml.safe_load((folder / "config.yaml").read_text())
        config["data"] = {"manifest": {"train": None, "held_out": own}}
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
        reported(folder, "x", "2026-01-01", 0.02)
        file = folder / "reports/x/report.json"
        content = json.loads(file.read_text())
        content["protocol"]["decode"] = decode
        file.write_text(json.dumps(content))
        found = listed(tmp_path, [f"a-{number}"], "when", None)
        assert found.title.startswith("1 run below ")
        told.append(found.rows[0][4])
    assert told == ["cer 2 % [1, 4], held_out, beam", "cer 2 % [1, 4], test"]
    assert listed(tmp_path, [], "when", None).title.startswith("2 runs below ")


def test_a_table_of_runs_breaks_no_name(tmp_path: Path) -> None:
    import io

    from rich.console import Console

    from project.listing.runs import listed

    folder = made(tmp_path, "morse/quick-1a2b3c4d", step=30)
    reported(folder, "x", "2026-01-01", 0.02)
    stream = io.StringIO()
    Console(file=stream, width=80).print(listed(tmp_path, [], "when", None).table())
    for part in ("morse/quick-1a2b3c4d", "finished", "[1, 4]", "30/30"):
        assert part in stream.getvalue()


def test_states_are_held_against_the_lock(tmp_path: Path) -> None:
    """Who is killed notes nothing: a run that notes that it runs, and is held by nobody, was killed."""
    folder = made(tmp_path, "morse/a-1a2b3c4d", "running")
    dead = summarize(folder, tmp_path)
    assert (dead.state, dead.progress) == ("killed", "30/30")
    assert f"resume={folder}" in dead.problem
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert summarize(folder, tmp_path).state == "running"
    assert summarize(made(tmp_path, "morse/b-1a2b3c4d", "failed", error="boom"), tmp_path).problem == "boom"


DAMAGE = {
    "no config": lambda folder: (folder / "config.yaml").unlink(),
    "torn config": lambda folder: (folder / "config.yaml").write_text("a: ["),
    "config of another kind": lambda folder: (folder / "config.yaml").write_text("[1, 2]"),
    "binary config": lambda folder: (folder / "config.yaml").write_bytes(b"\xff\xfe\x00"),
    "torn state": lambda folder: (folder / "state.json").write_text('{"state": "fin'),
    "state of another kind": lambda folder: (folder / "state.json").write_text("[]"),
    "no state in it": lambda folder: (folder / "state.json").write_text('{"state": 3}'),
    "callbacks of another kind": lambda folder: (folder / "config.yaml").write_text("callbacks: [1]"),
    "no best checkpoint": lambda folder: (folder / "checkpoints" / "best.ckpt").unlink(),
    "a figure that is none": lambda folder: (folder / "metrics.csv").write_text("1,0,dev/cer,abc\n"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_run_is_broken_and_the_others_are_listed(
    damage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(made(tmp_path, "morse/bad-1a2b3c4d"))
    made(tmp_path, "morse/good-1a2b3c4d", step=30)
    code, out, err = ask(monkeypatch, capsys, "what=runs", f"runs={tmp_path}")
    states = dict(line.split("\t")[:2] for line in out.splitlines())
    assert code == 0
    assert states == {"morse/bad-1a2b3c4d": "broken", "morse/good-1a2b3c4d": "finished"}
    assert "broken: morse/bad-1a2b3c4d: " in err
    assert "Traceback" not in err


def test_a_damaged_report_is_told(tmp_path: Path) -> None:
    folder = made(tmp_path, "morse/a-1a2b3c4d")
    (folder / "reports/x").mkdir(parents=True)
    (folder / "reports/x/report.json").write_text("{")
    found = summarize(folder, tmp_path)
    assert (found.state, found.report) == ("finished", None)
    assert "reports/x/report.json" in found.problem


def test_runs_are_found_however_deep_families_are(tmp_path: Path) -> None:
    made(tmp_path, "a/b/c/run-1a2b3c4d")
    made(tmp_path, "run-1a2b3c4d")
    (tmp_path / "a/notes").mkdir()
    made(tmp_path, ".sweeps/x/run-1a2b3c4d")
    assert [str(folder.relative_to(tmp_path)) for folder in below(tmp_path)] == ["a/b/c/run-1a2b3c4d", "run-1a2b3c4d"]
    assert below(tmp_path / "nowhere") == []


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["match=morse"], {"morse/a-1", "morse/b-2"}),
        (['match=["*/a-*"]'], {"morse/a-1", "bars/a-3"}),
        (['match=["ROOT/bars/a-3/","morse/b"]'], {"bars/a-3", "morse/b-2"}),
        (["state=killed"], {"bars/a-3"}),
        (["match=nothing"], set()),
    ],
    ids=str,
)
def test_runs_are_chosen(
    words: list[str],
    names: set[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By a part of the name, by a pattern, by the path that a shell would write, by state; JSON and lines agree."""
    for name, state in (("morse/a-1", "finished"), ("morse/b-2", "finished"), ("bars/a-3", "running")):
        made(tmp_path, name, state)
    words = ["what=runs", f"runs={tmp_path}", *(word.replace("ROOT", str(tmp_path)) for word in words)]
    code, out, _ = ask(monkeypatch, capsys, *words)
    assert code == 0
    assert {line.split("\t")[0] for line in out.splitlines()} == names
    ask(monkeypatch, capsys, *words, f"out={tmp_path}/new/list.json")
    content = json.loads((tmp_path / "new/list.json").read_text())
    assert {one["name"] for one in content["found"]} == names
    assert all({"state", "step", "best", "report", "bytes", "problem"} <= one.keys() for one in content["found"])


def test_orders(tmp_path: Path) -> None:
    from project.listing.runs import ORDERS, listed

    for number, name in enumerate(("c-1", "a-2", "b-3")):
        folder = made(tmp_path, name)
        (folder / "metrics.csv").write_text(f"10,0,dev/cer,0.{5 - number}\n")
        reported(folder, "x", "2026-01-01", 0.1 * (number + 1))
    names = {order: [row[0] for row in listed(tmp_path, [], order, None).rows] for order in ORDERS}
    assert names["name"] == ["a-2", "b-3", "c-1"]
    assert names["report"] == ["c-1", "a-2", "b-3"]  # the lowest first
    assert names["best"] == ["c-1", "a-2", "b-3"]  # the best at the end
    assert RunSummary("x", "new").progress == "-"


def test_sweeps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = Sweep.make(tmp_path / ".sweeps/lr-1", {"command": "scansion train -m x"})
    for rate, state in (("0.1", "done"), ("0.2", "failed")):
        point = Point(f"run-{rate}", (f"optimizer.lr={rate}",), (), tmp_path / f"run-{rate}")
        sweep.add(point, {})
        sweep.note(point, state)  # type: ignore[arg-type]
    Sweep.make(tmp_path / ".sweeps/torn-2", {})
    (tmp_path / ".sweeps/torn-2/points/x.json").write_text("{")
    code, out, err = ask(monkeypatch, capsys, "what=sweeps", f"runs={tmp_path}")
    rows = {line.split("\t")[0]: line.split("\t")[1:4] for line in out.splitlines()}
    assert code == 0
    assert rows == {"lr-1": ["2", "1 done, 1 failed", "optimizer.lr (2)"], "torn-2": ["0", "broken", "-"]}
    assert "torn-2: " in err


def test_every_choice_of_every_group_is_listed() -> None:
    for kind in kinds():
        if kind in ("runs", "sweeps"):
            continue
        group = group_of(kind)
        assert group is not None, kind
        found = choice.listed(group, [])
        assert [row[0] for row in found.rows] == options(group)
        assert found.table().row_count == len(found.rows)
    assert {folder.name for folder in CONF.iterdir() if folder.is_dir()} == {
        *filter(None, map(group_of, kinds())),
        "sweep",
    }


def test_experiments_say_what_they_are_and_what_they_should_give() -> None:
    for one in choice.choices("experiment"):
        assert one.what.endswith("."), one
        assert "scansion train" in " ".join(one.commands), one
        assert "minute" in " ".join((*one.commands, one.expected)), one


@pytest.mark.parametrize("words", [["what=modles"], ["what=runs", "sort=size_on_disk"], ["what=runs", "state=gone"]])
def test_what_is_not_known_is_refused_with_the_remedy(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = ask(monkeypatch, capsys, *words)
    assert (code, out) == (2, "")
    assert "choose from" in err or "did you mean" in err


def test_no_heavy_package_is_imported() -> None:
    """Also for sweeps and the overview, which look furthest."""
    code = (
        "import sys; from project import list as verb\n"
        "for what in (None, 'runs', 'sweeps', 'models'):\n"
        "    verb.listed({'what': what, 'match': [], 'runs': 'runs', 'sort': 'when', 'state': None}).table()\n"
        f"print(*sorted({{*{HEAVY}}} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


def test_what_one_would_type_next(tmp_path: Path) -> None:
    """From an empty folder to a Report, and what to do about runs that did not end."""
    root, data = tmp_path / "runs", tmp_path / "data"
    assert next_step(root, data).startswith("scansion prepare corpus=morse")
    (data / "an4").mkdir(parents=True)
    (data / "an4" / "train.jsonl").touch()
    assert next_step(root, data).startswith("scansion list experiments")
    (data / "morse").mkdir()
    (data / "morse" / "train.jsonl").touch()
    assert next_step(root, data).startswith("scansion train experiment=morse/quick")
    folder = made(root, "morse/quick-1a2b3c4d", step=30)
    assert next_step(root, data).startswith(f"scansion evaluate {folder} ")
    reported(folder, "x", "2026-01-01", 0.02)
    assert next_step(root, data) == f"scansion report {folder}  (the latest run, cer 2 % [1, 4])"
    later = made(root, "morse/later-1a2b3c4d", "running")
    os.utime(later / "state.json", (2e9, 2e9))
    assert next_step(root, data) == f"scansion train resume={later}  (it was killed at 30/30 steps)"
    (later / "config.yaml").unlink()
    assert next_step(root, data).startswith(f"scansion list runs  ({later} is broken: ")
