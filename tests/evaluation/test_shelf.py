from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from project.contract import Example, InputError
from project.data.manifest import Manifest, write_manifest
from project.evaluation.result import Report
from project.evaluation.shelf import Shelved, browse, choose, pick, read

Make = Callable[..., Report]


def test_heads_are_read_and_the_rest_when_it_is_needed(tmp_path: Path, make: Make) -> None:
    report = make("a/b")
    folder = report.save(tmp_path)
    (tmp_path / "older").mkdir()
    (tmp_path / "older" / "report.json").write_text(json.dumps({"protocol": {"manifest": 1}, "info": {}}))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "report.json").write_text("{")
    (found,) = browse(tmp_path)
    assert (found.folder, found.protocol, found.created) == (folder, report.protocol, report.created)
    assert found.read().rows == report.rows
    assert read(folder) is found.read(), "read once"
    assert not browse(tmp_path / "nowhere")


def test_a_report_changed_since_is_read_again(tmp_path: Path, make: Make) -> None:
    folder = make("a/b").save(tmp_path)
    assert read(folder).run == "a/b"
    make("c/d").save(tmp_path)
    assert read(folder).run == "c/d"
    with pytest.raises(InputError, match=r"no report.json here"):
        read(tmp_path / "nowhere")


def test_a_manifest_by_name_by_hash_and_by_content(tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.wav").touch()
    write_manifest(tmp_path / "test.jsonl", [Example("a", str(tmp_path / "a.wav"), 1.0, "A")])
    known = Manifest.open("test.jsonl").hash

    def head(name: str | None, digest: str) -> Shelved:
        return Shelved(tmp_path, {"manifest_hash": digest}, name, "")

    for asked in (None, "test.jsonl", f"{tmp_path}/test.jsonl", "./test.jsonl"):
        assert head("test.jsonl", "f" * 64).scored(asked), "whatever its content was"
        assert head("elsewhere.jsonl", known).scored(asked)
    assert head(None, "5d41402abc4b").scored("5d41402a")
    for asked in ("other.jsonl", "5d41402a"):
        assert not head("test.jsonl", "f" * 64).scored(asked)


def test_a_common_protocol_is_chosen_or_the_difference_told(tmp_path: Path, make: Make) -> None:
    shelves = []
    for run, precisions in (("a", ("bf16", "32")), ("b", ("32", "16")), ("c", ("16", "32"))):
        for precision in precisions:
            make(f"f/{run}", num_examples=10, precision=precision).save(tmp_path / run)
        shelves.append(browse(tmp_path / run))
    key = choose(shelves[:2], shelves[2:], ())
    assert {pick(found, key, ()).content["precision"] for found in shelves} == {"32"}
    only = [[one for one in found if one.content["precision"] != "32"] for found in shelves]
    with pytest.raises(InputError, match=r"differ in precision \(bf16 against 16\): .* allow: \[precision\]"):
        choose(only[:2], only[2:], ())
    assert pick(only[0], choose(only[:2], only[2:], ["precision"]), ["precision"]).content["precision"] == "bf16"
