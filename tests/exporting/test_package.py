"""Packages: the same recognizer as in the run's folder, for all families; and what is refused to be one."""

from __future__ import annotations

import json
import re
import shutil
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from project import cli, package
from project.build.restore import changed, restore
from project.contract import Hypothesis, InputError
from project.run import Run
from project.scoring.predictions import predict

FAMILIES = ("morse", "sign", "phoneme", "stt", "bars")
Make = Callable[[str], Run]
Export = Callable[..., int]


def recognized(run: Run) -> Mapping[str, Hypothesis]:
    own = changed(run.config())
    recognizer = restore(run, own)
    scored = predict(recognizer, recognizer.data.manifest("test"), "32-true", "cpu").scored
    return {name: row.hypothesis for name, row in scored.items()}


@pytest.fixture
def packed(made: Make, export: Export, tmp_path: Path) -> Path:
    """A package that is a folder."""
    assert export(made("bars").folder, f"out={tmp_path}/packed") == 0
    return tmp_path / "packed"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_package_recognizes_the_same(
    made: Make, export: Export, family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, out = made(family), tmp_path / f"{family}.scansion"
    before = recognized(run)
    assert any(one.tokens for one in before.values())
    assert export(run.folder, f"out={out}") == 0
    monkeypatch.chdir(tmp_path)
    hidden = run.folder.with_name("elsewhere")
    run.folder.rename(hidden)  # nothing of the run is needed any more
    try:
        opened = Run.open(out)
        config = opened.config()
        assert config["data"]["manifest"]["test"] == "test.jsonl", "whose folders these were stands nowhere"
        config["data"]["manifest"] = Run(hidden).config()["data"]["manifest"]
        recognizer = restore(opened, changed(config))
        scored = predict(recognizer, recognizer.data.manifest("test"), "32-true", "cpu").scored
    finally:
        hidden.rename(run.folder)
    assert {name: row.hypothesis for name, row in scored.items()} == before
    assert opened.name == run.name
    with zipfile.ZipFile(out) as archive:
        assert all(member.compress_type == zipfile.ZIP_STORED for member in archive.infolist())
        assert not [name for name in archive.namelist() if name.endswith((".ckpt", ".pt", ".pkl", ".bin"))]


def test_it_is_evaluated_and_transcribed_like_a_run(
    made: Make, export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = made("morse")
    manifest = run.config()["data"]["manifest"]["test"]
    monkeypatch.chdir(tmp_path)
    assert export(run.folder, "out=one.scansion", "license=mit") == 0
    files = Path(manifest).parent / "audio" / "test"
    texts, figures = [], []
    for name in (str(run.folder), "one.scansion"):
        capsys.readouterr()
        with pytest.raises(SystemExit):
            cli.main(["transcribe", name, str(files), "output=json"])
        texts.append(capsys.readouterr().out)
        with pytest.raises(SystemExit) as stop:
            cli.main(["evaluate", name, f"data.manifest={manifest}", "device=cpu", "resamples=20"])
        assert stop.value.code == 0
        folder = Path(capsys.readouterr().out.splitlines()[-1])
        content = json.loads((folder / "report.json").read_text())
        figures.append((content["metrics"], content["protocol"], content["run"]))
    assert texts[0] == texts[1] != ""
    assert figures[0] == figures[1]
    assert folder.parent == Path("one.reports")
    shutil.rmtree(run.reports)


def test_the_card_has_the_figures_of_reports_of_these_weights_alone(made: Make, export: Export, tmp_path: Path) -> None:
    run = made("bars")
    with pytest.raises(SystemExit):
        cli.main(["evaluate", str(run.folder), "device=cpu", "resamples=20"])
    (report,) = run.reports.glob("*/report.json")
    content = json.loads(report.read_text())
    old = run.reports / "0123456789ab" / "report.json"
    old.parent.mkdir()
    old.write_text(json.dumps({**content, "info": {**content["info"], "weights": "of another time"}}))
    assert export(run.folder, f"out={tmp_path}/p") == 0
    shutil.rmtree(run.reports)
    card, (kept,) = (tmp_path / "p/README.md").read_text(), json.loads((tmp_path / "p/reports.json").read_text())
    assert f"| bar_f1 | {100 * content['metrics']['bar_f1']:.2f} % |" in card
    assert kept["protocol"] == content["protocol"]
    assert kept["hash"] == report.parent.name
    assert kept["info"]["manifest"] == "test.jsonl"
    assert "rows" not in kept
    index = package.read_index(tmp_path / "p")
    assert index["run"] == run.name
    assert index["format"] == package.FORMAT
    assert export(tmp_path / "p", f"out={tmp_path}/again") == 0  # of a package a package
    assert (tmp_path / "again/reports.json").read_text() == (tmp_path / "p/reports.json").read_text()


def reindexed(folder: Path) -> None:
    """Somebody who changes a package can change what it says of itself."""
    index = package.read_index(folder)
    files = {name: package.hash_file(folder / name) for name in index["files"]}
    (folder / package.INDEX).write_text(json.dumps(index | {"files": files}))


def spoiled_by_a_pickle(folder: Path) -> None:
    torch.save({"a": 1}, folder / "extra.pt")


def spoiled_weights(folder: Path) -> None:
    torch.save({"a": torch.ones(1)}, folder / package.WEIGHTS)
    reindexed(folder)


def spoiled_by_another_byte(folder: Path) -> None:
    with (folder / package.WEIGHTS).open("ab") as file:
        file.write(b"x")


def spoiled_by_code(folder: Path) -> None:
    config = json.loads((folder / package.CONFIG).read_text())
    config["decode"] = {"_target_": "os.system", "command": "true"}
    (folder / package.CONFIG).write_text(json.dumps(config))
    reindexed(folder)


def spoiled_by_a_path(folder: Path) -> None:
    config = json.loads((folder / package.CONFIG).read_text())
    config["decode"]["where"] = "package:../../secret"
    (folder / package.CONFIG).write_text(json.dumps(config))
    reindexed(folder)


def spoiled_format(folder: Path) -> None:
    index = package.read_index(folder)
    (folder / package.INDEX).write_text(json.dumps(index | {"format": 99}))


def spoiled_by_loss(folder: Path) -> None:
    (folder / "alphabet.json").unlink()


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (spoiled_by_a_pickle, "it holds 'extra.pt', which no package does: do not use it"),
        (spoiled_weights, "weights.safetensors: not readable as weights .*: get the package again"),
        (spoiled_by_another_byte, "its weights.safetensors is not what was packed: get the package again"),
        (spoiled_by_code, "decode._target_: os.system is refused: targets must start with one of"),
        (spoiled_by_a_path, "it holds '../../secret', which no package does"),
        (spoiled_format, "a package of format 99, and this version reads 1: update scansion"),
        (spoiled_by_loss, "not a package, it holds no alphabet.json: get it again"),
    ],
)
def test_what_is_no_package_of_ours_is_refused(packed: Path, spoil: Callable[[Path], None], line: str) -> None:
    spoil(packed)
    with pytest.raises(InputError, match=line):
        recognized(Run.open(packed))


def test_archives_that_are_not_ours_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    file = tmp_path / "a.scansion"
    for name, compression, line in (
        ("../evil.json", zipfile.ZIP_STORED, "it holds '../evil.json'"),
        ("package.json", zipfile.ZIP_DEFLATED, "package.json is compressed, which none of ours is"),
    ):
        with zipfile.ZipFile(file, "w", compression) as archive:
            archive.writestr(name, "{}" * 1000)
        with pytest.raises(InputError, match=line):
            Run.open(file)
    file.write_bytes(b"no archive")
    with pytest.raises(InputError, match="not a readable package"):
        Run.open(file)
    with pytest.raises(InputError, match="there is no such package"):
        Run.open(tmp_path / "none.scansion")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["format=tflite"], "format=tflite: choose from package, onnx, torchscript"),
        (["quantize=int8"], "only ONNX files are quantized: set format=onnx"),
        (["format=onnx", "quantize=int4"], "quantize=int4: choose int8"),
        (["format=onnx", "out=a.pt"], "a file of format=onnx ends with .onnx"),
        (["push=me"], "push=me: write push=user/name"),
        (["out=file/a.scansion"], "out=file/a.scansion: no folder can be made for it .*: name another place"),
        (["max_samples=0"], "max_samples: 0 is no whole number from 1 on"),
    ],
)
def test_what_cannot_be_asked_for_is_told(
    made: Make,
    export: Export,
    words: list[str],
    line: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    capsys.readouterr()
    assert export(made("bars").folder, *words) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert re.search(line, said)


def test_the_folder_of_what_is_written_is_made(
    made: Make, export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert export(made("bars").folder, "out=handed/on/a.scansion") == 0
    assert Path("handed/on/a.scansion").is_file()


def test_a_repository_is_pushed_to_and_fetched_from(
    packed: Path, export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The hub is a folder here."""
    hub = pytest.importorskip("huggingface_hub")
    store, asked = tmp_path / "hub", []

    class Api:
        def whoami(self) -> None:
            if not store.exists():
                raise hub.errors.LocalTokenNotFoundError("no token")

        def create_repo(self, repository: str, private: bool, exist_ok: bool) -> None:
            asked.append((repository, private, exist_ok))

        def upload_folder(
            self, repo_id: str, folder_path: Path, allow_patterns: list[str], commit_message: str
        ) -> None:
            for name in allow_patterns:
                shutil.copyfile(folder_path / name, store / name)

    def snapshot_download(repository: str, revision: str | None, allow_patterns: list[str]) -> str:
        asked.append((repository, revision))
        return str(store)

    monkeypatch.setattr(hub, "HfApi", Api)
    monkeypatch.setattr(hub, "snapshot_download", snapshot_download)
    monkeypatch.chdir(tmp_path)
    assert export(packed, "out=b.scansion", "push=me/bars") == 2
    told = capsys.readouterr().err.splitlines()
    assert told == [
        "scansion: push=me/bars: nobody is logged in to the hub here: run hf auth login, or set HF_TOKEN; "
        "b.scansion is made"
    ]
    store.mkdir()
    assert export(packed, "out=c.scansion", "push=me/bars", "private=false") == 0
    assert capsys.readouterr().out.splitlines() == ["hf://me/bars", "c.scansion"]
    (store / ".gitattributes").write_text("what the hub adds")
    opened = Run.open("hf://me/bars@main")
    assert asked == [("me/bars", False, True), ("me/bars", "main")]
    assert opened.reports == Path("me--bars--main.reports")
    same, other = (restore(one, changed(one.config())).system.state_dict() for one in (Run.open(packed), opened))
    assert all(torch.equal(same[name], other[name]) for name in same)
    with pytest.raises(InputError, match="write hf://user/name"):
        Run.open("hf://bars")
    assert "huggingface_hub" in sys.modules
