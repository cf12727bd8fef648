"""The case of what is learned is settled before a run has a name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from project.build import text_case
from project.build.compose import compose
from project.build.text_case import settle_case
from project.contract import Config, InputError
from project.run import signature


def config_of(tones: Any, folder: Path, texts: list[str | None], *words: str) -> Config:
    lines = [{"id": f"e{n}", "media": f"{n}.wav", "duration": 1.0, "text": text} for n, text in enumerate(texts)]
    lines = [{key: value for key, value in line.items() if value is not None} for line in lines]
    folder.joinpath("train.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    tones.vocabulary.save(folder / "tokenizer.json")
    tokenizer = ["text=subwords", f"text.tokenizer={folder}/tokenizer.json"]
    return compose("train", [*tokenizer, f"data.manifest.train={folder}/train.jsonl", *words])


@pytest.mark.parametrize(
    ("texts", "case"),
    [(["ONE TWO", "SIX"], "lower"), (["One two", "SIX"], "keep"), ([None, "ONE"], "lower"), ([None], "keep")],
)
def test_the_training_texts_decide(
    tones: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], texts: list[str | None], case: str
) -> None:
    config = config_of(tones, tmp_path, texts)
    settled = settle_case(config)
    assert settled["text"] == {**config["text"], "case": case}
    assert {key: value for key, value in settled.items() if key != "text"} == {
        key: value for key, value in config.items() if key != "text"
    }
    assert config["text"]["case"] == "auto", "what was asked stays as it was"
    assert capsys.readouterr().err.endswith(f"text.case={case}\n")


@pytest.mark.parametrize("case", ["keep", "lower"])
def test_what_is_said_is_not_asked(tones: Any, tmp_path: Path, case: str) -> None:
    config = config_of(tones, tmp_path, ["ONE"], f"text.case={case}", "data.manifest.train=/gone.jsonl")
    assert settle_case(config) is config


def test_auto_and_what_it_comes_to_are_one_run(tones: Any, tmp_path: Path) -> None:
    auto, told = (config_of(tones, tmp_path, ["ONE"], f"text.case={case}") for case in ("auto", "lower"))
    names = [signature(settle_case(one), compose("train"), one["signature_ignores"]) for one in (auto, told)]
    assert names[0] == names[1]


def test_other_texts_have_no_case(morse: Path) -> None:
    for words in ([], [f"data.manifest.train={morse}/train.jsonl"], ["text=phones"]):
        config = compose("train", words)
        assert settle_case(config) is config


def test_a_manifest_that_is_not_there_is_told(tones: Any, tmp_path: Path) -> None:
    config = config_of(tones, tmp_path, ["ONE"], "data.manifest.train=/gone.jsonl")
    with pytest.raises(InputError, match=r"/gone.jsonl"):
        settle_case(config)
    assert settle_case(config_of(tones, tmp_path, ["ONE"], "data.manifest.train=null"))["text"]["case"] == "auto"


def test_a_long_manifest_is_not_read_to_its_end(tones: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_case, "MOST", 2)
    config = config_of(tones, tmp_path, ["ONE", "TWO", "six ten six ten six ten"])
    assert settle_case(config)["text"]["case"] == "lower"
