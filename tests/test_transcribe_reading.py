"""The verb transcribe with runs that read landmarks or bars: the same as evaluation says, of files by themselves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from project.build.assemble import build_recognizer, settle
from project.build.compose import compose
from project.build.restore import changed, restore
from project.contract import Hypothesis
from project.data.manifest import Manifest
from project.feature import landmark_file
from project.run import Run
from project.scoring.predictions import predict

FRAMES = (31, 18, 9)


def untaught(folder: Path, words: list[str], examples: list[dict[str, object]]) -> tuple[Run, Manifest]:
    """A run of the family that the words say, with weights that say much, and its manifest."""
    manifest = folder / "test.jsonl"
    manifest.write_text("".join(json.dumps(one) + "\n" for one in examples))
    parts = f"data.manifest={{train: {manifest}, dev: {manifest}, test: {manifest}}}"
    config = compose("train", [*words, parts, "data.workers=0", "data.augment=[]"])
    settle(config)
    recognizer = build_recognizer(config, training=False)
    generator = torch.Generator().manual_seed(0)
    for name, value in recognizer.system.model.named_parameters():
        if "head" in name:
            value.data.copy_(torch.randn(value.shape, generator=generator) * (0.5 if value.ndim > 1 else 0.0))
    run = Run(folder / "runs" / "trial" / "run-00000000")
    run.prepare(config, recognizer.spelling.alphabet.to_json(), {})
    torch.save({"state_dict": recognizer.system.state_dict()}, run.best)
    return run, Manifest.open(str(manifest))


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Manifest]:
    """A run that reads landmarks, and three clips."""
    folder, rng = tmp_path_factory.mktemp("signed"), np.random.default_rng(0)
    body_PX = rng.normal(size=(543, 3))
    for number, frames in enumerate(FRAMES):
        steps_TPX = np.cumsum(rng.normal(0, 0.05, (frames, 543, 3)), axis=0)
        landmark_file.write(folder / f"{number}.npz", body_PX + steps_TPX, 25)
    examples = [
        {"id": f"s{number}", "media": f"{number}.npz", "duration": frames / 25, "text": "A B"}
        for number, frames in enumerate(FRAMES)
    ]
    small = ["model.size=tiny", "model.branches={hands: 8, pose: 8, face: null, motion: null}"]
    return untaught(
        folder, ["text=letters", "feature=landmarks", "model=mobilenet_lstm", "metric=wer", *small], examples
    )


@pytest.fixture(scope="module")
def charted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Manifest]:
    """A run that reads bars, and three windows of one series."""
    folder, rng = tmp_path_factory.mktemp("charted"), np.random.default_rng(2)
    close_N = 400 * np.exp(np.cumsum(rng.normal(0, 0.002, 400)))
    open_N = np.concatenate([close_N[:1], close_N[:-1]])
    wick_2N = rng.random((2, 400))
    high_N, low_N = np.maximum(open_N, close_N) + wick_2N[0], np.minimum(open_N, close_N) - wick_2N[1]
    columns = [np.arange(400) * 3600.0, open_N, high_N, low_N, close_N, np.zeros(400)]
    np.save(folder / "series.npy", np.stack(columns, axis=1))
    labels = {"spans": [{"kind": "retracement", "start": 10, "end": 20}]}
    examples = [
        {"id": f"b{start}", "media": f"series.npy#{start}:{start + 40}", "length": 40, "labels": labels}
        for start in (0, 90, 300)
    ]
    return untaught(folder, ["experiment=bars/baseline", "model=bar_spans_tiny", "data.fresh=null"], examples)


Ask = Callable[..., tuple[int, str, list[str]]]


def evaluated(run: Run, manifest: Manifest) -> dict[str, Hypothesis]:
    """What evaluation says of each medium."""
    scored = predict(restore(run, changed(run.config())), manifest, "32-true", "cpu").scored
    media = {manifest[index].id: manifest[index].media for index in range(len(manifest))}
    return {media[name]: row.hypothesis for name, row in scored.items()}


def test_clips_of_landmarks(transcribing: Ask, signed: tuple[Run, Manifest]) -> None:
    run, manifest = signed
    expected = evaluated(run, manifest)
    code, printed, lines = transcribing(run.folder, Path(manifest[0].media).parent, "output=json")
    assert (code, lines) == (0, [])
    found = {line["file"]: line for line in map(json.loads, printed.splitlines())}
    assert list(found) == list(expected)
    assert len({one.tokens for one in expected.values()}) > 1, "it sees no difference: the test shows nothing"
    for (file, line), frames in zip(found.items(), FRAMES, strict=True):
        assert line["text"] == expected[file].text != ""
        assert line["seconds"] == frames / 25
        spans = [(start * 4 / 25, min(end * 4, frames) / 25) for start, end in expected[file].spans]
        places = [(symbol["start"], symbol["end"]) for symbol in line["symbols"]]
        assert places == [(pytest.approx(start), pytest.approx(end)) for start, end in spans]
        sure = [symbol["confidence"] for symbol in line["symbols"]]
        assert sure == pytest.approx(expected[file].confidences, abs=1e-4)
    first = manifest[0].media
    assert transcribing(run.folder, first, "live=true")[1] == f"{expected[first].text}\n"
    assert transcribing(run.folder, first, "output=vtt")[1].startswith("WEBVTT\n\n00:00:00.")


def test_windows_of_bars(transcribing: Ask, charted: tuple[Run, Manifest]) -> None:
    run, manifest = charted
    expected = evaluated(run, manifest)
    code, printed, lines = transcribing(run.folder, *expected, "output=json")
    assert (code, lines) == (0, [])
    found = {line["file"]: line for line in map(json.loads, printed.splitlines())}
    assert list(found) == list(expected)
    assert len({one.text for one in expected.values()}) > 1, "it sees no difference: the test shows nothing"
    for file, line in found.items():
        assert line["text"] == expected[file].text != ""
        assert line["bars"] == 40
        assert [(span["start"], span["end"]) for span in line["spans"]] == list(expected[file].spans)
        sure = [span["confidence"] for span in line["spans"]]
        assert sure == pytest.approx(expected[file].confidences, abs=1e-4)
    code, printed, _ = transcribing(run.folder, *expected, "out=spans/")
    assert (code, printed) == (0, "")
    for file, one in expected.items():
        start, end = file.partition("#")[2].split(":")
        assert Path(f"spans/series-{start}-{end}.txt").read_text() == f"{one.text}\n"


def test_what_cannot_be_read_is_told_and_skipped(
    transcribing: Ask, signed: tuple[Run, Manifest], charted: tuple[Run, Manifest]
) -> None:
    good = signed[1][0].media
    Path("torn.npz").write_bytes(Path(good).read_bytes()[:3000])
    code, printed, lines = transcribing(signed[0].folder, "torn.npz", good, "-", "absent.npz")
    assert (code, len(printed.splitlines())) == (2, 1)
    assert [line.partition(":")[0] for line in lines] == ["-", "absent.npz", "torn.npz"]
    series = charted[1][0].media.partition("#")[0]
    code, printed, lines = transcribing(charted[0].folder, Path(series).parent, f"{series}#390:440", f"{series}#5:45")
    assert (code, len(printed.splitlines())) == (2, 1)
    assert "it does not say which bars are meant" in lines[0]
    assert "ends after its file, which has 400 rows" in lines[1]


def test_what_is_of_no_use_is_said_in_a_line(
    transcribing: Ask, signed: tuple[Run, Manifest], charted: tuple[Run, Manifest]
) -> None:
    clip, window = signed[1][0].media, charted[1][0].media
    code, _, lines = transcribing(signed[0].folder, clip, "window_seconds=5")
    assert (code, len(lines)) == (2, 1)
    assert lines[0].startswith("window_seconds: ")
    assert lines[0].endswith("reads each file in one piece: leave it out")
    code, _, lines = transcribing(charted[0].folder, window, "output=srt")
    assert (code, lines) == (
        2,
        ["output=srt: captions need seconds, and bars have none: choose text, json or textgrid"],
    )
    soundfile.write("a.wav", np.zeros(8000), 8000)
    code, _, lines = transcribing(signed[0].folder, "a.wav")
    assert (code, len(lines)) == (2, 1)
    assert lines[0].startswith("a.wav: no readable landmarks")
