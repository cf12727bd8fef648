"""The verb transcribe: the same as evaluation says, of files as people have them."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import types
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from project import train
from project.build.compose import compose
from project.build.restore import changed, restore
from project.data.manifest import Manifest
from project.run import Run
from project.scoring.predictions import predict


@pytest.fixture(scope="module")
def run(tiny: list[str], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that has learned nothing and says much."""
    config = compose("train", [*tiny, "trainer.max_epochs=1", "feature=tone_envelope"])
    made = Run(tmp_path_factory.mktemp("runs") / "trial" / "run-00000000")
    train.fit(made, config, train.build(config))
    content = torch.load(made.best, weights_only=True)
    generator = torch.Generator().manual_seed(0)
    weight = content["state_dict"]["model.head.weight"]
    content["state_dict"]["model.head.weight"] = torch.randn(weight.shape, generator=generator)
    content["state_dict"]["model.head.bias"].zero_()
    torch.save(content, made.best)
    return made


Ask = Callable[..., tuple[int, str, list[str]]]


@pytest.fixture
def ask(run: Run, transcribing: Ask) -> Ask:
    """Transcribe with that run, in an empty folder."""
    return partial(transcribing, run.folder)


@pytest.mark.parametrize("decode", ["greedy", "beam"])
def test_it_says_what_evaluation_says(ask: Ask, run: Run, morse: Path, decode: str) -> None:
    manifest = Manifest.open(str(morse / "test.jsonl"))
    own = changed(run.config(), decode=compose("train", [f"decode={decode}"])["decode"])
    scored = predict(restore(run, own), manifest, "32-true", "cpu").scored
    code, printed, lines = ask(morse / "audio" / "test", "output=json", f"decode={decode}")
    assert (code, lines) == (0, [])
    found = {Path(line["file"]).name: line for line in map(json.loads, printed.splitlines())}
    assert len(found) == len(manifest) == 7
    for index in range(len(manifest)):
        expected, line = scored[manifest[index].id].hypothesis, found[Path(manifest[index].media).name]
        assert line["text"] == expected.text.strip()
        assert len(expected.tokens) > 3
        assert [symbol["start"] for symbol in line["symbols"]] == [
            round(0.02 * start, 3) for start, _ in expected.spans
        ]
        assert line["seconds"] == round(manifest[index].length, 3)


def test_a_long_recording_comes_bit_by_bit(ask: Ask, morse: Path) -> None:
    """In windows, live and at once: the same text; a folder of captions beside it."""
    waves = [soundfile.read(file)[0] for file in sorted((morse / "audio" / "train").glob("*.flac"))]
    soundfile.write("long.flac", np.concatenate(waves), 8000)
    short = ("window_seconds=20", "batch_seconds=20")
    code, live, _ = ask("long.flac", "live=true", *short)
    assert code == 0
    assert len(live) > 100
    assert ask("long.flac", *short)[1] == live
    code, printed, _ = ask("long.flac", "output=vtt", "out=made/", *short)
    assert (code, printed) == (0, "")
    assert Path("made/long.vtt").read_text().startswith("WEBVTT")


def test_bad_recordings_are_told_and_skipped(ask: Ask, morse: Path) -> None:
    good = next((morse / "audio" / "test").glob("*.flac"))
    soundfile.write("empty.wav", np.zeros(0), 8000)
    Path("torn.flac").write_bytes(good.read_bytes()[:3000])
    Path("notes.txt").write_text("no sound")
    code, printed, lines = ask("absent.wav", "torn.flac", good, "empty.wav", "notes.txt", "out=all.txt")
    assert (code, printed) == (2, "")
    assert [line.partition(":")[0] for line in lines] == ["absent.wav", "torn.flac", "empty.wav", "notes.txt"]
    assert all(line.count(": ") >= 2 for line in lines), "what and remedy"
    assert Path("all.txt").read_text().startswith(f"{good}\t")
    assert ask("empty.wav", "out=none.txt")[0] == 2
    assert not Path("none.txt").exists()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "no recording is named"),
        (["a.wav", "output=doc"], "output=doc: no such format: choose from text, json"),
        (["a.wav", "b.wav", "output=srt"], "srt is one file for each, and there are 2: set out=<folder>/"),
        (["a.wav", "live=true", "output=json"], "live=true: only text"),
        (["a.wav", "window_seconds=long"], "window_seconds: 'long' is no number"),
        (["a.wav", "window_seconds=3"], "window_seconds: 3 is no longer than the overlap"),
        (["a.wav", "device=abacus"], "device=abacus: "),
        (["a.wav", "checkpoint=third"], "choose best or last"),
        (["a.wav", "decode=bean"], "did you mean beam?"),
        (["a.wav", "out=b.wav/x.txt"], "b.wav is no place to write to"),
        (["a.wav", "outptu=json"], "outptu: no such key or group: did you mean output?"),
        (["a.wav", "workers=many"], "workers: 'many' is no number of processes: give 0 or more"),
        (["a.wav", "workers=-1"], "workers: -1 is no number of processes"),
        (["a.wav", "-", "workers=2"], "workers=2: - is read by one process: leave one of the two out"),
        (["a.wav", "mic"], "mic: a microphone is heard until Ctrl-C: name nothing beside it"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_wrong_is_said_in_a_line(ask: Ask, words: list[str], line: str) -> None:
    for name in ("a.wav", "b.wav"):
        soundfile.write(name, np.sin(np.arange(8000)), 8000)
    code, printed, lines = ask(*words)
    assert (code, printed) == (2, "")
    assert len(lines) == 1
    assert line in lines[0]


def test_standard_input(ask: Ask, morse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = next((morse / "audio" / "test").glob("*.flac"))
    with good.open() as stream:
        monkeypatch.setattr("sys.stdin", stream)
        assert ask("-")[1] == ask(good)[1]


@pytest.fixture(scope="module")
def long(morse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A WAV file of some minutes."""
    waves = [soundfile.read(file)[0] for file in sorted((morse / "audio" / "train").glob("*.flac"))]
    file = tmp_path_factory.mktemp("long") / "long.wav"
    soundfile.write(file, np.concatenate(waves), 8000)
    return file


def test_sound_from_a_pipe_is_written_down_while_it_comes(
    ask: Ask, long: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without being asked to, and in windows that are short: here 8.3 s, of which each brings 3 s that are new."""
    content = long.read_bytes()
    ours, theirs = os.pipe()
    given: list[float] = []  # seconds of sound that had been given when text came

    class Output(io.StringIO):
        def write(self, text: str) -> int:
            if text.strip():
                given.append(written / 16_000)
                waiting.release()
            return super().write(text)

    output, waiting, written = Output(), threading.Semaphore(0), 0

    def play() -> None:
        nonlocal written
        with suppress(BrokenPipeError), os.fdopen(theirs, "wb") as out:
            out.write(content[:44].replace(content[40:44], b"\xff\xff\xff\xff"))
            while written < len(content) - 44:
                out.write(content[44 + written : 44 + written + 48_000])
                out.flush()
                written += 48_000
                waiting.acquire(timeout=1.0 if written > 130_000 else 0.05)  # three seconds are one window's text

    thread = threading.Thread(target=play)
    thread.start()
    with os.fdopen(ours) as stream:
        monkeypatch.setattr("sys.stdin", stream)
        monkeypatch.setattr("sys.stdout", output)
        assert ask("-")[0] == 0
    thread.join()
    monkeypatch.undo()
    assert len(given) > 15
    assert given[0] < 16, "the recording has 73 s"
    assert np.diff(given).max() < 13


def test_what_comes_through_a_pipe_is_recognized_as_a_file_where_nobody_waits(
    ask: Ask, long: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = json.loads(ask(long, "output=json")[1])
    with subprocess.Popen(["cat", str(long)], stdout=subprocess.PIPE, text=True) as cat:
        monkeypatch.setattr("sys.stdin", cat.stdout)
        assert json.loads(ask("-", "output=json")[1]) == expected | {"file": "-"}


def test_a_microphone_is_heard_until_ctrl_c(
    ask: Ask, morse: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was heard by then is written to its end, as a file of it would be, and the exit code is 0."""
    file = next((morse / "audio" / "test").glob("*.flac"))
    wave, rate = soundfile.read(file, dtype="float32")

    class InputStream:
        def __init__(self, samplerate: float, device: object, channels: int, dtype: str) -> None:
            assert (samplerate, device, channels, dtype) == (rate, None, 1, "float32")
            self.at = 0

        def start(self) -> None:
            pass

        def read(self, frames: int) -> tuple[np.ndarray, bool]:
            piece = wave[self.at : self.at + frames]
            self.at += frames
            if not len(piece):
                time.sleep(0.01)
            if 0 <= self.at - len(wave) - rate < frames:  # a second later
                os.kill(os.getpid(), signal.SIGINT)
            return np.pad(piece, (0, frames - len(piece)))[:, None], False

        def close(self) -> None:
            pass

    package = types.ModuleType("sounddevice")
    device = {"name": "Built-in", "max_input_channels": 1, "default_samplerate": float(rate)}
    parts = {"InputStream": InputStream, "query_devices": lambda *_: device, "PortAudioError": RuntimeError}
    package.__dict__.update(parts)
    monkeypatch.setitem(sys.modules, "sounddevice", package)
    before = signal.getsignal(signal.SIGINT)
    code, printed, lines = ask("mic", "output=json")
    assert (code, lines) == (0, [])
    assert signal.getsignal(signal.SIGINT) is before
    heard = json.loads(printed)
    assert len(wave) / rate < heard["seconds"] < len(wave) / rate + 20
    silence = np.zeros(round(heard["seconds"] * rate) - len(wave), np.float32)
    soundfile.write("same.wav", np.concatenate([wave, silence]), rate, subtype="FLOAT")
    assert json.loads(ask("same.wav", "output=json")[1]) == heard | {"file": "same.wav"}
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    code, printed, lines = ask("mic")
    assert (code, printed, len(lines)) == (2, "", 1)
    assert "pip install sounddevice" in lines[0]


@pytest.mark.long
@pytest.mark.parametrize("output", ["json", "text"])
def test_workers_write_what_one_process_writes(ask: Ask, morse: Path, long: Path, output: str) -> None:
    words = (long, morse / "audio", "absent.wav", f"output={output}", "window_seconds=20")
    Path("notes.txt").write_text("no sound")
    code, printed, lines = ask(*words, "notes.txt")
    assert (code, len(lines)) == (2, 2)
    assert len(printed.splitlines()) == 38
    again = ask(*words, "notes.txt", "workers=2")
    assert (again[0], again[2]) == (code, lines)
    confidence = re.compile(r'("confidence": )[\d.]+')  # other batches round otherwise
    assert confidence.sub(r"\1", again[1]) == confidence.sub(r"\1", printed)
    code, printed, lines = ask(*words, "workers=2", "device=abacus")
    assert (code, printed, len(lines)) == (2, "", 2)
    assert lines[1].startswith("device=abacus: ")
