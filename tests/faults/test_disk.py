"""A disk without room, a folder that is closed or gone: what was saved is whole, one line says so, the run goes on."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from project import atomic
from project.build.app import guarded
from project.build.run_log import logged
from project.contract import Config
from project.logger.csv import CsvLogger
from project.run import Run


def test_a_disk_that_is_full_when_a_checkpoint_is_due(
    faults: Any, undisturbed: Run, config: Config, small_disk: Path
) -> None:
    """All of it is full: neither the checkpoint nor a note nor a line of the log goes onto it."""
    config, run, filler = faults.config(config), Run(small_disk / "runs" / "run"), small_disk / "filler"

    def fill() -> None:
        with filler.open("wb", buffering=0) as file:
            try:
                while file.write(bytes(4096)):
                    pass
            except OSError:
                pass

    outcome = faults.apart(lambda: faults.fit(config, run.folder, [faults.trouble(7, fill)]))
    assert outcome.code == 1
    line = next(line for line in outcome.lines if "checkpoint" in line)
    assert f"{run.last}: no space left on the disk (0.0 MB are free in {run.last.parent})" in line
    assert line.endswith(f"it stopped after step 8; then continue with: scansion train resume={run.folder}")
    assert "Traceback" not in outcome.all_of_it
    assert (faults.step(run), faults.leftovers(small_disk)) == (6, [])
    filler.unlink()
    faults.fit(config, run.folder)
    assert faults.equal(run, undisturbed)


def test_a_checkpoint_larger_than_a_file_may_be(faults: Any, undisturbed: Run, config: Config, tmp_path: Path) -> None:
    """A quota, or a limit of the shell: small files still go onto the disk, so the failure is noted."""
    config, run = faults.config(config), Run(tmp_path / "run")

    def train() -> int:
        with faults.files_up_to(20_000):
            return int(faults.fit(config, run.folder))

    outcome = faults.apart(train)
    assert outcome.code == 1
    assert f"{run.last}: the file would be larger than files may be here (" in outcome.line
    assert outcome.line.endswith("continue with: the same command: nothing was saved yet")
    assert run.state()["state"] == "failed"
    assert not faults.leftovers(run.folder)
    faults.fit(config, run.folder)
    assert faults.equal(run, undisturbed)


def test_no_more_files_can_be_made(small_disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A disk whose inodes are used up has room and takes no file: it is told so."""
    atomic.write(small_disk / "old", "old")

    def write() -> int:
        for number in range(1000):
            (small_disk / str(number)).touch()
        return 0

    with pytest.raises(OSError, match="No space"):
        write()
    assert guarded(lambda: atomic.write(small_disk / "old", "new") or 0) == 1
    told = capsys.readouterr().err
    assert f"{small_disk}/old: no space left on the disk (no more files can be made in {small_disk}: its " in told
    assert (small_disk / "old").read_text() == "old"


def test_metrics_and_the_log_have_no_torn_line(faults: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logger, file = CsvLogger(str(tmp_path)), tmp_path / "metrics.csv"
    logger.log_metrics({"epoch": 0, "loss": 1.0}, step=1)
    before = file.read_text()
    with faults.files_up_to(file.stat().st_size + 10):
        assert guarded(lambda: logger.log_metrics({"epoch": 0, "loss": 0.123456789, "cer": 0.5}, step=2) or 0) == 1
        logger.finalize("failed")
    assert f"{file}: the file would be larger" in capsys.readouterr().err
    assert file.read_text() == before
    logger.log_metrics({"epoch": 0, "loss": 0.5}, step=2)
    assert file.read_text() == before + "2,0,loss,0.5\n"

    with logged(tmp_path / "train.log"):
        log = logging.getLogger("scansion")
        log.info("one")
        size = (tmp_path / "train.log").stat().st_size
        with faults.files_up_to(size + 10):
            log.info("two")
            log.info("three")
        log.info("four")
    assert [line.split()[-1] for line in (tmp_path / "train.log").read_text().splitlines()] == ["one", "four"]
    assert capsys.readouterr().err.count("its lines are lost") == 1


def test_a_report_is_whole_or_the_old_one(faults: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every file that is not appended to is written this way: reports, tables, configurations, manifests."""
    file = tmp_path / "report.json"
    atomic.write(file, "old")
    with faults.files_up_to(1000):
        assert guarded(lambda: atomic.write(file, "x" * 5000) or 0) == 1
    assert f"{file}: the file would be larger" in capsys.readouterr().err
    assert (file.read_text(), sorted(tmp_path.iterdir())) == ("old", [file])


def test_a_run_folder_that_may_not_be_written(faults: Any, config: Config, tmp_path: Path) -> None:
    """What was asked for is wrong, and that is told before anything is made: exit code 2."""
    (tmp_path / "runs").touch()
    outcome = faults.apart(lambda: faults.fit(faults.config(config), tmp_path / "runs" / "run"))
    assert outcome.code == 2
    assert outcome.line == f"{tmp_path}/runs/run: a part of the path is a file and no folder: change that, or name " + (
        "another place"
    )

    def forbidden() -> int:
        if os.geteuid() == 0:
            os.seteuid(65534)
        folder = Path("/root/run") if os.geteuid() == 65534 else tmp_path / "closed" / "run"
        return int(faults.fit(faults.config(config), folder))

    (tmp_path / "closed").mkdir(mode=0o500)
    outcome = faults.apart(forbidden)
    assert (outcome.code, "no permission: change that" in outcome.line) == (2, True)


def test_a_run_folder_that_is_removed_while_it_trains(faults: Any, config: Config, tmp_path: Path) -> None:
    """It is not made again around a lone checkpoint."""
    folder = tmp_path / "run"
    trouble = faults.trouble(7, lambda: shutil.rmtree(folder))
    outcome = faults.apart(lambda: faults.fit(faults.config(config), folder, [trouble]))
    assert outcome.code == 1
    told = next(line for line in outcome.lines if "removed" in line)
    assert told == f"{folder}: the run's folder was removed while it trained, at step 8: start anew"
    assert "Traceback" not in outcome.all_of_it
    assert not folder.exists()
