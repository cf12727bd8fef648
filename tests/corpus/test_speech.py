"""The speech corpus: a function of its settings, made once; with a stand-in for espeak-ng, and with itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from project.contract import Example, InputError
from project.corpus import speech
from project.corpus.speaker.errors import Learners
from project.corpus.speaker.mnemonics import units
from project.corpus.speaker.recording import Recording
from project.corpus.speaker.synthesizer import Spoken, Synthesizer, Voice
from project.corpus.speaker.voices import Speakers
from project.corpus.speech import Speech
from project.text.phoneme import PHONES
from project.text.spelling import Spelling

NAMES = ["train.jsonl", "train_canonical.jsonl", "dev.jsonl", "dev_realized.jsonl", "test.jsonl", "test_realized.jsonl"]
MANY = Learners(rate=(0.8, 0.8))


class StandIn:
    """Every phone is a tenth of a second of a tone of its own; each third utterance is not said."""

    version = "stand-in"
    said = 0

    def __enter__(self) -> StandIn:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def check(self, voice: Voice) -> None:
        assert voice.name == "en-us"

    def say(self, words: Sequence[Sequence[str]], voice: Voice, pauses: Sequence[bool] = ()) -> Spoken | None:
        assert voice.name.startswith("en-us+")
        assert len(pauses) >= len(words)
        StandIn.said += 1
        phones = [phone for word in words for phone in word]
        if any(units(word) is None for word in words) or len(phones) % 3 == 0:
            return None
        size = 2205
        time = np.arange(size) / 22050
        tones = [np.sin(2 * np.pi * (300 + 80 * PHONES.index(phone.rstrip("012"))) * time) for phone in phones]
        starts = tuple(size * place for place in range(len(phones)))
        return Spoken(np.concatenate(tones).astype(np.float32), 22050, starts, size * len(phones))


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "Synthesizer", StandIn)


def small(**changes: Any) -> Speech:
    return Speech(**{"num_train": 6, "num_dev": 2, "num_test": 3, "speakers": Speakers(per_speaker=2)} | changes)


def lines(path: str | Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.usefixtures("stand_in")
def test_manifests_describe_the_recordings(tmp_path: Path) -> None:
    manifests = small(learners=MANY).make(str(tmp_path))
    assert [Path(path).name for path in manifests] == NAMES
    assert [len(lines(path)) for path in manifests] == [6, 6, 2, 2, 3, 3]
    for line in (line for path in manifests for line in lines(path)):
        info = soundfile.info(tmp_path / line["media"])
        assert (info.samplerate, info.channels, info.subtype) == (16000, 1, "PCM_16")
        assert info.frames == pytest.approx(line["duration"] * 16000)
        assert 1 <= line["duration"] <= 6.8
        assert {*line["labels"]["canonical"], *line["labels"]["realized"]} <= set(PHONES)
        assert line["draws"] >= 1
        assert 0 <= line["labels"]["accuracy"] <= 10


@pytest.mark.usefixtures("stand_in")
def test_the_two_kinds_of_manifests_agree(tmp_path: Path) -> None:
    small(learners=MANY).make(str(tmp_path))
    pairs = [("train_canonical", "train"), ("dev", "dev_realized"), ("test", "test_realized")]
    errors = 0
    for canonical, realized in pairs:
        for should, was in zip(
            lines(tmp_path / f"{canonical}.jsonl"), lines(tmp_path / f"{realized}.jsonl"), strict=True
        ):
            assert {key: should[key] for key in ("id", "media", "duration", "text", "group")} == {
                key: was[key] for key in ("id", "media", "duration", "text", "group")
            }
            labels = should["labels"]
            assert should["symbols"] == labels["canonical"] == was["labels"]["canonical"]
            assert was["symbols"] == labels["realized"] == was["labels"]["realized"]
            assert len(labels["phone_scores"]) == len(labels["said"]) == len(should["symbols"])
            assert " ".join(labels["said"]).split() == was["symbols"]
            assert (
                sum(said != phone for said, phone in zip(labels["said"], should["symbols"], strict=True))
                == was["errors"]
            )
            errors += was["errors"]
            assert len(was["labels"]["places"]) == len(was["symbols"])
    assert errors > 20


@pytest.mark.usefixtures("stand_in")
def test_places_say_where_phones_are_heard(tmp_path: Path) -> None:
    quiet = Recording(snr_db=(60, 60), rooms=0.0)
    small(num_train=1, num_dev=0, num_test=0, recording=quiet).make(str(tmp_path))
    (line,) = lines(tmp_path / "train.jsonl")
    sound, rate = soundfile.read(tmp_path / line["media"])
    for place, phone in zip(line["labels"]["places"], line["symbols"], strict=True):
        piece = sound[round((place + 0.01) * rate) : round((place + 0.07) * rate)]
        spectrum = np.abs(np.fft.rfft(piece * np.hanning(len(piece)), 1 << 15))
        heard = np.argmax(spectrum) * rate / (1 << 15)
        assert heard == pytest.approx(line["tract"] * (300 + 80 * PHONES.index(phone)), rel=0.01)


@pytest.mark.usefixtures("stand_in")
def test_the_spelling_takes_the_labels(tmp_path: Path) -> None:
    small().make(str(tmp_path))
    spelling = Spelling(PHONES, " ", numbers={"phone_scores": 0.01, "accuracy": 0.01})
    for name, placed in (("test.jsonl", False), ("test_realized.jsonl", True)):
        line = lines(tmp_path / name)[0]
        example = Example(line["id"], line["media"], line["duration"], None, tuple(line["symbols"]), line["labels"])
        targets, frames = spelling.targets(spelling.reference(example), example, 500)
        assert len(targets["symbols"]) == len(line["symbols"])
        assert len(targets["phone_scores"]) == (1 if placed else len(line["symbols"]))
        assert ("places" in frames) == placed
        assert not placed or [one for one in frames["places"] if one] == targets["symbols"]


@pytest.mark.usefixtures("stand_in")
def test_an_utterance_is_a_function_of_seed_split_and_number(tmp_path: Path) -> None:
    small().make(str(tmp_path / "a"))
    small(num_train=2, num_test=5).make(str(tmp_path / "b"))
    small(seed=1).make(str(tmp_path / "c"))
    first, second, third = (lines(tmp_path / name / "train.jsonl") for name in "abc")
    assert second == first[:2]
    audio = "audio/train/000001.flac"
    assert (tmp_path / "a" / audio).read_bytes() == (tmp_path / "b" / audio).read_bytes()
    assert not {line["text"] for line in first} & {line["text"] for line in third}


@pytest.mark.usefixtures("stand_in")
def test_splits_share_no_speaker_voice_or_text(tmp_path: Path) -> None:
    small(num_train=20, num_dev=10, num_test=10).make(str(tmp_path))
    parts = [lines(tmp_path / f"{split}.jsonl") for split in ("train", "dev", "test")]
    for key in ("group", "voice", "text", "id"):
        found = [{line[key] for line in part} for part in parts]
        assert sum(map(len, found)) == len(set.union(*found))
    assert len({line["group"] for line in parts[0]}) == 10


@pytest.mark.usefixtures("stand_in")
def test_a_finished_corpus_is_left_alone_and_a_half_made_one_completed(tmp_path: Path) -> None:
    small().make(str(tmp_path / "whole"))
    before = StandIn.said
    assert len(small().make(str(tmp_path / "whole"))) == 6
    assert StandIn.said == before
    whole = contents(tmp_path / "whole")
    (tmp_path / "whole" / "test.jsonl").unlink()
    (tmp_path / "whole" / "audio" / "test" / "000001.flac").write_bytes(b"")
    small().make(str(tmp_path / "whole"))
    assert contents(tmp_path / "whole") == whole


@pytest.mark.usefixtures("stand_in")
def test_other_settings_in_its_place_are_refused(tmp_path: Path) -> None:
    small().make(str(tmp_path))
    with pytest.raises(InputError, match=r"another counts.train, learners.rate, seed: choose another out="):
        small(num_train=5, seed=3, learners=MANY).make(str(tmp_path))


@pytest.mark.usefixtures("stand_in")
def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    small(num_train=0).make(str(tmp_path), lambda done, total: told.append((done, total)))
    assert told == [(done, 5) for done in range(1, 6)]
    assert sorted(file.name for file in tmp_path.glob("*.jsonl")) == sorted(NAMES[2:])


@pytest.mark.usefixtures("stand_in")
def test_what_cannot_be_said_in_time_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none of 50 texts for train-0000 was said in 9 to 10 s"):
        small(recording=Recording(seconds=(9, 10))).make(str(tmp_path))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"num_dev": -1}, "num_dev is -1"),
        ({"seed": -1}, "seed is -1"),
        ({"num_train": 0, "num_dev": 0, "num_test": 0}, "num_train"),
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, int], words: str) -> None:
    with pytest.raises(InputError, match=words):
        small(**wrong)


def test_espeak_itself_says_what_is_asked_for(tmp_path: Path) -> None:
    try:
        Synthesizer()
    except InputError as error:
        pytest.skip(str(error))
    for name in "ab":
        small(num_train=4, num_dev=1, num_test=1, learners=MANY).make(str(tmp_path / name))
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    for line in lines(tmp_path / "a" / "train.jsonl"):
        places = line["labels"]["places"]
        assert places == sorted(places)
        assert places[-1] < line["duration"]
        assert line["espeak"][0].isdigit()
