"""The verb transcribe with runs that write token by token: the same as validation and evaluation say."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from lightning.pytorch import Trainer

from project import train
from project.build.compose import compose
from project.build.restore import changed, restore
from project.contract import Batch, Hypothesis
from project.data.manifest import Manifest
from project.run import Run
from project.scoring.predictions import predict
from project.system.weights import load_weights
from project.text.vocabulary import trained
from project.transcript.placed import Placed

RATE = 16000
SECONDS = (0.5, 0.8, 0.8, 1.1, 0.5, 0.9)
WORDS = ["Hello", "there,", "Mr.", "Jones", "is", "here", "and", "says", "no", "to", "it", "all"]


def sound(seconds: float, rng: np.random.Generator) -> np.ndarray[Any, np.dtype[np.float64]]:
    """A gliding tone that comes and goes, in some noise."""
    times = np.arange(round(seconds * RATE)) / RATE
    tone = np.sin(2 * np.pi * (200 + 2000 * rng.random()) * times * (1 + 0.3 * np.sin(6 * np.pi * times)))
    return 0.3 * tone * (0.5 + 0.5 * np.sin(4 * np.pi * times)) + 0.01 * rng.normal(size=len(times))


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with train.jsonl and dev.jsonl, tokenizer.json and recordings of different lengths."""
    folder, rng = tmp_path_factory.mktemp("said"), np.random.default_rng(0)
    texts = []
    for part in ("train", "dev"):
        lines = []
        for number, seconds in enumerate(SECONDS):
            texts.append(" ".join(rng.choice(WORDS, 3)))
            name = f"{part}-{number}"
            soundfile.write(folder / f"{name}.flac", sound(seconds, rng), RATE)
            lines.append(json.dumps({"id": name, "media": f"{name}.flac", "duration": seconds, "text": texts[-1]}))
        (folder / f"{part}.jsonl").write_text("\n".join(lines) + "\n")
    trained(texts, 60).save(folder / "tokenizer.json")
    return folder


@pytest.fixture(scope="module")
def run(said: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that has learned nothing and writes much, something else of each recording."""
    sizes = {"hidden_size": 32, "intermediate_size": 32, "encoder_num_hidden_layers": 1, "decoder_num_hidden_layers": 1}
    config = compose("train", [
        "experiment=stt/base", "text.case=keep", f"text.tokenizer={said}/tokenizer.json",
        f"data.manifest.train={said}/train.jsonl", f"data.manifest.dev={said}/dev.jsonl",
        f"data.manifest.test={said}/dev.jsonl", "data.workers=0", "data.augment=[]", "data.batching.max_batch_size=4",
        "epochs=1", "scheduler.warmup_steps=1", "trainer.precision=32-true", "model.padding=library",
        *(f"model.config.{name}={size}" for name, size in sizes.items()),
    ])  # fmt: skip
    made = Run(tmp_path_factory.mktemp("runs") / "trial" / "run-00000000")
    train.fit(made, config, train.build(config))
    content = torch.load(made.best, weights_only=True)
    generator = torch.Generator().manual_seed(1)
    for name, weight in content["state_dict"].items():
        if name.startswith("model.network.") and weight.dim() > 1:
            spread = (2 if "encoder_attn" in name else 1) * weight[0].numel() ** -0.5
            weight.copy_(spread * torch.randn(weight.shape, generator=generator))
    torch.save(content, made.best)
    return made


@pytest.fixture(params=["library", "exact"])
def padded(run: Run, tmp_path: Path, request: pytest.FixtureRequest) -> Run:
    """The run, and the same one with a model that padding does not change."""
    if request.param == "library":
        return run
    other = Run(Path(shutil.copytree(run.folder, tmp_path / "runs" / "trial" / "run-00000001")))
    text = other.config_file.read_text()
    assert text.count("padding: library") == 1
    other.config_file.write_text(text.replace("padding: library", "padding: exact"))
    system, content = train.build(other.config()).system, torch.load(run.best, weights_only=True)
    system.load_state_dict(content["state_dict"], strict=False)
    torch.save(content | {"state_dict": system.state_dict()}, other.best)
    return other


Ask = Callable[..., tuple[int, str, list[str]]]


@pytest.fixture
def ask(run: Run, transcribing: Ask) -> Ask:
    """Transcribe in an empty folder, with that run or another."""

    def answer(*words: str | Path, run: Run = run) -> tuple[int, str, list[str]]:
        return transcribing(run.folder, *words)

    return answer


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> dict[str, Hypothesis]:
    """What the transcribing recognizer said of each file, by its name."""
    found: dict[str, Hypothesis] = {}
    inner = Placed.predict

    def noted(self: Placed, batch: Batch) -> Any:
        output, hypotheses = inner(self, batch)
        found.update(zip((Path(name).stem for name in batch.ids), hypotheses, strict=True))
        return output, hypotheses

    monkeypatch.setattr(Placed, "predict", noted)
    return found


def validated(run: Run) -> dict[str, Hypothesis]:
    """What validation in training says, with the run's weights."""
    config = run.config()
    recognizer = train.build(config)
    load_weights(recognizer.system, run.best)
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False)
    trainer.validate(recognizer.system, datamodule=recognizer.data, verbose=False)
    return {row.id: row.hypothesis for row in recognizer.system.scored}


def test_validation_evaluation_and_transcription_say_the_same(
    ask: Ask, padded: Run, said: Path, written: dict[str, Hypothesis]
) -> None:
    recognizer = restore(padded, changed(padded.config()))
    outcome = predict(recognizer, Manifest.open(str(said / "dev.jsonl")), "32-true", "cpu")
    evaluated = {name: row.hypothesis for name, row in outcome.scored.items()}
    code, printed, lines = ask(
        *(said / f"dev-{number}.flac" for number in range(len(SECONDS))), "output=json", run=padded
    )
    assert (code, lines) == (0, [])
    shown = {Path(line["file"]).stem: line for line in map(json.loads, printed.splitlines())}
    learned = validated(padded)
    assert len({evaluated[name].tokens for name in shown}) > 3, "it hears no difference: the test shows nothing"
    for number, seconds in enumerate(SECONDS):
        name = f"dev-{number}"
        assert len(written[name].tokens) > 3
        assert learned[name].tokens == evaluated[name].tokens == written[name].tokens
        assert written[name].confidences == pytest.approx(evaluated[name].confidences, abs=1e-4)
        assert shown[name]["text"].split() == written[name].text.split()
        assert shown[name]["seconds"] == seconds
        (segment,) = shown[name]["segments"]
        assert (segment["start"], segment["end"], segment["segment"]) == (0.0, seconds, shown[name]["text"])
        assert " ".join(word["word"] for word in segment["words"]) == segment["segment"]
        assert recognizer.spelling.normalize(written[name].text) == evaluated[name].text


def test_only_equal_lengths_share_a_batch_where_padding_is_heard(
    ask: Ask, padded: Run, said: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, inner = [], Placed.predict

    def noted(self: Placed, batch: Batch) -> Any:
        asked.append(batch.lengths_B.tolist())
        return inner(self, batch)

    monkeypatch.setattr(Placed, "predict", noted)
    files = [said / f"dev-{number}.flac" for number in range(len(SECONDS))]
    assert ask(*files, run=padded)[0] == 0
    mixes = padded.config()["model"]["padding"] == "library"
    assert list(map(len, asked)) == ([1, 2, 1, 1, 1] if mixes else [6])


def test_a_long_recording_comes_window_by_window(ask: Ask) -> None:
    """Three windows, cut in the pauses: live, at once and in each format the same text."""
    rng = np.random.default_rng(5)
    pause = 0.001 * rng.normal(size=RATE // 2)
    soundfile.write(
        "long.flac", np.concatenate([sound(1.5, rng), pause, sound(1.4, rng), pause, sound(1.0, rng)]), RATE
    )
    short = ("window_seconds=2.2",)
    code, live, _ = ask("long.flac", "live=true", *short)
    assert code == 0
    assert ask("long.flac", *short)[1] == live
    assert live.count("\n") == 1
    line = json.loads(ask("long.flac", "output=json", *short)[1])
    assert line["text"] == live.strip()
    assert line["seconds"] == 4.9
    edges = [segment["start"] for segment in line["segments"]] + [line["segments"][-1]["end"]]
    assert edges[0] == 0.0
    assert 1.5 < edges[1] < 2.0
    assert 3.4 < edges[2] < 3.9
    assert edges[3:] == [4.9]
    assert " ".join(segment["segment"] for segment in line["segments"]) == line["text"]
    sure = [word["confidence"] for segment in line["segments"] for word in segment["words"]]
    assert line["confidence"] == pytest.approx(np.mean(sure), abs=1e-3)
    code, printed, _ = ask("long.flac", "output=srt", "out=made/", *short)
    assert (code, printed) == (0, "")
    rows = Path("made/long.srt").read_text().strip().split("\n\n")
    assert " ".join(row.split("\n")[2] for row in rows) == line["text"]
    assert 'name = "segments"' in ask("long.flac", "output=textgrid", *short)[1]
    whole = json.loads(ask("long.flac", "output=json", "window_seconds=5")[1])
    assert [(one["start"], one["end"]) for one in whole["segments"]] == [(0.0, 4.9)]
    unasked = json.loads(ask("long.flac", "output=json")[1])
    assert max(one["end"] - one["start"] for one in unasked["segments"]) < 1.2, "it learned from no longer ones"


def test_bad_recordings_are_told_and_skipped(ask: Ask, said: Path) -> None:
    good = said / "dev-0.flac"
    soundfile.write("empty.wav", np.zeros(0), RATE)
    Path("torn.flac").write_bytes(good.read_bytes()[:3000])
    code, printed, lines = ask("absent.wav", "torn.flac", good, "empty.wav", said / "dev-1.flac", "out=all.txt")
    assert (code, printed) == (2, "")
    assert [line.partition(":")[0] for line in lines] == ["absent.wav", "torn.flac", "empty.wav"]
    assert re.findall(r"dev-\d\.flac(?=\t)", Path("all.txt").read_text()) == ["dev-0.flac", "dev-1.flac"]


def test_standard_input(ask: Ask, said: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (said / "dev-3.flac").open() as stream:
        monkeypatch.setattr("sys.stdin", stream)
        assert ask("-")[1] == ask(said / "dev-3.flac")[1]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["overlap_seconds=2"], "overlap_seconds: "),
        (["latency_seconds=5"], "writes token by token, each window's text by itself: leave it out"),
        (["window_seconds=0.2"], "window_seconds: 0.2 leaves nothing to recognize: give 1 or more"),
        (["window_seconds=long"], "window_seconds: 'long' is no number"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_wrong_is_said_in_a_line(ask: Ask, said: Path, words: list[str], line: str) -> None:
    code, printed, lines = ask(said / "dev-0.flac", *words)
    assert (code, printed) == (2, "")
    assert len(lines) == 1
    assert line in lines[0]
