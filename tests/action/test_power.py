"""power: what it counts, what it says of a small test set, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from project.action.power import Power, Question
from project.contract import InputError
from project.text.spelling import Spelling


def write(path: Path, texts: list[str], groups: int = 0) -> str:
    lines = []
    for number, text in enumerate(texts):
        line: dict[str, Any] = {"id": str(number), "media": f"{number}.wav", "duration": 8.0, "text": text}
        lines.append(json.dumps(line | ({"group": str(number % groups)} if groups else {})) + "\n")
    path.write_text("".join(lines))
    return str(path)


@pytest.fixture
def utterances(tmp_path: Path) -> str:
    """200 utterances of 20 words."""
    return write(tmp_path / "test.jsonl", ["he began a confused complaint against the wizard who had " * 2] * 200)


def told(manifest: str, question: Question, out: Path, **keys: Any) -> dict[str, Any]:
    assert Power(manifest, question, out=str(out), overwrite=True, **keys).run() == 0
    found: dict[str, Any] = json.loads(out.read_text())
    return found


def test_the_sources_own_case(utterances: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """WER 0.1261 to 0.1253 on 200 utterances: 8 % power at best, and 6,134 utterances to find it."""
    found = told(utterances, Question(0.1261, 0.0008), tmp_path / "p.json")
    shown = capsys.readouterr().out
    assert (found["num_references"], found["num_symbols"], found["unit"]) == (200, 4_000, "example")
    close = found["cases"][0]
    assert close["discordance"] == 0.01
    assert close["power"] == pytest.approx(0.08, abs=0.005)
    assert close["detectable"] == pytest.approx(0.0044, abs=0.0001)
    assert close["needed_examples"] == 6_134
    assert [case["discordance"] for case in found["cases"][1:3]] == [0.02, 0.05]
    assert found["cases"][3]["discordance"] == pytest.approx(2 * 0.1261 * 0.8739)
    for text in ("4,000", "12.61 % [11.6", "6,134", "3.2 words here", "design=1.5"):
        assert text in shown
    assert found["saturated"] is None


def test_what_is_counted(tmp_path: Path) -> None:
    manifest = write(tmp_path / "m.jsonl", ["CQ <SK>", "DE"] * 10, groups=10)
    spelling = Spelling(["C", "Q", "D", "E", " ", "<SK>"], normalize=["upper"])
    asked = Question(0.2, discordance=[0.3])
    counts = {
        rate: told(manifest, asked, tmp_path / "p.json", rate=rate, spelling=spelling) for rate in ("wer", "cer", "per")
    }
    assert {rate: found["num_symbols"] for rate, found in counts.items()} == {"wer": 30, "cer": 90, "per": 60}
    assert (counts["wer"]["unit"], counts["wer"]["num_units"]) == ("group", 10)
    assert told(manifest, asked, tmp_path / "p.json", rate="cer")["num_symbols"] == 90


def test_limits_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = write(tmp_path / "m.jsonl", ["a b c d e"] * 40, groups=4)
    with Path(manifest).open("a") as file:
        file.write(json.dumps({"id": "x", "media": "x.wav", "duration": 1.0, "labels": {"a": 1}}) + "\n")
    found = told(manifest, Question(0.01, discordance=[0.01, 0.05]), tmp_path / "p.json")
    shown = capsys.readouterr().out
    assert "touches 0" in found["saturated"]
    assert found["cases"][0]["detectable"] is None
    for text in ("harder test set", "5 % left out", "1 examples without a text", "4 groups bound it", "none"):
        assert text in shown
    assert "under 5 %" in told(manifest, Question(0.045), tmp_path / "p.json")["saturated"]


def test_errors_that_come_together_need_more(utterances: str, tmp_path: Path) -> None:
    once = told(utterances, Question(0.126, 0.005), tmp_path / "p.json")["cases"][0]
    twice = told(utterances, Question(0.126, 0.005, design=2.0), tmp_path / "p.json")["cases"][0]
    assert twice["needed_examples"] == pytest.approx(2 * once["needed_examples"], rel=0.01)
    assert twice["detectable"] == pytest.approx(2**0.5 * once["detectable"], rel=0.01)
    assert twice["power"] < once["power"]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"baseline": None}, "baseline=0.126 is 12.6 %"),
        ({"baseline": 12.6}, "between 0 and 1"),
        ({"baseline": 0.1, "difference": 0}, "difference=0"),
        ({"baseline": 0.1, "discordance": [1.5]}, "discordance: 1.5"),
        ({"baseline": 0.1, "design": 0}, "design=0"),
    ],
)
def test_wrong_questions(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Question(**keys)


def test_wrong_wishes(tmp_path: Path) -> None:
    asked = Question(0.1)
    with pytest.raises(InputError, match="rate=ser"):
        Power("m.jsonl", asked, rate="ser")
    with pytest.raises(InputError, match="text="):
        Power("m.jsonl", asked, rate="per")
    with pytest.raises(InputError, match="none is named"):
        Power([], asked)
    silent = write(tmp_path / "m.jsonl", ["", " "])
    with pytest.raises(InputError, match="no example has a text"):
        Power(silent, asked).run()
    (tmp_path / "p.json").touch()
    with pytest.raises(InputError, match="overwrite=true"):
        Power(silent, asked, out=str(tmp_path / "p.json")).run()


def test_words_are_those_of_the_text_where_a_line_has_phones_too(tmp_path: Path) -> None:
    line = {"id": "a", "media": "a.wav", "duration": 8.0, "text": "one two", "symbols": ["W", "AH", "N", "T", "UW"]}
    (tmp_path / "m.jsonl").write_text(json.dumps(line) + "\n")
    assert told(str(tmp_path / "m.jsonl"), Question(0.2), tmp_path / "p.json")["num_symbols"] == 2
