"""validate: all problems as plain lines, exit codes, clean copies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from project.action.validate import Validate
from project.contract import InputError
from project.data.manifest import Manifest
from project.feature.envelope import Envelope
from project.text.spelling import Spelling

SPELLING = Spelling("ABC", normalize=["upper"])


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    """A manifest with problems in lines 2, 4 and 5, and a blank line."""
    soundfile.write(tmp_path / "a.wav", np.zeros(8000), 8000)
    good = {"id": "good", "media": "a.wav", "duration": 1.0, "text": "abc", "rate": 1.50}
    lines = [
        json.dumps(good),
        json.dumps({**good, "id": "long", "media": "a" * 120 + ".wav"}),
        "",
        '{"id": ',
        json.dumps({**good, "text": "xyz", "duration": 3}),
        '{ "id":"last",  "media":"a.wav","duration":1.0,"text":"cab" }',
    ]
    (tmp_path / "m.jsonl").write_text("\n".join(lines))  # no line end after the last
    return tmp_path / "m.jsonl"


def test_all_problems_are_plain_lines(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert Validate([str(bad)], SPELLING, Envelope()).run() == 2
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        [f"{bad}:2", "long"],
        [f"{bad}:4", "(no id)"],
        [f"{bad}:5", "good"],
        [f"{bad}:5", "good"],
        [f"{bad}:5", "good"],
    ]
    assert f"{'a' * 120}.wav is missing" in lines[0]  # not wrapped
    assert shown.err == "5 problems in 3 of 5 examples: mend them, or skip_bad=true writes a copy without them\n"
    assert not list(bad.parent.glob("m.*.jsonl"))


def test_skip_bad_writes_a_clean_copy_and_what_was_left_out(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert Validate([str(bad)], SPELLING, skip_bad=True).run() == 0
    clean, left_out = bad.with_name("m.clean.jsonl"), bad.with_name("m.left_out.jsonl")
    lines = bad.read_bytes().splitlines()
    assert clean.read_bytes().splitlines() == [lines[0], lines[5]]
    records: list[dict[str, Any]] = [json.loads(line) for line in left_out.read_text().splitlines()]
    assert [(record["line"], record["id"], len(record["problems"])) for record in records] == [
        (2, "long", 1),
        (4, "(no id)", 1),
        (5, "good", 3),
    ]
    assert records[1]["raw"] == '{"id":'
    assert f"{clean}: 2 examples" in capsys.readouterr().err
    assert Validate(str(clean), SPELLING).run() == 0
    assert len(Manifest.open(str(clean))) == 2


def test_clean_copies_are_not_replaced_unasked(bad: Path) -> None:
    bad.with_name("m.left_out.jsonl").write_text("mine")
    with pytest.raises(InputError, match=r"m\.left_out\.jsonl: it is there already"):
        Validate([str(bad)], skip_bad=True).run()
    assert not bad.with_name("m.clean.jsonl").exists()
    assert Validate([str(bad)], skip_bad=True, overwrite=True).run() == 0


def test_nothing_is_written_if_nothing_is_sound(bad: Path) -> None:
    with pytest.raises(InputError, match="no example is without a problem"):
        Validate([str(bad)], Spelling("Z"), skip_bad=True).run()
    assert not list(bad.parent.glob("m.*.jsonl"))


def test_each_file_gets_its_copy(bad: Path) -> None:
    other = bad.with_name("n.jsonl")
    other.write_text(json.dumps({"id": "n", "media": "a.wav", "duration": 1.0, "text": "a"}) + "\n")
    assert Validate([str(bad), str(other)], SPELLING, skip_bad=True).run() == 0
    assert bad.with_name("n.clean.jsonl").read_bytes() == other.read_bytes()
    assert bad.with_name("n.left_out.jsonl").read_bytes() == b""


def test_json(bad: Path, tmp_path: Path) -> None:
    assert Validate([str(bad)], SPELLING, json=str(tmp_path / "new" / "v.json")).run() == 2
    content = json.loads((tmp_path / "new" / "v.json").read_text())
    assert content["examples"] == 5
    assert content["problems"][0]["line"] == 2
    assert set(content["problems"][0]) == {"row", "file", "line", "id", "what", "remedy"}


def test_a_made_corpus_is_sound(morse: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spelling = Spelling("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ")
    assert Validate([f"{morse}/*.jsonl"], spelling, Envelope(), reduction=2).run() == 0
    assert capsys.readouterr() == ("", "37 examples, no problems\n")


def window(name: str, start: int, end: int, series: str = "spy") -> str:
    line = {"id": name, "media": f"series/{series}.npy#{start}:{end}", "length": end - start, "labels": {"spans": []}}
    return json.dumps(line) + "\n"


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    """Windows of which, in test, the second overlaps one of train, and the fourth three: its series is a copy."""
    (tmp_path / "series").mkdir()
    np.save(tmp_path / "series" / "spy.npy", np.random.default_rng(0).normal(size=(1000, 6)))
    np.save(tmp_path / "series" / "ibm.npy", np.random.default_rng(1).normal(size=(1000, 6)))
    (tmp_path / "series" / "copy.npy").write_bytes((tmp_path / "series" / "spy.npy").read_bytes())
    train = [window("t0", 0, 105), window("t1", 50, 155), window("t2", 60, 165)]
    test = [window("s0", 200, 305), window("s1", 160, 265), window("s2", 0, 105, "ibm"), window("s3", 104, 209, "copy")]
    (tmp_path / "train.jsonl").write_text("".join(train))
    (tmp_path / "test.jsonl").write_text("\n".join(["", *test]))
    return tmp_path


def test_windows_that_overlap_those_of_another_file_are_problems(
    bars: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train, test = f"{bars}/train.jsonl", f"{bars}/test.jsonl"
    assert Validate([train, test]).run() == 2
    remedy = "split by group, a group being a block of time or an instrument, or by time with an embargo"
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{test}:4: s1: its rows 160:265 overlap those of {train}:3 (t2): {remedy}"
    assert lines[1].startswith(f"{test}:8: s3: its rows 104:209 overlap those of {train}:")
    assert len(lines) == 2
    assert Validate([test, train]).run() == 2
    assert [line.split(": ")[1] for line in capsys.readouterr().out.splitlines()] == ["t0", "t1", "t2"]


def test_overlap_within_a_file_is_fine(bars: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("train", "test"):
        assert Validate([f"{bars}/{name}.jsonl"]).run() == 0
    (bars / "other.jsonl").write_text(window("o", 165, 270) + window("x", 155, 165, "ibm"))
    capsys.readouterr()
    assert Validate([f"{bars}/train.jsonl", f"{bars}/other.jsonl"]).run() == 0
    assert capsys.readouterr() == ("", "5 examples, no problems\n")


def test_the_clean_copies_do_not_overlap(bars: Path) -> None:
    assert Validate([f"{bars}/train.jsonl", f"{bars}/test.jsonl"], skip_bad=True).run() == 0
    assert [one.id for one in Manifest.open(f"{bars}/test.clean.jsonl")] == ["s0", "s2"]
    assert Validate([f"{bars}/train.clean.jsonl", f"{bars}/test.clean.jsonl"]).run() == 0


def test_overlap_beside_other_problems(bars: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the order of the lines; a line that is unsound, or ends after its series, disturbs nobody else's."""
    (bars / "test.jsonl").write_text('{"id": "#"\n' + window("far", 950, 1055) + window("s1", 160, 265))
    assert Validate([f"{bars}/train.jsonl", f"{bars}/test.jsonl"]).run() == 2
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[1] for line in lines] == ["(no id)", "far", "s1"]
    assert "spy.npy#950:1055 ends after its file, which has 1000 rows" in lines[1]
    assert "overlap" in lines[2]


def test_what_is_asked_may_be_wrong(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(InputError, match="no examples"):
        Validate([str(tmp_path / "empty.jsonl")]).run()
    with pytest.raises(InputError, match="no such manifest"):
        Validate([str(tmp_path / "missing.jsonl")]).run()
    with pytest.raises(InputError, match="reduction=0"):
        Validate(["m.jsonl"], reduction=0)
