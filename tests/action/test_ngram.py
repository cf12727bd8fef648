"""ngram: a model of a manifest's texts, measured and written once."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from project import cli
from project.action.ngram import CountNgrams
from project.contract import Example, InputError
from project.corpus.morse_fresh import MorseFresh, Portions
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


def test_what_is_made_while_training_is_counted_by_the_epoch(tmp_path: Path) -> None:
    source = MorseFresh(portions=Portions(num_examples=12, seconds=(2.5, 5)))
    spelling = Spelling(" ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", normalize=["upper"])
    texts = [source.draw(number, 0)[0].text for number in range(12)]
    assert len(set(texts)) > 6
    CountNgrams(out=str(tmp_path / "made.json"), spelling=spelling, order=3, source=source).run()
    CountNgrams(write(tmp_path / "told.jsonl", *texts), str(tmp_path / "told.json"), spelling, order=3).run()
    assert (tmp_path / "made.json").read_bytes() == (tmp_path / "told.json").read_bytes()
    listed = write(tmp_path / "more.jsonl", "CQ CQ CQ")
    CountNgrams(listed, str(tmp_path / "both.json"), spelling, order=3, source=source).run()
    made, both = (Ngrams.load(tmp_path / f"{name}.json") for name in ("made", "both"))
    sequence = [number - 1 for number in spelling.encode("CQ CQ")]
    assert both.log_prob(sequence) > made.log_prob(sequence)


def test_what_is_made_is_counted_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "corpus@source=morse_fresh",
        "source.portions.num_examples=3",
        "text=morse_full",
        f"out={tmp_path}/lm.json",
    ]
    with pytest.raises(SystemExit) as stop:
        cli.main(["prepare", "ngram", *words, f"out={tmp_path}/lm.json"])
    assert stop.value.code in {0, None}, capsys.readouterr().err
    assert "<SK>" in Ngrams.load(tmp_path / "lm.json").symbols


def test_what_is_wrong_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    with pytest.raises(InputError, match="there is no text in it"):
        CountNgrams(write(tmp_path / "none.jsonl", None), str(tmp_path / "new.json")).run()
    source = MorseFresh(portions=Portions(num_examples=2, seconds=(2.5, 3)))
    silent = Example("silent", "x.wav", 1.0)
    monkeypatch.setattr(source, "draw", lambda index, epoch: (silent, np.zeros(1)))
    with pytest.raises(InputError, match="source: what it makes has no texts"):
        CountNgrams(out=str(tmp_path / "new.json"), source=source).run()
    with pytest.raises(InputError, match="makes nothing while training"):
        CountNgrams(out=str(tmp_path / "new.json"), source=Portions())  # type: ignore[arg-type]
    with pytest.raises(InputError, match="manifest: none is named"):
        CountNgrams(out=str(tmp_path / "new.json"))
    with pytest.raises(InputError, match="held_out: 'Z' is in none of the texts"):
        CountNgrams(train, str(tmp_path / "new.json"), held_out=write(tmp_path / "z.jsonl", "Z")).run()
    assert not (tmp_path / "new.json").exists()


def test_plain_text_is_counted_too(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("cq de\n\nde cq\n")
    train = write(tmp_path / "train.jsonl", "CQ CQ")
    spelling = Spelling("CQDE ", normalize=["upper"])
    CountNgrams([train, str(tmp_path / "words.txt")], str(tmp_path / "both.json"), spelling, order=2).run()
    same = write(tmp_path / "same.jsonl", "CQ DE", "DE CQ", "CQ CQ")
    CountNgrams(same, str(tmp_path / "same.json"), spelling, order=2).run()
    both, wanted = (Ngrams.load(tmp_path / f"{name}.json") for name in ("both", "same"))
    assert both.log_prob([1, 2, 5, 3]) == wanted.log_prob([1, 2, 5, 3])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"CQ\nCQ X\n", r"words\.txt:2: 'X' is not in the alphabet"),
        (b"\n", "no text in it"),
        (b"\xff", "cannot be read"),
    ],
)
def test_bad_text_files_are_told_by_line(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "words.txt").write_bytes(content)
    with pytest.raises(InputError, match=told):
        CountNgrams(str(tmp_path / "words.txt"), str(tmp_path / "lm.json"), Spelling("CQDE ")).run()
    assert not (tmp_path / "lm.json").exists()


def test_a_text_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"words\.txt: no such file"):
        CountNgrams(str(tmp_path / "words.txt"), str(tmp_path / "lm.json")).run()
