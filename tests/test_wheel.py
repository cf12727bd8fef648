"""An installed wheel works from any folder: conf/ travels in it, tests and docs do not."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def test_the_wheel_is_complete_and_works_anywhere(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="the extra `test` is not installed")
    built = tmp_path / "built"
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(built)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = built.glob("scansion-*.whl")
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    inside = {file.relative_to(installed / "project" / "conf") for file in installed.glob("project/conf/**/*.yaml")}
    assert inside == {file.relative_to(ROOT / "conf") for file in (ROOT / "conf").rglob("*.yaml")}
    assert {entry.name for entry in installed.iterdir() if not entry.name.endswith("dist-info")} == {"project"}
    assert (installed / "project" / "evaluation" / "page" / "page.css").is_file()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    answer = subprocess.run(
        [sys.executable, "-m", "project.cli", "train", "morse/quick", "--cfg", "job"],
        cwd=elsewhere,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "name: quick" in answer.stdout
    assert not list(elsewhere.iterdir()), "composing leaves nothing behind"
