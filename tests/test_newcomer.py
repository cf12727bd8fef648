"""One module and one YAML: a new model is trained, evaluated and reported with nothing else touched."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import project.model
from project import cli
from project.build import compose

pytestmark = pytest.mark.long


MODULE = '''
"""A recurrent net: one GRU and a head."""

import torch
from torch import nn

from project.contract import Batch, Emissions


class Recurrent(nn.Module):
    def __init__(self, num_features: int, num_symbols: int, width: int = 16) -> None:
        super().__init__()
        self.gru = nn.GRU(num_features, width, batch_first=True)
        self.head = nn.Linear(width, num_symbols)

    def forward(self, batch: Batch) -> Emissions:
        x_BTC, _ = self.gru(batch.signals_BTF)
        return Emissions(self.head(x_BTC).log_softmax(dim=2), batch.lengths_B)

    def num_output_frames(self, num_frames: torch.Tensor) -> torch.Tensor:
        return num_frames
'''
YAML = """
# A recurrent net: one GRU and a head.
_target_: project.model.newcomer.Recurrent
width: 12
"""


@pytest.fixture
def newcomer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """conf/ and project/model/ of a checkout in which somebody has added two files."""
    conf = tmp_path / "conf"
    conf.mkdir()
    for entry in compose.CONF.iterdir():
        if entry.name != "model":
            (conf / entry.name).symlink_to(entry)
    (conf / "model").mkdir()
    for entry in (compose.CONF / "model").iterdir():
        (conf / "model" / entry.name).symlink_to(entry)
    (conf / "model" / "newcomer.yaml").write_text(YAML)
    (tmp_path / "newcomer.py").write_text(MODULE)
    monkeypatch.setattr(compose, "CONF", conf)
    monkeypatch.setattr(project.model, "__path__", [*project.model.__path__, str(tmp_path)])
    yield
    sys.modules.pop("project.model.newcomer", None)


def ask(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The last line that a verb prints."""
    with pytest.raises(SystemExit) as stop:
        cli.main(list(words))
    told = capsys.readouterr()
    assert stop.value.code == 0, told.err
    return told.out.splitlines()[-1]


@pytest.mark.usefixtures("newcomer")
def test_a_new_model_is_one_module_and_one_yaml(
    tiny: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rest = [word for word in tiny if not word.startswith("model.")]
    run = ask(capsys, "train", "model=newcomer", *rest, f"runs={tmp_path}/runs", "name=newcomer")
    assert Path(run).parts[-2:-1] == ("trial",)
    assert "Recurrent" in (Path(run) / "config.yaml").read_text()
    assert Path(ask(capsys, "evaluate", run, "resamples=100", "print_samples=0")).is_dir()
    page = Path(ask(capsys, "report", run))
    assert "newcomer" in page.read_text()
