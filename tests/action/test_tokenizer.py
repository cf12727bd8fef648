"""tokenizer: pieces of words made of a manifest's texts, and how many a word comes to."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from project import cli
from project.action.tokenizer import MakeTokenizer
from project.contract import InputError
from project.text.vocabulary import Vocabulary, trained

TEXTS = ("GO ON AND ON", "AND GO THERE", "NO")


def write(path: Path, *texts: str | None) -> str:
    lines = [{"id": f"e{n}", "media": f"{n}.wav", "duration": 1.0} for n in range(len(texts))]
    lines = [line | ({} if text is None else {"text": text}) for line, text in zip(lines, texts, strict=True)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(path)


def figures(told: str) -> list[str]:
    """Tokens, texts, words and tokens a word, of the table's last line."""
    return re.findall(r"(?<=\s)[\d,.]+(?=\s)", told.splitlines()[-2])[-4:]


def test_it_is_made_of_the_texts_and_says_what_a_word_costs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = write(tmp_path / "train.jsonl", "go on and on", None, "and go there", "no")
    out = tmp_path / "new" / "tokenizer.json"
    assert MakeTokenizer(manifest, str(out), size=20).run() == 0
    found, texts = Vocabulary.load(out), ["go on and on", "and go there", "no"]
    assert found.hash == trained(texts, 20).hash
    told = capsys.readouterr()
    assert "0% of the letters are capitals: case=keep" in told.err
    tokens = sum(len(found.encode(text)) for text in texts)
    assert figures(told.out) == [str(len(found)), "3", "8", f"{tokens / 8:.2f}"]
    assert " ".join(found.split(texts[0])) in told.out


@pytest.mark.parametrize(("case", "lowers"), [("auto", True), ("lower", True), ("keep", False)])
def test_the_case_is_that_of_what_will_be_learned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str, lowers: bool
) -> None:
    manifest = write(tmp_path / "train.jsonl", *TEXTS)
    MakeTokenizer([manifest], str(tmp_path / "t.json"), size=20, case=case).run()  # type: ignore[arg-type]
    found = Vocabulary.load(tmp_path / "t.json")
    assert found.hash == trained([text.lower() if lowers else text for text in TEXTS], 20).hash
    assert ("100% of the letters are capitals: case=lower" in capsys.readouterr().err) == (case == "auto")


def test_a_file_that_is_there_is_kept_unless_it_may_go(tmp_path: Path) -> None:
    manifest, out = write(tmp_path / "train.jsonl", *TEXTS), tmp_path / "t.json"
    MakeTokenizer(manifest, str(out), size=20).run()
    before = out.read_bytes()
    with pytest.raises(InputError, match=r"t\.json.*overwrite=true"):
        MakeTokenizer(manifest, str(out), size=30).run()
    assert out.read_bytes() == before
    MakeTokenizer(manifest, str(out), size=30, overwrite=True).run()
    assert Vocabulary.load(out).hash == trained([text.lower() for text in TEXTS], 30).hash


def test_what_is_wrong_is_told_before_anything_is_read(tmp_path: Path) -> None:
    for out in (None, "data/tokenizer"):
        with pytest.raises(InputError, match=rf"prepare tokenizer: out={out} names no JSON file: add out=data/tok"):
            MakeTokenizer("gone.jsonl", out)
    with pytest.raises(InputError, match="size=1: give as many pieces of words"):
        MakeTokenizer("gone.jsonl", "t.json", size=1)
    with pytest.raises(InputError, match="case=upper: choose from auto, keep, lower"):
        MakeTokenizer("gone.jsonl", "t.json", case="upper")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="prepare tokenizer"):
        MakeTokenizer([], "t.json")
    with pytest.raises(InputError, match="no example has a text: name a manifest with references"):
        MakeTokenizer(write(tmp_path / "bare.jsonl", None, None), str(tmp_path / "t.json")).run()
    assert not (tmp_path / "t.json").exists()


def test_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train, out = write(tmp_path / "train.jsonl", *TEXTS), str(tmp_path / "t.json")
    with pytest.raises(SystemExit) as stop:
        cli.main(["prepare", "tokenizer", train, "size=20", f"out={out}"])
    assert stop.value.code in {0, None}, capsys.readouterr().err
    assert Vocabulary.load(out).hash == trained([text.lower() for text in TEXTS], 20).hash
