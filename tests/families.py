"""A tiny run of each family that has learned nothing and says much, with a few examples: the fixture `made`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from project.build.assemble import build_recognizer, settle
from project.build.compose import compose
from project.contract import Config
from project.feature import landmark_file
from project.run import Run


def lines(folder: Path, examples: list[dict[str, Any]]) -> str:
    """A manifest."""
    file = folder / "test.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in examples))
    return str(file)


def signed(folder: Path) -> list[str]:
    rng = np.random.default_rng(0)
    body_PX = rng.normal(size=(543, 3))
    examples = []
    for number, frames in enumerate((31, 18, 9)):
        points_TPX = body_PX + np.cumsum(rng.normal(0, 0.05, (frames, 543, 3)), axis=0)
        points_TPX[: frames // 3, 501:522] = np.nan
        landmark_file.write(folder / f"{number}.npz", points_TPX, 25)
        examples.append({"id": f"s{number}", "media": f"{number}.npz", "duration": frames / 25, "text": "A B"})
    small = ["text=letters", "feature=landmarks", "model=mobilenet_lstm", "model.size=tiny", "metric=wer"]
    return [*small, "model.branches={hands: 8, pose: 8, face: null, motion: null}", told(lines(folder, examples))]


def spoken(folder: Path) -> list[str]:
    rng = np.random.default_rng(1)
    examples = []
    for number, seconds in enumerate((0.9, 0.5, 0.7)):
        times_N = np.arange(round(seconds * 16000)) / 16000
        sound_N = 0.2 * np.sin(2 * np.pi * 700 * times_N * (1 + times_N)) + 0.02 * rng.normal(size=len(times_N))
        soundfile.write(folder / f"{number}.flac", sound_N, 16000)
        examples.append({"id": f"p{number}", "media": f"{number}.flac", "duration": seconds, "symbols": ["AA", "S"]})
    small = ["text=phones", "feature=fbank", "model=fbank_bilstm", "system=phoneme", "metric=[per,accuracy_gop]"]
    sizes = ["model.encoder.channels=16", "model.maps=4", "metric=per"]
    return [*small[:-1], *sizes, told(lines(folder, examples))]


def charted(folder: Path) -> list[str]:
    rng = np.random.default_rng(2)
    close_N = 400 * np.exp(np.cumsum(rng.normal(0, 0.002, 400)))
    open_N = np.concatenate([close_N[:1], close_N[:-1]])
    edges_2N = rng.random((2, 400))
    high_N, low_N = np.maximum(open_N, close_N) + edges_2N[0], np.minimum(open_N, close_N) - edges_2N[1]
    columns = [np.arange(400) * 3600.0, open_N, high_N, low_N, close_N, np.zeros(400)]
    np.save(folder / "series.npy", np.stack(columns, axis=1))
    spans = {"spans": [{"kind": "retracement", "start": 10, "end": 20}]}
    examples = [
        {"id": f"b{start}", "media": f"series.npy#{start}:{start + 40}", "length": 40, "labels": spans}
        for start in (0, 90, 300)
    ]
    return ["experiment=bars/baseline", "model=bar_spans_tiny", "data.fresh=null", told(lines(folder, examples))]


def told(manifest: str) -> str:
    return f"data.manifest={{train: {manifest}, dev: {manifest}, test: {manifest}}}"


Make = Callable[[str], Run]


@pytest.fixture(scope="session")
def made(morse: Path, tones: Any, tmp_path_factory: pytest.TempPathFactory) -> Make:
    """The run of a family, made when it is first asked for."""
    runs: dict[str, Run] = {}

    def config_of(family: str, folder: Path) -> Config:
        if family in {"morse", "paced"}:
            model = ["model.blocks=2"] if family == "morse" else ["model=paced_envelope", "model.distances=[1,4]"]
            words = ["feature=tone_envelope", *model, "model.channels=16", "decode=beam", "metric=[cer,wer]"]
            words.append("feature.integrate_ms=[10,40]")
            words.append(told(f"{morse}/test.jsonl"))
        elif family == "stt":
            tones.corpus(folder, test=4)
            sizes = [f"model.config.{key}={value}" for key, value in tones.sizes.items() if "range" not in key]
            words = ["experiment=stt/base", f"text.tokenizer={folder}/tokenizer.json", "text.case=keep", *sizes]
            words.append(told(f"{folder}/test.jsonl"))
        else:
            words = {"sign": signed, "phoneme": spoken, "bars": charted}[family](folder)
        return compose("train", [*words, "data.workers=0", "data.augment=[]", f"family={family}"])

    def make(family: str) -> Run:
        if family not in runs:
            config = config_of(family, tmp_path_factory.mktemp(family))
            runs[family] = random_run(tmp_path_factory.mktemp("runs") / family / "tiny-00000000", config)
        return runs[family]

    return make


def random_run(folder: Path, config: Config) -> Run:
    """A run with weights that nobody taught, larger than they begin with, so that much is said."""
    settle(config)
    recognizer = build_recognizer(config, training=False)
    model = recognizer.system.model
    generator = torch.Generator().manual_seed(0)
    for name, value in model.named_parameters():
        if "head" in name or "proj_out" in name:
            value.data.copy_(torch.randn(value.shape, generator=generator) * (0.5 if value.ndim > 1 else 0.0))
    run = Run(folder)
    run.prepare(config, recognizer.spelling.alphabet.to_json(), {}, getattr(model, "architecture", None))
    torch.save({"state_dict": recognizer.system.state_dict()}, run.best)
    return run
