"""The verb transcribe: the same as evaluation says, of files as people have them."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from project import train
from project.build.compose import compose
from project.build.restore import changed, restore
from project.build.scoring import predict
from project.data.manifest import Manifest
from project.run import Run


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
        (["a.wav", "b.wav", "output=srt"], "srt is one file a recording, and there are 2: set out=<folder>/"),
        (["a.wav", "live=true", "output=json"], "live=true: only text"),
        (["a.wav", "window_seconds=long"], "window_seconds: 'long' is no number"),
        (["a.wav", "window_seconds=3"], "window_seconds: 3 is no longer than the overlap"),
        (["a.wav", "device=abacus"], "device=abacus: "),
        (["a.wav", "checkpoint=third"], "choose best or last"),
        (["a.wav", "decode=bean"], "did you mean beam?"),
        (["a.wav", "out=b.wav/x.txt"], "b.wav is no place to write to"),
        (["a.wav", "outptu=json"], "outptu: no such key or group: did you mean output?"),
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
