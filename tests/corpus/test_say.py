"""The say corpus: a function of its settings and texts, made once; with a stand-in for espeak-ng, and with itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from project.build.bind import make
from project.build.compose import compose
from project.contract import InputError
from project.corpus import say
from project.corpus.say import Say
from project.corpus.speaker.accents import Accented
from project.corpus.speaker.recording import Recording
from project.corpus.speaker.synthesizer import Spoken, Synthesizer, Voice
from project.data.manifest import Manifest

TEXTS = [f"{first} {second} a b" for first in ("enter", "erase", "go", "repeat") for second in ("one", "two", "ten")]
ACCENTS = ("en-us", "en-gb")


class StandIn:
    """Every word is a quarter of a second of a tone, pauses are silence; it keeps what it was told to say."""

    version = "stand-in"

    def __init__(self) -> None:
        self.said: list[str] = []
        StandIn.last = self

    def __enter__(self) -> StandIn:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def voices(self) -> dict[str, str]:
        return {"en-us": "gmw/en-US", "en-gb": "gmw/en", "de": "gmw/de"}

    def read(self, text: str, voice: Voice) -> Spoken | None:
        assert voice.name.startswith(("gmw/en-US+", "gmw/en+"))
        self.said.append(text)
        tone = 0.3 * np.sin(np.arange(5512) * 0.2)
        parts = [0 * tone if word == "[[_:]]" else tone for word in text.split()]
        wave = np.concatenate(parts).astype(np.float32)
        return Spoken(wave, 22050, (0,), len(wave))


@pytest.fixture
def texts(tmp_path: Path) -> list[str]:
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(TEXTS))
    return [str(path)]


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(say, "Synthesizer", StandIn)


def small(texts: Any, **changes: Any) -> Say:
    speakers = Accented(per_speaker=3, accents=ACCENTS)
    return Say(**{"texts": texts, "num_train": 12, "num_dev": 4, "num_test": 4, "speakers": speakers} | changes)


def lines(path: str | Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def each(texts: list[str], folder: Path) -> dict[str, list[str]]:
    """Files of their own for dev and test: sentences that train has too."""
    for split, sentences in (("dev", TEXTS[:2]), ("test", TEXTS[2:4])):
        (folder / f"{split}.txt").write_text("\n".join(sentences))
    return {"train": texts, "dev": [str(folder / "dev.txt")], "test": [str(folder / "test.txt")]}


@pytest.mark.usefixtures("stand_in")
def test_manifests_describe_the_recordings(tmp_path: Path, texts: list[str]) -> None:
    manifests = small(each(texts, tmp_path)).make(str(tmp_path / "out"))
    assert [Path(path).name for path in manifests] == ["train.jsonl", "dev.jsonl", "test.jsonl"]
    assert [len(lines(path)) for path in manifests] == [12, 4, 4]
    for line in (line for path in manifests for line in lines(path)):
        info = soundfile.info(tmp_path / "out" / line["media"])
        assert (info.samplerate, info.channels, info.subtype) == (16000, 1, "PCM_16")
        assert info.frames == pytest.approx(line["duration"] * 16000)
        assert line["accent"] == ACCENTS[int(line["group"][-4:]) % 2]
        assert "symbols" not in line
    example = Manifest.open(manifests[0])[0]
    assert example.meta["accent"] == "en-us"
    assert {"voice", "wpm", "tract", "snr_db", "draws", "espeak"} <= set(example.meta)


@pytest.mark.usefixtures("stand_in")
def test_splits_share_no_speaker_voice_or_sentence(tmp_path: Path, texts: list[str]) -> None:
    found = small(each(texts, tmp_path), num_train=80, num_dev=20, num_test=20).make(str(tmp_path / "out"))
    parts = [lines(path) for path in found]
    for key in ("group", "voice", "text", "id"):
        values = [{line[key] for line in part} for part in parts]
        assert sum(map(len, values)) == len(set.union(*values)), key
    assert {line["text"] for line in parts[1]} == {*TEXTS[:2]}
    assert {line["text"] for line in parts[2]} == {*TEXTS[2:4]}
    drawn_anew = [line["text"] not in TEXTS for line in parts[0]]
    assert 0.2 < np.mean(drawn_anew) < 0.8


@pytest.mark.usefixtures("stand_in")
def test_letters_and_pauses_are_told_to_the_voice(tmp_path: Path, texts: list[str]) -> None:
    speakers = Accented(per_speaker=3, accents=ACCENTS, pauses=(1, 1))
    corpus = small(texts, num_dev=0, num_test=0, recombined=0.0, speakers=speakers)
    told = lines(corpus.make(str(tmp_path / "out"))[0])
    for line, said in zip(told, StandIn.last.said, strict=True):
        first, second, *_ = line["text"].split()
        assert said == f"{first} [[_:]] {second} [[_:]] [['eI]] [[_:]] b"


@pytest.mark.usefixtures("stand_in")
def test_an_utterance_is_a_function_of_seed_texts_and_number(tmp_path: Path, texts: list[str]) -> None:
    small(texts, num_dev=0, num_test=0).make(str(tmp_path / "a"))
    small(texts, num_train=5, num_dev=0, num_test=0).make(str(tmp_path / "b"))
    small(texts, num_dev=0, num_test=0, seed=1).make(str(tmp_path / "c"))
    first, second, third = (lines(tmp_path / name / "train.jsonl") for name in "abc")
    assert second == first[:5]
    assert third[:5] != second
    audio = "audio/train/000004.flac"
    assert (tmp_path / "a" / audio).read_bytes() == (tmp_path / "b" / audio).read_bytes()


@pytest.mark.usefixtures("stand_in")
def test_a_finished_corpus_is_left_alone_and_a_half_made_one_completed(
    tmp_path: Path, texts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    corpus = small(each(texts, tmp_path))
    corpus.make(str(out))
    whole = contents(out)
    (out / "test.jsonl").unlink()
    (out / "audio" / "test" / "000001.flac").write_bytes(b"")
    corpus.make(str(out))
    assert contents(out) == whole
    monkeypatch.setattr(say, "Synthesizer", None)  # nor is espeak-ng needed
    assert len(corpus.make(str(out))) == 3
    Path(texts[0]).write_text("others")
    with pytest.raises(InputError, match=r"another counts.dev, counts.test, .*texts.train: choose another out="):
        small(texts, num_dev=0, num_test=0).make(str(out))


@pytest.mark.usefixtures("stand_in")
def test_an_unknown_accent_leaves_nothing_behind(tmp_path: Path, texts: list[str]) -> None:
    with pytest.raises(InputError, match="has no accent de of English: take some of en-gb, en-us"):
        small(texts, num_dev=0, num_test=0, speakers=Accented(accents=["de"])).make(str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("stand_in")
def test_progress_is_told(tmp_path: Path, texts: list[str]) -> None:
    told: list[tuple[int, int]] = []
    small(texts, num_train=5, num_dev=0, num_test=0).make(str(tmp_path / "out"), lambda *at: told.append(at))
    assert told == [(done, 5) for done in range(1, 6)]


@pytest.mark.usefixtures("stand_in")
def test_what_cannot_be_said_in_time_is_told(tmp_path: Path, texts: list[str]) -> None:
    with pytest.raises(InputError, match=r"none of 50 sentences for train-0000 was said in 30 to 40 s"):
        small(texts, num_dev=0, num_test=0, recording=Recording(seconds=(30, 40))).make(str(tmp_path / "out"))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"num_dev": -1}, "num_dev is -1"),
        ({"seed": -1}, "seed is -1"),
        ({"recombined": 1.5}, "recombined is 1.5"),
        ({"texts": None}, r"no texts are named: add corpus.texts="),
    ],
)
def test_wrong_settings_are_refused(texts: list[str], wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        small(**{"texts": texts} | wrong)


def test_the_file_of_settings_says_what_the_classes_do(texts: list[str]) -> None:
    node = compose("prepare", ["corpus=say", f"corpus.texts={texts}"])["corpus"]
    assert json.loads(json.dumps(make(node, "corpus").settings)) == json.loads(json.dumps(Say(texts=texts).settings))


def test_espeak_itself_reads_the_texts(tmp_path: Path, texts: list[str]) -> None:
    try:
        Synthesizer()
    except InputError as error:
        pytest.skip(str(error))
    for name in "ab":
        small(texts, num_dev=0, num_test=0).make(str(tmp_path / name))
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    for line in lines(tmp_path / "a" / "train.jsonl"):
        assert 0.4 < line["duration"] < 12.8
        assert line["espeak"][0].isdigit()
