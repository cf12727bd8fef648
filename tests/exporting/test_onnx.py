"""ONNX and TorchScript files: what the run says, in any length and batch, and nothing needed beside them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from project import cli, transcribe
from project.build.restore import changed, restore
from project.contract import InputError
from project.exporting import making
from project.exporting.front import front_of, padded
from project.exporting.onnx_file import KEY, write_onnx
from project.exporting.running import OnnxGraph, output_of
from project.feature.fbank import Fbank
from project.model.padded import Extent, MaskedConv1d, MaskedLSTM
from project.run import Run

pytestmark = pytest.mark.long

onnx = pytest.importorskip("onnx")

Make = Callable[[str], Run]
Export = Callable[..., int]


def same_alone_and_together(run: Run, file: Path) -> Any:
    """Each example by itself and in a batch gives what the run's own model gives; the file's metadata."""
    recognizer = restore(run, changed(run.config(), precision="32-true"))
    feature, system, graph = recognizer.feature, recognizer.system, OnnxGraph(file)
    manifest = recognizer.data.manifest("test")
    signals = [feature.read(manifest[index].media) for index in range(len(manifest))]
    together = graph(padded(feature, signals))
    name = next(iter(together))
    for row, signal in enumerate(signals):
        alone = graph(padded(feature, [signal]))
        size = int(alone["frames"][0])
        assert int(together["frames"][row]) == size
        torch.testing.assert_close(together[name][row, :size], alone[name][0, :size], atol=1e-4, rtol=1e-4)
        among = {key: value[row : row + 1] for key, value in together.items()}
        (text,), (other,) = (system.decoder(output_of(one)) for one in (alone, among))
        assert text.tokens == other.tokens
    return json.loads(graph.properties[KEY])


def test_morse_with_all_that_comes_before_the_network(
    made: Make, export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = made("morse")
    monkeypatch.chdir(tmp_path)
    assert export(run.folder, "format=onnx", "out=m.onnx", "quantize=int8") == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in told[:3]] == ["original", "float32", "int8"]
    assert "7 examples are recognized otherwise" in told[3]
    metadata = same_alone_and_together(run, Path("m.onnx"))
    assert metadata["alphabet"]["symbols"][:2] == ["A", "B"]
    assert (metadata["sample_rate"], metadata["inputs_per_output"]) == (4000, 80)
    assert metadata["decode"]["decode"] == "beam@3"
    assert metadata["check"]["examples"] == 7
    assert metadata["check"]["max_difference"] < 1e-3
    small = json.loads(OnnxGraph(Path("m.int8.onnx")).properties[KEY])
    assert small["arithmetic"] == "int8 weights"
    assert {"recognized_otherwise", "figures"} <= small["check"].keys()
    files = Path(run.config()["data"]["manifest"]["test"]).parent / "audio" / "test"
    texts = []
    for name in (str(run.folder), "m.onnx"):
        with pytest.raises(SystemExit):
            cli.main(["transcribe", name, str(files), "window_seconds=4", "overlap_seconds=2"])
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]
    assert len(texts[0].splitlines()) == 7
    sound = next(files.glob("*.flac"))
    assert "weights of its own" in refused_words(capsys, sound, "precision=bf16-mixed")
    Path("other.onnx").write_bytes(bytes(20))
    assert "not a readable ONNX file" in refused_words(capsys, sound, name="other.onnx")
    stripped = onnx.load("m.onnx")
    del stripped.metadata_props[:]
    onnx.save(stripped, "other.onnx")
    assert "of somebody else" in refused_words(capsys, sound, name="other.onnx")


def test_what_is_found_and_looked_at_by_it_is_the_same_in_a_graph(made: Make, export: Export, tmp_path: Path) -> None:
    """Places that a model gathers depend on what it finds: nothing of that may jump by other rounding."""
    run = made("paced")
    assert export(run.folder, "format=onnx", f"out={tmp_path}/m.onnx") == 0
    metadata = same_alone_and_together(run, tmp_path / "m.onnx")
    assert metadata["check"]["max_difference"] < 1e-3


def refused_words(capsys: pytest.CaptureFixture[str], sound: Path, *words: str, name: str = "m.onnx") -> str:
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        cli.main(["transcribe", name, str(sound), *words])
    assert stop.value.code == 2
    return capsys.readouterr().err


WHOLE = pytest.mark.skipif(os.environ.get("SCANSION_EXPORTS") != "whole", reason="SCANSION_EXPORTS=whole exports these")


@WHOLE
@pytest.mark.parametrize("family", ["sign", "phoneme", "bars"])
def test_other_families(made: Make, export: Export, family: str, tmp_path: Path) -> None:
    assert export(made(family).folder, "format=onnx", f"out={tmp_path}/m.onnx") == 0
    metadata = same_alone_and_together(made(family), tmp_path / "m.onnx")
    entrance = {"sign": ["points"], "phoneme": ["signals"], "bars": ["bars", "counts"]}
    assert list(metadata["inputs"]) == [*entrance[family], "lengths"]
    assert metadata["says"] == ("spans" if family == "bars" else "emissions")
    kinds = [node.op_type for node in onnx.load(tmp_path / "m.onnx").graph.node]
    assert "LSTM" in kinds, "one node, not one for each step"


class Rounds(nn.Module):
    """Divides below zero, adds the tiny, and reads both ways: what exporters have done otherwise than torch."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.front = front_of(Fbank(bands=8))
        self.look = MaskedConv1d(8, 6, 3, stride=2)
        self.lstm = MaskedLSTM(6, 5)

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        x_BTF, lengths_B = self.front(*inputs)
        extent = Extent.of(lengths_B, x_BTF.shape[1])
        x_BCT, extent = self.look(x_BTF.transpose(1, 2), extent), extent.strided(2)
        return self.lstm(x_BCT.masked_fill(extent.outside_B1T, 0).transpose(1, 2), extent.lengths_B), extent.lengths_B


def test_what_exporters_get_wrong(tmp_path: Path) -> None:
    rng, module, file = np.random.default_rng(0), Rounds().eval(), tmp_path / "m.onnx"
    signals = [(1e-4 * rng.normal(size=count)).astype(np.float32) for count in (4000, 2710, 1601)]
    inputs = {name: torch.from_numpy(value) for name, value in padded(Fbank(), signals[:2]).items()}
    write_onnx(module, inputs, ["made", "frames"], file)
    graph = OnnxGraph(file)
    for some in (signals, signals[:1], signals[1:], signals[2:]):
        given = padded(Fbank(), some)
        with torch.inference_mode():
            made_BTC, lengths_B = module(*map(torch.from_numpy, given.values()))
        found = graph(given)
        assert found["frames"].tolist() == lengths_B.tolist()
        torch.testing.assert_close(found["made"], made_BTC, atol=1e-4, rtol=1e-3)
    assert [node.op_type for node in onnx.load(file).graph.node].count("LSTM") == 2, "one node, not one for each step"
    module.lstm = nn.LSTM(6, 5, num_layers=2)
    with pytest.raises(InputError, match="an LSTM of several layers at once cannot be put into a graph"):
        write_onnx(module, inputs, ["made", "frames"], file)


def test_a_graph_that_says_something_else_is_not_kept(
    made: Make, export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write = making.write_torchscript

    def spoiled(whole: Any, *rest: Any) -> Any:
        module = write(whole, *rest)
        for value in module.parameters():
            value.data.mul_(-1)
        return module

    monkeypatch.setattr(making, "write_torchscript", spoiled)
    assert export(made("morse").folder, "format=torchscript", f"out={tmp_path}/m.pt") == 1
    assert (
        "the graph does not say what the run says: 7 of 7 examples are recognized otherwise" in capsys.readouterr().err
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("family", ["morse", "phoneme"])
def test_torchscript(made: Make, export: Export, family: str, tmp_path: Path) -> None:
    assert export(made(family).folder, "format=torchscript", f"out={tmp_path}/m.pt") == 0
    extra = {"scansion.json": ""}
    with pytest.warns(DeprecationWarning, match="torch.jit.load"):
        torch.jit.load(tmp_path / "m.pt", _extra_files=extra)
    assert json.loads(extra["scansion.json"])["sample_rate"] > 0


def test_who_writes_token_by_token_is_told(made: Make, export: Export, capsys: pytest.CaptureFixture[str]) -> None:
    assert export(made("stt").folder, "format=onnx") == 2
    assert "Moonshine writes token by token, which no graph does: set format=package" in capsys.readouterr().err


def test_without_onnx_there_is_a_remedy(
    made: Make, export: Export, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "onnxscript", None)
    assert export(made("bars").folder, "format=onnx", f"out={tmp_path}/m.onnx") == 2
    assert "a graph needs the package onnxscript: pip install 'scansion[export]'" in capsys.readouterr().err
    assert transcribe.is_onnx("a.onnx")
