"""What W&B gets of a run, read back with W&B's own reader; and that no W&B can do a run harm."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback

from project import train
from project.build import assemble
from project.build.compose import compose
from project.contract import InputError
from project.data.manifest import Manifest
from project.logger import wandb as ours
from project.logger.wandb import WandbRun
from project.run import Run

pytestmark = pytest.mark.long

wandb = pytest.importorskip("wandb", reason="the extra `wandb` is not installed")

Read = Callable[[Path], list[dict[str, Any]]]
Records = list[dict[str, Any]]


class Stop(Callback):
    """A run that dies after a step."""

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if trainer.global_step == 9:
            raise RuntimeError("the power is gone")


@pytest.fixture(scope="module")
def run(tiny: list[str], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Twelve steps, a validation after six; died after nine, went on from eight."""
    folder = tmp_path_factory.mktemp("wandb")
    words = ["logger=wandb", "logger.wandb.checkpoints=best", f"part_of={folder}/.sweeps/rates"]
    words += ["callbacks.checkpoint.every_steps=2", "callbacks.recorder.every_steps=1", "callbacks.samples.count=3"]
    config, run, build = compose("train", [*tiny, *words]), Run(folder / "run"), assemble.build_trainer

    def with_stop(*arguments: Any) -> Trainer:
        trainer = build(*arguments)
        trainer.callbacks.append(Stop())  # type: ignore[attr-defined]
        return trainer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assemble, "build_trainer", with_stop)
        with pytest.raises(RuntimeError, match="the power is gone"):
            train.fit(run, config, train.build(config))
    config["trainer"]["max_epochs"] = 2
    config["part_of"] = None  # as when somebody else continues it
    train.fit(run, config, train.build(config))
    return run


@pytest.fixture(scope="module")
def logs(run: Run, read: Read) -> list[Records]:
    """The records of both starts."""
    return [read(folder) for folder in offline_runs(run.folder)]


def begin(folder: Path) -> None:
    """What a run's folder holds before anything is logged."""
    folder.mkdir(exist_ok=True)
    (folder / "launch.yaml").write_text("seed: 5\npart_of: runs/.sweeps/rates\n")


def offline_runs(folder: Path) -> list[Path]:
    """In their order: several may have begun within a second, and are then told apart by a number."""
    return sorted((folder / "wandb").glob("offline-run-*"), key=lambda one: one.stat().st_mtime_ns)


def of_kind(records: Records, kind: str) -> Records:
    return [record[kind] for record in records if record["type"] == kind]


def scalars(records: Records) -> list[tuple[int, str, float]]:
    """Step, name and value of all that was logged."""
    return [
        (row["step"], name, value)
        for row in (record["item"] for record in of_kind(records, "history"))
        for name, value in row.items()
        if not name.startswith(("_", "examples")) and name not in {"step", "epoch"}
    ]


def test_curves_are_those_of_metrics_csv(run: Run, logs: list[Records]) -> None:
    """All of them, learning rate too; what was sent twice was equal."""
    written = {(step, name): value for name, curve in run.curves().items() for step, value in curve}
    sent = [point for log in logs for point in scalars(log)]
    assert {(step, name) for step, name, _ in sent} == set(written)
    assert all(written[step, name] == value for step, name, value in sent)
    assert {"train/lr", "train/loss", "dev/loss", "dev/cer"} <= {name for _, name, _ in sent}
    again = {(step, name) for step, name, _ in scalars(logs[0])} & {(step, name) for step, name, _ in scalars(logs[1])}
    assert {step for step, _ in again} == {9}, "the step that was lost"


def test_every_curve_has_the_steps_of_training_as_its_axis(logs: list[Records]) -> None:
    for log in logs:
        found = {metric.get("name") or metric.get("glob_name"): metric for metric in of_kind(log, "metric")}
        assert found["*"]["step_metric"] == "step"


def test_it_is_one_wandb_run_in_the_group_of_its_sweep(run: Run, logs: list[Records]) -> None:
    known = json.loads((run.folder / "wandb.json").read_text())
    begun = [of_kind(log, "run")[0] for log in logs]
    assert len(begun) == 2
    assert [one["run_id"] for one in begun] == [known["id"]] * 2
    assert [one["run_group"] for one in begun] == ["rates"] * 2
    assert [one["project"] for one in begun] == ["scansion"] * 2
    assert [one["display_name"] for one in begun] == [run.name] * 2
    assert [of_kind(log, "exit")[-1].get("exit_code", 0) for log in logs] == [1, 0]
    assert wandb.run is None


def test_the_whole_configuration_is_sent(run: Run, logs: list[Records]) -> None:
    (config,) = [one["config"]["update"] for one in of_kind(logs[1], "run")]
    assert config["data"]["batching"].pop("max_length") == "Infinity"
    wanted = run.launch()
    del wanted["data"]["batching"]["max_length"]
    assert {key: value for key, value in config.items() if key != "_wandb"} == wanted


def test_tables_show_the_samples_and_let_them_be_heard(run: Run, logs: list[Records], morse: Path) -> None:
    """The same three examples at both validations, their recordings whole, and each kept once."""
    rows = [json.loads(line) for line in (run.folder / "samples.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [6, 6, 6, 12, 12, 12]
    media = {example.id: example.media for example in Manifest.open(str(morse / "dev.jsonl"))}
    tables = [one for log in logs for one in of_kind(log, "artifact") if one["type"] == "run_table"]
    assert len(tables) == 2
    for table, wanted in zip(tables, (rows[:3], rows[3:]), strict=True):
        files = {entry["path"]: Path(entry["local_path"]) for entry in table["manifest"]["contents"]}
        content = json.loads(files["examples.table.json"].read_text())
        assert content["columns"] == ["epoch", "id", "reference", "hypothesis", "cer", "sound"]
        names = content["columns"][:-1]
        assert [row[:-1] for row in content["data"]] == [[one[name] for name in names] for one in wanted]
        for row in content["data"]:
            heard, said = (soundfile.read(file)[0] for file in (files[row[-1]["path"]], media[row[1]]))
            np.testing.assert_allclose(heard, said, atol=2**-15)
        assert all(file.is_relative_to(run.folder.resolve()) for file in files.values()), "nothing is kept elsewhere"
    sounds = [file for file in run.folder.rglob("*") if file.is_file() and file.read_bytes()[:4] == b"fLaC"]
    assert len(sounds) == 3


def test_the_best_checkpoint_is_sent_as_a_run_folder(run: Run, logs: list[Records]) -> None:
    assert not [one for one in of_kind(logs[0], "artifact") if one["type"] == "model"], "it was not done"
    (artifact,) = [one for one in of_kind(logs[1], "artifact") if one["type"] == "model"]
    files = {entry["path"]: Path(entry["local_path"]) for entry in artifact["manifest"]["contents"]}
    assert set(files) == {"checkpoints/best.ckpt", "config.yaml", "alphabet.json", "data.json"}
    assert all(file.read_bytes() == (run.folder / name).read_bytes() for name, file in files.items())
    best = {"best/dev/cer": None, "best/step": None}
    for update in of_kind(logs[1], "summary"):
        best |= {name: value for name, value in update["update"].items() if name in best}
    curve = run.curves()["dev/cer"]
    assert best["best/dev/cer"] == min(value for _, value in curve)
    assert (best["best/step"], best["best/dev/cer"]) in curve


def test_points_in_one_process_have_runs_of_their_own(tmp_path: Path, read: Read) -> None:
    """Though a run of somebody else's is open."""
    theirs = wandb.init(mode="offline", dir=str(tmp_path), settings=wandb.Settings(silent=True, console="off"))
    for name in ("a", "b"):
        begin(tmp_path / name)
        logger = WandbRun(str(tmp_path / name), run_name=name)
        logger.log_metrics({"epoch": 0, "loss": float(name == "a")}, step=1)
        logger.finalize("success")
        logger.finalize("success")  # there is nothing left to end
    theirs.finish()
    begun = []
    for name in ("a", "b"):
        (folder,) = offline_runs(tmp_path / name)
        records = read(folder)
        begun += of_kind(records, "run")
        assert scalars(records) == [(1, "loss", float(name == "a"))]
    assert begun[0]["run_id"] != begun[1]["run_id"]
    assert [one["run_group"] for one in begun] == ["rates", "rates"]


def test_another_project_is_another_wandb_run(tmp_path: Path) -> None:
    ids = []
    for project in ("one", "one", "two"):
        logger = WandbRun(str(tmp_path), project=project)
        logger.rewind(0)
        ids.append(logger.version)
        logger.finalize("success")
    assert ids[0] == ids[1] != ids[2]


# W&B online, and not.


def log_some(folder: Path, steps: range, wait: Callable[[int], object] = lambda step: None) -> float:
    """Log some steps online; how many seconds all of it took."""
    began = time.monotonic()
    begin(folder)
    logger = WandbRun(str(folder), mode="online", run_name="a")
    logger.rewind(0)
    for step in steps:
        logger.log_metrics({"epoch": 0, "loss": 1 / step}, step=step)
        wait(step)
    logger.finalize("success")
    return time.monotonic() - began


def told(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line for line in capsys.readouterr().err.splitlines() if line and not line.startswith("wandb:")]


def test_online_it_sends_all_and_is_resumed_under_its_id(
    server: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log_some(tmp_path, range(1, 4))
    log_some(tmp_path, range(3, 6))
    assert [(row["step"], row["loss"]) for row in server.history] == [(n, 1 / n) for n in (1, 2, 3, 3, 4, 5)]
    known = json.loads((tmp_path / "wandb.json").read_text())
    begun = [variables for name, variables in server.asked if name == "UpsertBucket" and variables["groupName"]]
    assert [(one["name"], one["groupName"]) for one in begun] == [(known["id"], "rates")] * 2
    assert json.loads(begun[0]["config"])["seed"] == {"value": 5}
    assert [variables["name"] for name, variables in server.asked if name == "RunResumeStatus"] == [known["id"]] * 2
    assert all(line.startswith(f"W&B      {server.url}") for line in told(capsys))


@pytest.mark.parametrize("kind", ["dead", "mute"])
def test_a_server_that_does_not_answer_is_done_without(
    kind: str, server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], read: Read,
) -> None:  # fmt: skip
    monkeypatch.setattr(ours, "INIT_SECONDS", 0.5)
    server.is_mute = kind == "mute"
    if kind == "dead":
        server.die()
    assert log_some(tmp_path, range(1, 100)) < 8
    (line,) = told(capsys)
    assert line.startswith("W&B cannot be reached (CommError: ")
    assert line.endswith(f"this run goes on offline, below {tmp_path / 'wandb'}")
    (folder,) = offline_runs(tmp_path)
    records = read(folder)
    assert scalars(records) == [(n, "loss", 1 / n) for n in range(1, 100)]
    assert of_kind(records, "run")[0]["run_id"] == json.loads((tmp_path / "wandb.json").read_text())["id"]


def test_a_server_that_dies_takes_nothing_with_it(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], read: Read
) -> None:
    monkeypatch.setattr(ours, "FINISH_SECONDS", 0.5)
    assert log_some(tmp_path, range(1, 100), lambda step: server.die() if step == 50 else None) < 8
    (folder,) = (tmp_path / "wandb").glob("run-*")
    _, line = told(capsys)
    assert line.startswith("W&B has not got everything (TimeoutError: ")
    assert line.endswith(f"send the rest later with: wandb sync {folder}")
    assert scalars(read(folder)) == [(n, "loss", 1 / n) for n in range(1, 100)]


def test_a_process_of_wandb_that_dies_is_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], read: Read
) -> None:
    logger = WandbRun(str(tmp_path), run_name="a")
    logger.log_metrics({"loss": 1.0}, step=1)
    kill_service()
    for step in range(2, 6):
        logger.log_metrics({"loss": 1.0 / step}, step=step)
        time.sleep(0.05)
    logger.finalize("success")
    last = offline_runs(tmp_path)[-1]
    assert scalars(read(last))[-1] == (5, "loss", 0.2)
    assert not [line for line in told(capsys) if "left out" in line]


def kill_service() -> None:
    """Kill the process that writes and sends for W&B."""
    processes = [one for one in gc.get_objects() if type(one) is subprocess.Popen]
    (service,) = [one for one in processes if "wandb-core" in str(one.args) and one.poll() is None]
    service.kill()
    service.wait()


def test_who_is_not_logged_in_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"mode=online: no account here, or WANDB_MODE=offline: run `wandb login`"):
        WandbRun(str(tmp_path), mode="online")


def test_without_the_package_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(InputError, match=r"the package wandb is missing: pip install 'scansion\[wandb\]'"):
        WandbRun(str(tmp_path))
