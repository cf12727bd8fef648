"""The notebooks run from top to bottom, on less data than they show, and are kept without what they gave.

Their cells are plain Python and are executed here, in one namespace and in this process: no kernel is started, and
Jupyter is not needed. What the cell tagged `parameters` sets is made small afterwards. `SCANSION_NOTEBOOKS=whole` runs
them as they stand (minutes), to look at the pictures: they lie in pytest's folders (--basetemp=...).
"""

from __future__ import annotations

import ast
import itertools
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest

import project.model
from project.contract import WorkError
from project.notebook import scansion

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
SMALL: dict[str, dict[str, Any]] = {
    "01_first_run": {"num_train": 24, "epochs": 1},
    "02_reading_a_sweep": {"num_train": 20, "epochs": 1, "rates": "0.02"},
    "03_protocol_and_significance": {"num_test": 8},
    "04_adding_a_model": {"num_train": 24, "epochs": 1},
    "05_fusion": {"num_train": 24, "epochs": 1, "num_judged": 6},
    "06_multitask_diagnosis": {"num_bars": 3000, "epochs": 5},
}


def cells(notebook: Path, kind: str) -> list[dict[str, Any]]:
    content = json.loads(notebook.read_text(encoding="utf-8"))
    return [cell for cell in content["cells"] if cell["cell_type"] == kind]


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Path]]:
    """What is shown is drawn into files; temporary folders and changes of paths end with the test."""
    drawn: list[Path] = []

    def show() -> None:
        for number in plt.get_fignums():
            drawn.append(tmp_path / f"picture-{len(drawn)}.png")
            plt.figure(number).savefig(drawn[-1], dpi=50)
        plt.close("all")

    monkeypatch.setattr(plt, "show", show)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(project.model, "__path__", [*project.model.__path__])
    monkeypatch.chdir(tmp_path)
    yield drawn
    plt.close("all")
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.mark.long
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda file: file.stem)
def test_runs_in_order(notebook: Path, pictures: list[Path]) -> None:
    space: dict[str, Any] = {"__name__": "__main__"}
    for cell in cells(notebook, "code"):
        exec(compile("".join(cell["source"]), f"{notebook.name}:{cell['id']}", "exec"), space)  # noqa: S102
        if cell["metadata"].get("tags") == ["parameters"] and os.environ.get("SCANSION_NOTEBOOKS") != "whole":
            assert SMALL[notebook.stem].keys() <= space.keys(), "a parameter that the notebook does not have"
            space |= SMALL[notebook.stem]
    assert len(pictures) >= 1, "a notebook shows something"


@pytest.mark.long
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda file: file.stem)
def test_is_kept_stripped(notebook: Path) -> None:
    """No output, no numbers of execution, nothing of the editor's; and plain Python that says first what it shows."""
    content = json.loads(notebook.read_text(encoding="utf-8"))
    assert content["nbformat"] == 4
    assert content["metadata"].keys() == {"kernelspec", "language_info"}
    assert len({cell["id"] for cell in content["cells"]}) == len(content["cells"])
    for cell in content["cells"]:
        assert cell["cell_type"] in {"markdown", "code"}
        assert cell["metadata"].keys() <= {"tags"}
        assert "attachments" not in cell
    for cell in cells(notebook, "code"):
        assert cell["outputs"] == []
        assert cell["execution_count"] is None
        ast.parse("".join(cell["source"]))
    assert [cell["metadata"].get("tags") for cell in cells(notebook, "code")].count(["parameters"]) == 1
    assert content["cells"][0]["source"][0].startswith(f"# {notebook.stem[:2]} · ")


def test_are_numbered() -> None:
    assert [file.stem[:3] for file in NOTEBOOKS] == [f"{n:02}_" for n in range(1, len(NOTEBOOKS) + 1)]
    assert len(NOTEBOOKS) >= 6
    assert {file.stem for file in NOTEBOOKS} == SMALL.keys()


def test_each_is_no_longer_than_can_be_read() -> None:
    for notebook in NOTEBOOKS:
        words = itertools.chain.from_iterable("".join(cell["source"]).split() for cell in cells(notebook, "markdown"))
        assert len(list(words)) <= 600, notebook.name


def test_a_command_gives_its_lines(tmp_path: Path) -> None:
    before = list(sys.argv)
    words = "corpus.num_train=3 corpus.num_dev=2 corpus.num_test=2 corpus.texts.num_symbols=[3,4]"
    assert scansion(f"prepare corpus=morse out='{tmp_path}/a b' {words}") == [
        f"{tmp_path}/a b/{part}.jsonl" for part in ("train", "dev", "test")
    ]
    assert sys.argv == before


def test_a_command_that_fails_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(WorkError, match="exit code 2"):
        scansion("train model=envelope model.chanels=3")
    assert "model.channels" in capsys.readouterr().err
