"""ngram: a model of a manifest's texts, measured and written once."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from project import cli
from project.action.ngram import CountNgrams
from project.contract import InputError
from project.text.ngram import Ngrams
from project.text.spelling import Spelling


def write(path: Path, *texts: str | None) -> str:
    lines = [{"id": f"e{n}", "media": f"{n}.wav", "duration": 1.0} for n in range(len(texts))]
    lines = [line | ({} if text is None else {"text": text}) for line, text in zip(lines, texts, strict=True)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(path)


def test_the_model_is_that_of_the_texts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train = write(tmp_path / "train.jsonl", "cq cq", None, "CQ DE")
    dev = write(tmp_path / "dev.jsonl", "DE CQ")
    spelling = Spelling("CQDEX ", normalize=["upper"])
    assert CountNgrams(train, str(tmp_path / "new" / "lm.json"), spelling, order=3, held_out=dev).run() == 0
    model = Ngrams.load(tmp_path / "new" / "lm.json")
    assert model.symbols == spelling.alphabet.symbols, "those that no text has included"
    assert model.order == 3
    row = capsys.readouterr().out.splitlines()[-2]
    expected = -model.log_prob([number - 1 for number in spelling.encode("DE CQ")]) / math.log(2) / 6
    assert f"{expected:.2f}" in row


def test_without_a_spelling_symbols_are_characters(tmp_path: Path) -> None:
    CountNgrams([write(tmp_path / "train.jsonl", "ba", "ab")], str(tmp_path / "lm.json"), order=2).run()
    assert Ngrams.load(tmp_path / "lm.json").symbols == ("a", "b")


def test_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train, out = write(tmp_path / "train.jsonl", "CQ CQ DE K"), str(tmp_path / "lm.json")
    with pytest.raises(SystemExit) as stop:
        cli.main(["prepare", "ngram", train, "text=morse", f"out={out}", "order=4"])
    assert stop.value.code in {0, None}, capsys.readouterr().err
    assert Ngrams.load(out).order == 4


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    train = write(tmp_path / "train.jsonl", "AB")
    with pytest.raises(InputError, match="add out="):
        CountNgrams(train)
    with pytest.raises(InputError, match="min_count: 0"):
        CountNgrams(train, "lm.json", min_count=0)
    with pytest.raises(InputError, match="'B' is not in the alphabet"):
        CountNgrams(train, str(tmp_path / "new.json"), Spelling("A")).run()
    (tmp_path / "lm.json").write_text("mine")
    with pytest.raises(InputError, match="overwrite=true"):
        CountNgrams(train, str(tmp_path / "lm.json")).run()
    with pytest.raises(InputError, match="no example has a text"):
        CountNgrams(write(tmp_path / "none.jsonl", None), str(tmp_path / "new.json")).run()
    with pytest.raises(InputError, match="held_out: 'Z' is in none of the texts"):
        CountNgrams(train, str(tmp_path / "new.json"), held_out=write(tmp_path / "z.jsonl", "Z")).run()
    assert not (tmp_path / "new.json").exists()
