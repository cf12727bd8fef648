"""From a run's folder back to its recognizer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from project import train
from project.build.compose import compose
from project.build.restore import changed, heard, open_alike, restore
from project.contract import Config, InputError
from project.exporting.package_file import write_package
from project.run import Run


def test_what_may_change_and_what_stays(config: Config) -> None:
    own = changed(config)
    assert own["decode"] == config["decode"]
    assert own["trainer"] == config["trainer"]
    beam = compose("train", ["decode=beam"])["decode"]
    other = changed(config, decode=beam, precision="bf16-mixed", threads=2, workers=1)
    assert other["decode"] == beam
    assert other["trainer"] == config["trainer"] | {"precision": "bf16-mixed"}
    assert other["data"] == config["data"] | {"workers": 1}
    assert other["threads"] == 2
    assert other["model"] == config["model"]


def test_the_weights_are_those_of_the_checkpoint(
    config: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(tmp_path / "trial" / "run-00000000")
    train.fit(run, config, train.build(config))
    own = changed(run.config())
    for checkpoint, file in (("best", run.best), ("last", run.last)):
        recognizer = restore(run, own, checkpoint)
        saved = torch.load(file, weights_only=True)["state_dict"]
        mine = recognizer.system.state_dict()
        assert mine.keys() == saved.keys()
        assert all(torch.equal(mine[name], saved[name]) for name in saved)
        assert not recognizer.system.training
    with pytest.raises(InputError, match="choose best or last"):
        restore(run, own, "third")
    assert "feature" not in capsys.readouterr().err
    metadata = run.metadata()
    older = metadata | {"feature": metadata["feature"] | {"feature": "tone_envelope@1"}}
    (run.folder / "metadata.json").write_text(json.dumps(older))
    restore(run, own)
    assert f"feature  {run.folder} was trained on tone_envelope@1, and hears " in capsys.readouterr().err
    write_package(run, compose("export") | {"run": str(run.folder)}, tmp_path / "packed")
    assert heard(Run.open(str(tmp_path / "packed"))) == "tone_envelope@1", "a package remembers"
    with pytest.raises(InputError, match=rf"^init_from={run.folder}: was trained on tone_envelope@1, which is tone"):
        open_alike("init_from", config | {"init_from": str(run.folder)})
    run.best.unlink()
    with pytest.raises(InputError, match="no best checkpoint yet"):
        restore(run, own)
