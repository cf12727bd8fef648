"""filter: each condition keeps what it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from project.action.filter import Filter, Rule
from project.contract import InputError
from project.data.manifest import Manifest
from project.text.spelling import Spelling

LINES: list[dict[str, Any]] = [
    {"id": "anna-1", "media": "1.wav", "duration": 1.0, "text": "AB", "group": "anna", "extra": [1]},
    {"id": "anna-2", "media": "2.wav", "duration": 5.0, "text": "ABX", "group": "anna"},
    {"id": "bert-1", "media": "3.wav", "duration": 9.0, "symbols": ["B", "A"], "group": "bert"},
    {"id": "5", "media": "4.wav", "duration": 12.0, "labels": {"x": 1}, "group": "5"},
]


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    (tmp_path / "m.jsonl").write_text("".join(json.dumps(line) + "\n" for line in LINES))
    return tmp_path / "m.jsonl"


@pytest.mark.parametrize(
    ("conditions", "kept"),
    [
        ({}, [0, 1, 2, 3]),
        ({"min_length": 5}, [1, 2, 3]),
        ({"max_length": 5}, [0, 1]),
        ({"groups": ["anna", 5]}, [0, 1, 3]),
        ({"not_groups": ["anna", 5]}, [2]),
        ({"id_matches": "-1$"}, [0, 2]),
        ({"text_matches": "^AB"}, [0, 1]),
        ({"text_matches": "B A"}, [2]),
        ({"covered": True, "spelling": Spelling("AB ")}, [0, 2, 3]),
        ({"min_length": 2, "groups": ["anna"]}, [1]),
    ],
)
def test_conditions(manifest: Path, conditions: dict[str, Any], kept: list[int]) -> None:
    assert Filter([str(manifest)], rule=Rule(**conditions)).run() == 0
    lines = manifest.with_name("m.filtered.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [LINES[row] for row in kept]


def test_what_was_left_out_is_counted(manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "f.jsonl"
    Filter([str(manifest)], str(out), Rule(max_length=9, not_groups=["bert"])).run()
    assert capsys.readouterr().out == f"{out}: 2 of 4 examples; left out: not_groups 1, max_length 1\n"
    assert [example.media for example in Manifest.open(str(out))] == [f"file://{tmp_path}/{n}.wav" for n in (1, 2)]


def test_nothing_is_written_if_nothing_is_left(manifest: Path) -> None:
    with pytest.raises(InputError, match=r"no example is left.*min_length 4"):
        Filter([str(manifest)], rule=Rule(min_length=99)).run()
    assert [path.name for path in manifest.parent.glob("*.jsonl")] == ["m.jsonl"]


def test_what_is_asked_may_be_wrong(manifest: Path) -> None:
    with pytest.raises(InputError, match="it is what is filtered"):
        Filter([str(manifest)], str(manifest), overwrite=True).run()
    manifest.with_name("m.filtered.jsonl").write_text("mine")
    with pytest.raises(InputError, match="overwrite=true"):
        Filter([str(manifest)]).run()
    with pytest.raises(InputError, match="say out="):
        Filter([str(manifest), str(manifest.with_name("m.f*.jsonl"))]).run()
    with pytest.raises(InputError, match=r"id_matches=\(: no regular expression"):
        Rule(id_matches="(")
    with pytest.raises(InputError, match="no alphabet"):
        Rule(covered=True)
