"""`scansion train search=...`: points run as those of a sweep, and a search that is stopped goes on."""

from __future__ import annotations

import csv
import math
import shutil
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from project import train
from project.build.compose import compose
from project.contract import Config, InputError
from project.search.study import FILE
from project.search.trials import Outcome
from project.sweep import Point, Sweep
from project.sweeping import elsewhere, sweep_run
from project.sweeping.search_ranges import moved
from project.sweeping.search_run import (
    Launch,
    command_of,
    common_words,
    is_wanted,
    run,
    search,
    see_through,
    through,
    waiting,
)

pytestmark = pytest.mark.long


pytest.importorskip("optuna")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test in an empty folder, so that all have the same words, which are composed once."""
    monkeypatch.chdir(tmp_path)


SPACE = ["optimizer.lr=log(1e-5,1e-1)", "model.blocks=range(1,4)"]


def asked(*words: str) -> tuple[Config, list[str]]:
    """The configuration and the words, as the command line gives them."""
    given = moved([*words])
    return compose("train", given), given


class Trained:
    """Instead of training: a figure that is best at 1e-3 and 2 blocks; some points fail, or end the process."""

    def __init__(self, **odd: Any) -> None:
        self.batches: list[list[list[str]]] = []
        self.odd = odd

    @property
    def points(self) -> list[list[str]]:
        return [words for batch in self.batches for words in batch]

    def __call__(self, batch: list[list[str]]) -> list[Outcome]:
        self.batches.append(batch)
        return [self.outcome(words, len(self.points) - len(batch) + place) for place, words in enumerate(batch)]

    def outcome(self, words: list[str], number: int) -> Outcome:
        odd = self.odd.get(f"at_{number}")
        if odd is KeyboardInterrupt:
            raise KeyboardInterrupt
        values = dict(word.partition("=")[::2] for word in words)
        value = (math.log10(float(values["optimizer.lr"])) + 3) ** 2 + abs(int(values["model.blocks"]) - 2)
        return odd or Outcome(f"runs/{number}", "done", value)


def ledger_of(out: str) -> Path:
    return Path(out.splitlines()[-1])


def test_a_search_killed_after_three_of_six_runs_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["search=tpe", "search.trials=6", "search.sampler.startup=3", *SPACE]
    whole = Trained()
    assert search(*asked(*words, "runs=a"), whole) == 0
    first, second = Trained(at_3=KeyboardInterrupt), Trained()
    with pytest.raises(KeyboardInterrupt):
        search(*asked(*words, "runs=b"), first)
    capsys.readouterr()
    assert search(*asked(*words, "runs=b"), second) == 0
    told = capsys.readouterr()
    assert "3 of 6 trials are done" in told.err
    own = [[word for word in point if not word.startswith("callbacks.")] for point in whole.points]
    assert [[word for word in point if not word.startswith("callbacks.")] for point in first.points] == own[:4]
    assert [[word for word in point if not word.startswith("callbacks.")] for point in second.points] == own[3:]
    assert [word for word in second.points[0] if "pruning.trial" in word] == ["callbacks.pruning.trial=3"]
    rows = list(csv.DictReader((ledger_of(told.out) / "trials.csv").read_text().splitlines()))
    assert [row["state"] for row in rows] == ["done"] * 6


def test_failed_and_stopped_points(capsys: pytest.CaptureFixture[str]) -> None:
    """A failed one does not stop the search; one that was told to stop does, and is run first when it goes on."""
    words = ["search=random", "search.trials=5", "search.at_once=2", *SPACE]
    first = Trained(at_0=Outcome("r", "failed", error="no memory"), at_2=Outcome("r", "stopped", code=143))
    assert search(*asked(*words), first) == 143
    told = capsys.readouterr()
    assert "failed: no memory" in told.err
    assert "the same command goes on" in told.err
    second = Trained()
    assert search(*asked(*words), second) == 0
    assert second.points[0] == first.points[2]
    assert [len(batch) for batch in second.batches] == [2]
    assert "exactly as good" not in capsys.readouterr().err


def test_where_all_points_fail_the_exit_code_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    odd = {f"at_{number}": Outcome("r", "failed", error="no memory") for number in range(2)}
    assert search(*asked("search=random", "search.trials=2", *SPACE), Trained(**odd)) == 1
    assert "no point came to its end" in capsys.readouterr().err


def test_the_same_point_runs_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Two values, eight trials, four at once: two processes in one run's folder would be in each other's way."""
    words = ["search=random", "search.trials=8", "search.at_once=4", "optimizer.lr=1e-3", "model.blocks=2,3"]
    trained = Trained()
    odd = lambda words, number: Outcome("r", "done", float(dict(w.split("=", 1) for w in words)["model.blocks"]))  # noqa: E731
    trained.outcome = odd  # type: ignore[method-assign]
    assert search(*asked(*words), trained) == 0
    assert len(trained.points) == len({point[0] for point in trained.points}) == 2
    assert "2 points, each trained once" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["search=tpe"], "search.space is empty"),
        (["search=tpe", "optimizer.lrr=0.1,0.2"], r"optimizer\.lrr=0\.1: optimizer\.lrr: no such key"),
        (["search=tpe", "model.blocks=interval(1,3)"], "not a whole number"),
        (["search=tpe", "model=envelope,envelop"], "model=envelop: no such model"),
        (["search=tpe", "search.pruner.warmup=-1", *SPACE], "search.pruner.warmup=-1"),
    ],
)
def test_what_is_wrong_shows_before_anything_runs(words: list[str], told: str) -> None:
    with pytest.raises(InputError, match=told):
        search(*asked(*words), Trained())
    assert not Path("runs").exists()


def test_a_missing_package_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    with pytest.raises(InputError, match=r"pip install 'scansion\[search\]'"):
        search(*asked("search=tpe", *SPACE), Trained())


def test_the_command_of_one_point_is_without_the_search() -> None:
    config, words = asked("experiment=morse/quick", "sweep=search_lr", "search.trials=3", "model.blocks=2,3")
    assert is_wanted(config)
    base = common_words(words, ["optimizer.lr", "model.blocks"])
    again = command_of(words, base)
    assert again == ["scansion", "train", "experiment=morse/quick", "sweep=search_lr", "~search"]
    assert not is_wanted(compose("train", [*again[2:], "optimizer.lr=0.001"]))


def test_points_are_trained_into_the_ledger(tiny: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Two trials of a tiny model. They are not trained again when one more is asked for."""
    words = ["search=random", "search.trials=2", *tiny, "trainer.max_epochs=1", "model.blocks=1,2"]
    words += ["optimizer.lr=log(1e-4,1e-2)"]
    config, given = asked(*words)
    launch: Launch = through(given, ["model.blocks", "optimizer.lr"], train.train_one)
    assert search(config, given, launch) == 0
    told = capsys.readouterr()
    ledger = Sweep.open(ledger_of(told.out))
    assert (ledger.folder / FILE).is_file()
    points = ledger.points()
    assert [ledger.state(point)["state"] for point in points] == ["done"] * 2
    assert {tuple(word.partition("=")[0] for word in point.words) for point in points} == {
        ("model.blocks", "optimizer.lr")
    }
    rows = list(csv.DictReader((ledger.folder / "trials.csv").read_text().splitlines()))
    for row in rows:
        run = sweep_run.Run(Path(row["run"]))
        assert float(row["value"]) == min(value for _, value in run.curves()["dev/cer"])
        assert run.config()["model"]["blocks"] == int(row["model.blocks"])
        assert float(run.config()["optimizer"]["lr"]) == float(row["optimizer.lr"])
    times = {row["run"]: (Path(row["run"]) / "state.json").stat().st_mtime_ns for row in rows}
    config, given = asked(*words, "search.trials=3")
    assert search(config, given, launch) == 0
    assert {run: (Path(run) / "state.json").stat().st_mtime_ns for run in times} == times
    assert len(ledger.points()) == 3


def test_a_launcher_that_runs_nothing_is_refused() -> None:
    """A search would wait for ever for a script that somebody may hand in; SLURM's jobs are waited for."""
    config, words = asked("search=random", *SPACE, "launcher=slurm_script")
    with pytest.raises(InputError, match="leaves it to you"):
        run(config, words, train.train_one)
    assert waiting(compose("train", ["launcher=slurm"])).waits


def begun(folder: Path) -> tuple[Sweep, list[Point]]:
    """A batch of two points; the first is in the hands of an earlier start."""
    ledger = Sweep.make(folder / "runs/.sweeps/lr-1", {"axes": ["lr"], "order": ["a", "b"]})
    for name in ("a", "b"):
        ledger.add(Point(name, (f"lr={name}",), (), folder / "runs/x" / name), {"resume": None})
    points = ledger.points()
    ledger.note(points[0], "running")
    return ledger, points


@pytest.mark.parametrize(("state", "again"), [("stopped", ["a"]), ("failed", [])])
def test_trials_of_an_earlier_start_are_taken_up(
    state: Any, again: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A search that was killed leaves a point that writes its checkpoint: it is waited for, and then goes on."""
    monkeypatch.setattr(elsewhere, "SECONDS_BETWEEN_LOOKS", 0.01)
    ledger, points = begun(tmp_path)
    started: list[list[str]] = []

    def start(todo: Sequence[Point]) -> None:
        started.append([point.name for point in todo])
        for point in todo:
            ledger.note(point, "done")

    with ExitStack() as held:
        held.enter_context(sweep_run.Run(points[0].run).lock())

        def let_go() -> None:
            ledger.note(points[0], state, error="by its launcher")
            held.close()

        ending = threading.Timer(0.2, let_go)
        ending.start()
        see_through(ledger, points, start)
        ending.join()
    assert started == ([["b"], again] if again else [["b"]])
    assert "points of an earlier start: 1 running already: they are waited for" in capsys.readouterr().err


def test_a_search_is_of_one_data(tiny: list[str], morse: Path, tmp_path: Path) -> None:
    """Figures on a manifest that has changed since do not compare with those to come; what was found is still told."""
    shutil.copytree(morse, tmp_path / "morse")
    manifest = tmp_path / "morse" / "dev.jsonl"
    fixed = [word for word in tiny if not word.startswith("data.manifest.dev")]
    words = [*fixed, f"data.manifest.dev={manifest}", "trainer.max_epochs=1", "model.blocks=1,2", "search=random"]
    config, given = asked(*words, "search.trials=1")
    launch = through(given, ["model.blocks"], train.train_one)
    assert search(config, given, launch) == 0
    manifest.write_text("".join(manifest.read_text().splitlines(keepends=True)[:-1]))
    assert search(config, given, launch) == 0
    with pytest.raises(InputError, match=r"its dev manifest has changed since it began: restore it"):
        search(*asked(*words, "search.trials=2"), launch)


def test_a_point_that_is_done_on_other_data_ends_a_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that was trained and not told before the search was killed."""
    ledger, points = begun(tmp_path)
    points[0].run.mkdir(parents=True)
    sweep_run.Run(points[0].run).note("finished")
    monkeypatch.setattr(sweep_run, "change_in", lambda run, config: f"{run.folder}: its dev manifest has changed")
    with pytest.raises(InputError, match=r"point lr=a: .*x/a: its dev manifest has changed"):
        see_through(ledger, points, lambda todo: pytest.fail("a point was started"))
