"""Run folders: names, atomic writes, and what they say of the world they were made in."""

from __future__ import annotations

import copy
import fcntl
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from project import run
from project.build.compose import compose
from project.contract import Config, InputError
from project.environment import environment


def sign(config: Config) -> str:
    return run.signature(config, compose("train"), config["signature_ignores"])


def test_the_signature_is_of_what_changes_results(config: Config) -> None:
    base = sign(config)
    assert sign(compose("train")) == run.signature({}, {}, [])  # the defaults differ from themselves in nothing
    for group, key, value in [("data", "workers", 7), ("trainer", "devices", 2), ("trainer", "accelerator", "gpu")]:
        assert sign(config | {group: config[group] | {key: value}}) == base
    assert sign(config | {"name": "other", "runs": "elsewhere", "threads": 4}) == base
    for changed in (
        config | {"seed": 2},
        config | {"model": config["model"] | {"channels": 17}},
        config | {"optimizer": config["optimizer"] | {"lr": 0.5}},
        config | {"trainer": config["trainer"] | {"precision": "bf16-mixed"}},
    ):
        assert sign(changed) != base


def test_a_key_with_a_default_does_not_change_old_signatures(config: Config) -> None:
    """When scansion learns a new key, runs made before are still found."""
    defaults, newer = copy.deepcopy(compose("train")), copy.deepcopy(config)
    for each in (defaults, newer):
        each["model"]["learned_later"] = 1
    assert run.signature(newer, defaults, newer["signature_ignores"]) == sign(config)


def test_the_environment_is_written_without_names_of_people_or_machines(tmp_path: Path) -> None:
    facts = environment()
    text = json.dumps(facts)
    assert facts["packages"]["torch"]
    assert facts["python"].count(".") == 2
    assert str(Path.home()) not in text
    assert str(tmp_path) not in text


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such run folder"):
        run.Run.open(tmp_path / "absent")
    with pytest.raises(InputError, match="not a run folder"):
        run.Run.open(tmp_path)


def test_curves_come_back_in_order(tmp_path: Path) -> None:
    one = run.Run(tmp_path)
    assert one.curves() == {}
    one.metrics_file.write_text("step,epoch,name,value\n1,0,loss,2.5\n1,0,cer,1.0\n2,0,loss,2.0\n")
    assert one.curves() == {"loss": [(1, 2.5), (2, 2.0)], "cer": [(1, 1.0)]}


@contextmanager
def looked_at(one: run.Run) -> Iterator[None]:
    """While this holds, somebody asks whether the run is held, and has the lock that this takes."""
    with (one.folder / ".lock").open("rb") as handle:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield


def test_who_looks_whether_a_run_is_held_holds_it_for_nobody_else(tmp_path: Path) -> None:
    """Neither for another who looks, nor for one who comes to train at that moment."""
    one = run.Run(tmp_path)
    with one.lock():
        assert one.is_held()
        assert one.is_held(), "however often it is asked"
    assert not one.is_held()
    with looked_at(one):
        assert not one.is_held()
    look = looked_at(one)
    look.__enter__()
    leaving = threading.Timer(0.1, look.__exit__, (None, None, None))
    leaving.start()
    with one.lock():
        assert one.is_held()
    leaving.join()


def test_a_run_that_is_held_is_told_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the moment that a look takes; who only reads the folder sees it, too."""
    monkeypatch.setattr(run, "LOOKING_SECONDS", 0.05)
    one = run.Run(tmp_path)
    with one.lock(), pytest.raises(run.Taken, match="another process is training this run"), one.lock():
        pass
    (tmp_path / ".lock").chmod(0o444)
    with (tmp_path / ".lock").open("rb") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        assert one.is_held()


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two runs below runs/, the second written to last."""
    monkeypatch.chdir(tmp_path)
    names = ["morse/quick-69ef20bd", "morse/quick-9d5625a3"]
    for age, name in zip((2000, 1000), names, strict=True):
        folder = Path("runs", name)
        (folder / "checkpoints").mkdir(parents=True)
        (folder / "config.yaml").write_text("{}\n")
        os.utime(folder / "config.yaml", (10_000 - age, 10_000 - age))
    return names


def test_a_run_is_named_by_its_folder_or_as_tables_name_it(two: list[str]) -> None:
    for name in two:
        for asked in (name, f"runs/{name}", f"{name}/", str(Path("runs", name).absolute())):
            assert run.Run.open(asked).folder.resolve() == Path("runs", name).resolve()
            assert run.Run.open(asked).name == name
    Path(two[0]).mkdir(parents=True)
    with pytest.raises(InputError, match="not a run folder"):  # what is here goes first
        run.Run.open(two[0])


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize(
    "name", ["quick-69ef20be", "morse/quick-69ef20be", "runs/morse/quik-69ef20bd", "quick-69ef20bd"]
)
def test_the_nearest_run_is_suggested(name: str) -> None:
    with pytest.raises(InputError, match=r"no such run folder: did you mean runs/morse/quick-69ef20bd\?"):
        run.Run.open(name)
    with pytest.raises(InputError, match="runs are made by scansion train"):
        run.Run.open("elsewhere/other")


def test_the_newest_run_is_the_one_last_written_to(two: list[str]) -> None:
    assert run.newest([Path("runs"), *(Path("runs", name) for name in two)]) == [
        Path("runs", two[1]),
        Path("runs", two[0]),
    ]
    os.utime(Path("runs", two[0], "config.yaml"), (20_000, 20_000))
    assert run.newest(Path("runs", name) for name in two)[0] == Path("runs", two[0])
