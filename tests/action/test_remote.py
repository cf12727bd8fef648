"""Actions on manifests at URLs: they read them as files, and write beside them nowhere."""

from __future__ import annotations

import json
from pathlib import Path

import fsspec
import pytest

from project.action.convert import Convert
from project.action.describe import Describe
from project.action.filter import Filter, Rule
from project.action.shuffle import Shuffle
from project.action.split import Plan, Split
from project.action.validate import Validate
from project.contract import InputError
from project.data.manifest import Manifest
from project.feature import waveform


@pytest.fixture
def url(morse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The Morse corpus at memory://actions, and the cache below tmp_path."""
    monkeypatch.setenv("SCANSION_CACHE", str(tmp_path / "cache"))
    for path in morse.rglob("*"):
        if path.is_file() and path.suffix != ".index":
            with fsspec.open(f"memory://actions/{path.relative_to(morse)}", "wb") as file:
                file.write(path.read_bytes())
    return "memory://actions"


def test_validate(url: str, morse: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert Validate([f"{url}/train.jsonl", f"{url}/dev.jsonl"]).run() == 0
    bad = json.loads((morse / "dev.jsonl").read_text().splitlines()[0]) | {"media": "audio/none.flac"}
    with fsspec.open(f"{url}/bad.jsonl", "wb") as file:
        file.write(json.dumps(bad).encode() + b"\n")
    assert Validate(f"{url}/bad.jsonl").run() == 2
    wanted = f"{url}/bad.jsonl:1: {bad['id']}: media {url}/audio/none.flac is missing: correct the path"
    assert wanted in capsys.readouterr().out
    with pytest.raises(InputError, match=r"memory://actions/bad\.jsonl: it is at a URL, and nothing is written beside"):
        Validate(f"{url}/bad.jsonl", skip_bad=True).run()


def test_windows_that_overlap_are_found_at_urls(url: str) -> None:
    for name, rows in (("one", "0:50"), ("other", "40:90")):
        line = {"id": name, "media": f"series/spy.npy#{rows}", "length": 50, "labels": {}}
        with fsspec.open(f"{url}/{name}.jsonl", "wb") as file:
            file.write(json.dumps(line).encode() + b"\n")
    assert Validate([f"{url}/one.jsonl", f"{url}/other.jsonl"], media=False).run() == 2


def test_describe(url: str, morse: Path, tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    assert Describe([f"{url}/train.jsonl", str(morse / "train.jsonl")], json=str(out)).run() == 0
    figures = json.loads(out.read_text())
    assert [one["files"] for one in figures["manifests"]] == [[f"{url}/train.jsonl"], [str(morse / "train.jsonl")]]
    (media,) = [one for one in figures["shared"] if one["kind"] == "media"]
    assert media["values"] == 24, "the same recordings, wherever they lie"


def test_what_is_written_names_media_by_their_urls(url: str, morse: Path, tmp_path: Path) -> None:
    before = {example.id: example for example in Manifest.open(str(morse / "train.jsonl"))}
    assert Filter(f"{url}/train.jsonl", f"{tmp_path}/few.jsonl", Rule(max_length=3)).run() == 0
    assert Split(f"{url}/train.jsonl", str(tmp_path / "parts"), plan=Plan(by="random")).run() == 0
    parts = Manifest.open(str(tmp_path / "parts" / "*.jsonl"))
    assert sorted(example.id for example in parts) == sorted(before)
    assert parts[0].media.startswith(f"{url}/audio/")
    few = Manifest.open(str(tmp_path / "few.jsonl"))
    assert [example.id for example in few] == [name for name, example in before.items() if example.length <= 3]
    for example in few:
        assert example.media.startswith(f"{url}/audio/")
        wave = waveform.read(example.media, 8000)
        assert (wave == waveform.read(before[example.id].media, 8000)).all()


@pytest.mark.parametrize("action", [Filter, Shuffle, Split, Convert])
def test_without_out_nothing_is_written(url: str, action: type, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"memory://actions/train\.jsonl: it is at a URL, .*: say out="):
        action(f"{url}/train.jsonl").run()
    assert not list((tmp_path / "cache" / "manifests").glob("*/*.filtered.jsonl"))


def test_convert(url: str, morse: Path, tmp_path: Path) -> None:
    assert Convert(f"{url}/dev.jsonl", f"{tmp_path}/near/dev.jsonl", source="scansion", media="copy").run() == 0
    for one, other in zip(
        Manifest.open(str(tmp_path / "near" / "dev.jsonl")), Manifest.open(str(morse / "dev.jsonl")), strict=True
    ):
        assert Path(one.media).read_bytes() == Path(other.media).read_bytes()
    with fsspec.open(f"{url}/lists/nemo.json", "wb") as file:
        file.write(json.dumps({"audio_filepath": "../audio/dev/000000.flac", "text": "x"}).encode() + b"\n")
    assert Convert(f"{url}/lists/nemo.json", f"{tmp_path}/nemo.jsonl").run() == 0
    (example,) = Manifest.open(str(tmp_path / "nemo.jsonl"))
    assert example.media == f"{url}/audio/dev/000000.flac"
    assert example.length > 1
