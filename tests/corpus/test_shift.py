"""Shifted manifests: what a line and its recording become, by measures of their own; and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from project.contract import InputError
from project.corpus.shift import Shift
from project.corpus.shifter.codec import Codec
from project.corpus.shifter.noise import Noise
from project.corpus.shifter.room import Room
from project.corpus.shifter.speed import Speed
from project.corpus.shifter.telephone import Telephone
from project.feature.waveform import resample

RATE = 16_000
NOISY = Noise(snr_db=(-5, 25))


def voice(seed: int, seconds: float = 1.5, loudness: float = 0.05) -> np.ndarray:
    """Something that swells and pauses like speech."""
    rng = np.random.default_rng(seed)
    swell = np.repeat(rng.random(round(seconds * 10)), RATE // 10)
    sound = rng.standard_normal(len(swell)).cumsum()
    sound = swell * np.diff(sound, prepend=0.0, n=1)
    return np.asarray(loudness * sound / np.sqrt(np.mean(sound**2)))


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Six utterances of three speakers, of different loudness; the last speaks with an offset."""
    (tmp_path / "clean/wav").mkdir(parents=True)
    lines = []
    for number in range(6):
        sound = voice(number, loudness=0.01 * (number + 1)) + 0.01 * (number == 5)
        soundfile.write(tmp_path / f"clean/wav/{number}.wav", sound, RATE, subtype="PCM_16")
        about = {"text": "a b", "symbols": ["A", "B"], "labels": {"places": [0.3, 0.9], "accuracy": 7}}
        line = {"id": f"u{number}", "media": f"wav/{number}.wav", "duration": len(sound) / RATE, **about}
        lines.append({**line, "group": "abc"[number // 2], "gender": "f", "snr_db": 40})
    (tmp_path / "clean/test.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path / "clean/test.jsonl"


def make(manifest: Path, out: Path, **steps: Any) -> list[dict[str, Any]]:
    (path,) = Shift(str(manifest), **steps).make(str(out))
    assert Path(path) == out / manifest.name
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def sound_of(folder: Path, line: dict[str, Any]) -> np.ndarray:
    sound, rate = soundfile.read(folder / line["media"])
    assert rate == RATE
    return np.asarray(sound)


def sources(manifest: Path) -> list[np.ndarray]:
    return [soundfile.read(manifest.parent / f"wav/{number}.wav")[0] for number in range(6)]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize("noise", [NOISY, Noise(snr_db=(0, 10), slope=(0, 2)), Noise((5, 5), babble=1, talkers=(2, 4))])
def test_the_snr_is_what_the_line_says(manifest: Path, tmp_path: Path, noise: Noise) -> None:
    lines = make(manifest, tmp_path / "out", noise=noise)
    for line, source in zip(lines, sources(manifest), strict=True):
        clean, heard = source - source.mean(), sound_of(tmp_path / "out", line)
        heard = heard - heard.mean()
        # By least squares: what of the shifted recording is the clean one, and what is left.
        part = np.dot(heard, clean) / np.dot(clean, clean)
        left = heard - part * clean
        measured = 10 * np.log10(np.sum((part * clean) ** 2) / np.sum(left**2))
        assert measured == pytest.approx(line["snr_db"], abs=0.6)
        assert noise.snr_db is not None
        assert noise.snr_db[0] <= line["snr_db"] <= noise.snr_db[1]
    assert {line["noise"] for line in lines} == {"babble" if noise.babble else "coloured"}


def test_a_line_keeps_what_it_said(manifest: Path, tmp_path: Path) -> None:
    line = make(manifest, tmp_path / "out", noise=Noise(snr_db=(5, 5)))[0]
    assert line == {
        "id": "u0",
        "media": "audio/test/000000.flac",
        "duration": 1.5,
        "text": "a b",
        "symbols": ["A", "B"],
        "labels": {"places": [0.3, 0.9], "accuracy": 7},
        "group": "a",
        "gender": "f",
        "source_snr_db": 40,
        "snr_db": 5.0,
        "noise": "coloured",
        "noise_slope": 1.0,
    }
    again = make(tmp_path / "out/test.jsonl", tmp_path / "twice", noise=Noise(snr_db=(0, 0)))[0]
    assert (again["source_source_snr_db"], again["source_snr_db"], again["snr_db"]) == (40, 5.0, 0.0)


def test_the_level_stays_and_nothing_is_clipped(manifest: Path, tmp_path: Path) -> None:
    chain = {"room": Room((0.3, 0.6)), "telephone": Telephone((300, 3400)), "codec": Codec("vorbis")}
    lines = make(manifest, tmp_path / "out", noise=NOISY, **chain)
    for line, source in zip(lines, sources(manifest), strict=True):
        assert np.std(sound_of(tmp_path / "out", line)) == pytest.approx(np.std(source), rel=0.01)
    loud = 0.7 * np.sign(voice(9))
    soundfile.write(manifest.parent / "wav/0.wav", loud, RATE, subtype="PCM_16")
    shouted = make(manifest, tmp_path / "loud", noise=Noise(snr_db=(0, 0)))[0]
    sound = sound_of(tmp_path / "loud", shouted)
    assert np.abs(sound).max() == pytest.approx(0.99, abs=1e-4)
    assert np.sum(np.abs(sound) > 0.9899) == 1  # a peak, no plateau
    assert soundfile.info(tmp_path / "loud" / shouted["media"]).subtype == "PCM_16"


def test_speed_moves_times(manifest: Path, tmp_path: Path) -> None:
    for line, source in zip(make(manifest, tmp_path, speed=Speed((0.5, 2))), sources(manifest), strict=True):
        sound = sound_of(tmp_path, line)
        assert line["duration"] == len(sound) / RATE == pytest.approx(1.5 / line["speed"], abs=1e-4)
        assert line["labels"]["places"] == pytest.approx([0.3 / line["speed"], 0.9 / line["speed"]], abs=1e-4)
        assert line["labels"]["accuracy"] == 7
        back = resample(sound.astype(np.float32), 100, round(100 * line["speed"]))[: len(source)]
        low = np.fft.irfft(np.where(np.arange(12_001) < 5000, np.fft.rfft(source), 0))[: len(back)]
        back = np.fft.irfft(np.where(np.arange(12_001) < 5000, np.fft.rfft(back, len(source)), 0))
        assert np.corrcoef(low, back[: len(low)])[0, 1] > 0.99


def test_what_happens_is_a_function_of_seed_and_id(manifest: Path, tmp_path: Path) -> None:
    first = make(manifest, tmp_path / "a", noise=NOISY)
    lines = manifest.read_text().splitlines()
    other = manifest.with_name("other.jsonl")
    other.write_text("\n".join(reversed(lines[:3])))
    second = make(other, tmp_path / "b", noise=NOISY)
    for one, two in zip(first[:3], reversed(second), strict=True):
        assert {**one, "media": ""} == {**two, "media": ""}
        assert (tmp_path / "a" / one["media"]).read_bytes() == (tmp_path / "b" / two["media"]).read_bytes()
    echoing = make(manifest, tmp_path / "c", noise=NOISY, room=Room((0.2, 0.8)))
    assert [line["snr_db"] for line in echoing] == [line["snr_db"] for line in first]
    assert len({line["echo_seconds"] for line in echoing}) > 1
    changed = make(manifest, tmp_path / "d", noise=NOISY, seed=1)
    assert [line["snr_db"] for line in changed] != [line["snr_db"] for line in first]


def test_several_manifests_keep_their_names(manifest: Path, tmp_path: Path) -> None:
    (manifest.parent / "dev.jsonl").write_bytes(manifest.read_bytes())
    told: list[tuple[int, int]] = []
    shift = Shift([f"{manifest.parent}/*.jsonl"], noise=NOISY, sample_rate=8000)
    paths = shift.make(str(tmp_path / "out"), lambda done, total: told.append((done, total)))
    assert [Path(path).name for path in paths] == ["dev.jsonl", "test.jsonl"]
    assert told == [(done, 12) for done in range(1, 13)]
    assert soundfile.info(tmp_path / "out/audio/dev/000005.flac").samplerate == 8000


def test_a_half_made_corpus_is_completed(manifest: Path, tmp_path: Path) -> None:
    make(manifest, tmp_path / "whole", noise=NOISY, speed=Speed((0.8, 1.2)))
    whole = contents(tmp_path / "whole")
    (tmp_path / "whole/test.jsonl").unlink()
    (tmp_path / "whole/audio/test/000003.flac").unlink()
    kept = (tmp_path / "whole/audio/test/000002.flac").stat().st_mtime_ns
    make(manifest, tmp_path / "whole", noise=NOISY, speed=Speed((0.8, 1.2)))
    assert contents(tmp_path / "whole") == whole
    assert (tmp_path / "whole/audio/test/000002.flac").stat().st_mtime_ns == kept
    with pytest.raises(InputError, match=r"another noise.snr_db, seed, speed: choose another out="):
        Shift(str(manifest), noise=Noise((1, 2)), seed=3).make(str(tmp_path / "whole"))


def test_what_is_wrong_with_recordings_is_told(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wav = manifest.parent / "wav"
    (wav / "1.wav").unlink()
    (wav / "2.wav").write_bytes(b"RIFF")
    soundfile.write(wav / "3.wav", np.zeros(0), RATE)
    soundfile.write(wav / "4.wav", np.full(1600, 0.1), RATE)
    with pytest.raises(InputError, match="4 problems, no manifest is written"):
        make(manifest, tmp_path / "out", noise=NOISY)
    told = capsys.readouterr().err.splitlines()
    for number, (line, word) in enumerate(
        zip(told, ["is missing: correct", "corrupt", "no samples: replace", "silent"], strict=True), start=1
    ):
        assert line.startswith(f"{manifest}:{number + 1}: u{number}: ")
        assert word in line
    assert not (tmp_path / "out/test.jsonl").exists()


def test_what_cannot_be_done_to_recordings_is_told(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match="6 problems"):
        make(manifest, tmp_path / "crowd", noise=Noise((5, 5), babble=1, talkers=(9, 9)))
    assert "babble takes 9 recordings of other speakers" in capsys.readouterr().err
    manifest.write_text(manifest.read_text().replace("[0.3, 0.9]", '[0.3, "0.9"]', 1))
    with pytest.raises(InputError, match="1 problems"):
        make(manifest, tmp_path / "timed", speed=Speed((0.5, 0.5)))
    assert f"{manifest}:1: u0: label `places` is '0.9', no seconds: " in capsys.readouterr().err


def test_what_cannot_be_asked_for(manifest: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no manifest is named: add corpus.manifest="):
        Shift()
    with pytest.raises(InputError, match="no step is on"):
        Shift(str(manifest))
    with pytest.raises(InputError, match="seed is -1"):
        Shift(str(manifest), seed=-1, noise=NOISY)
    with pytest.raises(InputError, match="sample_rate is 100"):
        Shift(str(manifest), sample_rate=100, noise=NOISY)
    (tmp_path / "test.jsonl").write_text("")
    with pytest.raises(InputError, match=r"test.jsonl: .*clean/test.jsonl has the same name"):
        Shift([str(manifest), str(tmp_path / "test.jsonl")], noise=NOISY).make(str(tmp_path / "out"))
    with pytest.raises(InputError, match=r"test.jsonl: it has no lines"):
        Shift(str(tmp_path / "test.jsonl"), noise=NOISY).make(str(tmp_path / "out"))
    (tmp_path / "test.jsonl").write_text('{"id": "a", "media": "a.npz", "length": 5}\n')
    with pytest.raises(InputError, match="its lines have `length`"):
        Shift(str(tmp_path / "test.jsonl"), noise=NOISY).make(str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()
