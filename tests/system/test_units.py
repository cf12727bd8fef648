"""Units as a system: whole runs on made sounds, what they say of themselves, and what others make of them."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from project import train
from project.action.cluster import Cluster, Plan
from project.build.assemble import build_recognizer
from project.build.compose import compose
from project.build.restore import restore
from project.contract import Config, InputError, UnitOutput
from project.data.manifest import Manifest
from project.diagnosis.mates import mates_figures
from project.model.backbone.wave_transformer import WaveTransformer
from project.model.layer_frames import LayerFrames
from project.run import Run
from project.system.units import UnitSystem
from project.system.weights import load_weights

pytestmark = pytest.mark.long


pytest.importorskip("transformers", reason="the extra `speech` is not installed")

TINY = (
    "model.backbone.config.conv_dim=[16,16,16,16,16,16,16]", "model.backbone.config.hidden_size=32",
    "model.backbone.config.intermediate_size=64", "model.backbone.config.num_hidden_layers=2",
    "model.backbone.config.num_attention_heads=2", "+model.backbone.config.num_conv_pos_embeddings=16",
    "+model.backbone.config.num_conv_pos_embedding_groups=4", "model.width=16", "trainer.precision=32-true",
    "+model.backbone.config.hidden_dropout=0", "+model.backbone.config.attention_dropout=0",
)  # fmt: skip

EPOCHS = 20


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tones that last: what is hidden can be told from what is beside it. With units of five clusters."""
    folder = tmp_path_factory.mktemp("sounds")
    rng = np.random.default_rng(0)
    for part, count in (("train", 16), ("dev", 6)):
        lines = []
        for number in range(count):
            pitches = rng.permutation([300.0, 700.0, 1500.0, 3000.0])[:2]
            wave = np.concatenate([np.sin(2 * np.pi * pitch * np.arange(9600) / 16000) for pitch in pitches])
            wave = wave + 0.05 * rng.normal(size=len(wave))
            soundfile.write(folder / f"{part}-{number}.wav", 0.3 * wave, 16000)
            lines.append({"id": f"{part}-{number}", "media": f"{part}-{number}.wav", "duration": 1.2, "group": part})
        folder.joinpath(f"{part}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    Cluster(f"{folder}/train.jsonl", f"{folder}/units-train.jsonl", 5, plan=Plan(steps=20)).run()
    codebook = f"{folder}/units-train.codebook.npz"
    Cluster(f"{folder}/dev.jsonl", f"{folder}/units-dev.jsonl", codebook=codebook).run()
    return folder


def config_of(sounds: Path, runs: Path, *words: str) -> Config:
    parts = [f"data.manifest.{part}={sounds}/units-{part}.jsonl" for part in ("train", "dev")]
    fast = ["data.batching.batch_length=10", "data.workers=0", "scheduler.warmup_steps=2", "text.units=5"]
    return compose("train", ["experiment=phoneme/pretrain", f"runs={runs}", *parts, *fast, *TINY, *words])


@pytest.fixture(scope="module")
def pretrained(sounds: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    runs = tmp_path_factory.mktemp("runs")
    train.train(config_of(sounds, runs, f"epochs={EPOCHS}", f"trainer.check_val_every_n_epoch={EPOCHS}"), [])
    (folder,) = (runs / "phoneme").iterdir()
    return Run.open(folder)


def test_hidden_units_are_learned_and_told_beside_what_a_guess_would_get(sounds: Path, pretrained: Run) -> None:
    curves = pretrained.curves()
    last = {name: values[-1][1] for name, values in curves.items()}
    assert last["dev/unit_accuracy"] > last["dev/masked_majority"] + 0.05
    assert last["dev/masked"] < 0.95 * last["dev/masked_prior"]
    assert last["skill/masked"] > 0.05
    assert last["dev/loss"] == pytest.approx(last["dev/masked"] + last["dev/seen"])
    counts, seen_accuracy = scored(sounds, pretrained)
    parts = counts / counts.sum()
    assert last["dev/masked_majority"] == pytest.approx(parts.max())
    assert last["dev/masked_prior"] == pytest.approx(-sum(p * math.log(p) for p in parts if p))
    assert last["dev/seen_accuracy"] == pytest.approx(seen_accuracy)


def scored(sounds: Path, run: Run) -> tuple[Any, float]:
    """Of dev, how often each unit is hidden, and how often the restored run is right where none is."""
    recognizer = restore(run, run.config())
    (batch,) = recognizer.data.scoring_loader(recognizer.data.manifest("dev"))
    with torch.no_grad():
        output, hypotheses = recognizer.system.predict(batch)
    assert isinstance(output, UnitOutput)
    units = {one.id: (one.labels or {})["units"] for one in Manifest.open(f"{sounds}/units-dev.jsonl")}
    hidden, right = [], []
    for name, hidden_T, logits_TK in zip(batch.ids, output.hidden_BT, output.logits_BTK, strict=True):
        for place, unit in enumerate(units[name]):
            if hidden_T[place]:
                hidden.append(unit)
            else:
                right.append(int(logits_TK[place].argmax()) == unit)
    assert sum(len(one.tokens) for one in hypotheses) == len(hidden)
    return np.bincount(hidden, minlength=5).astype(float), float(np.mean(right))


def test_one_that_has_not_listened_says_how_frequent_units_were_in_training(sounds: Path, pretrained: Run) -> None:
    system = restore(pretrained, pretrained.config()).system
    assert isinstance(system, UnitSystem)
    units = [unit for one in Manifest.open(f"{sounds}/units-train.jsonl") for unit in (one.labels or {})["units"]]
    counts = EPOCHS * np.bincount(units, minlength=5)
    assert system.unit_counts.tolist() == counts.tolist(), "in each epoch once"
    said = UnitOutput(torch.randn(2, 3, 5), torch.tensor([3, 2]), torch.zeros(2, 3, dtype=torch.bool))
    instead = system.ignorant(said, None)  # type: ignore[arg-type]
    assert isinstance(instead, UnitOutput)
    expected = torch.from_numpy((counts + 1) / (counts + 1).sum()).float()
    torch.testing.assert_close(instead.logits_BTK.softmax(dim=2), expected.expand(2, 3, 5))


def test_a_batch_that_asks_for_nothing_is_heard_whole_whoever_is_beside(pretrained: Run) -> None:
    recognizer = restore(pretrained, pretrained.config())
    (batch,) = recognizer.data.scoring_loader(recognizer.data.manifest("dev"))
    with torch.no_grad():
        figures = mates_figures(recognizer.system.predict, [batch], each=4)  # type: ignore[arg-type]
        output, hypotheses = recognizer.system.predict(replace(batch, targets={}))
    assert figures["mates/difference"] < 1e-3
    assert isinstance(output, UnitOutput)
    assert not output.hidden_BT.any()
    assert all(len(one.tokens) == int(length) for one, length in zip(hypotheses, output.lengths_B, strict=True))


def test_its_run_is_a_backbone_for_others_and_the_second_rounds_frames(
    sounds: Path, pretrained: Run, tmp_path: Path
) -> None:
    folder = str(pretrained.folder)
    backbone = WaveTransformer("hubert", init="local", source=folder).eval()
    state = torch.load(pretrained.best, weights_only=True)["state_dict"]
    for name, weight in backbone.state_dict().items():
        assert torch.equal(weight, state[f"model.backbone.{name}"]), name
    wave_T = torch.randn(9000, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        layers, _ = backbone.all_layers(wave_T[None], torch.tensor([9000]))
    np.testing.assert_allclose(LayerFrames(folder, 1)(wave_T), layers[1][0].numpy(), atol=1e-6)
    with pytest.raises(InputError, match=r"layer=3: the backbone of .* has 2"):
        LayerFrames(folder, 3)
    out = tmp_path / "second.jsonl"
    Cluster(f"{sounds}/train.jsonl", str(out), 4, run=folder, layer=1, plan=Plan(steps=10)).run()
    first = next(iter(Manifest.open(str(out))))
    assert len((first.labels or {})["units"]) == 59
    again = tmp_path / "again.jsonl"
    Cluster(f"{sounds}/train.jsonl", str(again), codebook=str(tmp_path / "second.codebook.npz")).run()
    assert [one.labels for one in Manifest.open(str(again))] == [one.labels for one in Manifest.open(str(out))]


def test_a_second_round_may_start_from_the_first_with_other_units(
    sounds: Path, pretrained: Run, tmp_path: Path
) -> None:
    system = build_recognizer(config_of(sounds, tmp_path, "text.units=9"), training=True).system
    load_weights(system, pretrained.best)
    assert [note.split()[1] for note in system.start_notes] == ["model.units", "unit_counts"]
    assert system.unit_counts.tolist() == [0] * 9


def test_units_of_other_recordings_are_told(sounds: Path, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in (sounds / "units-train.jsonl").read_text().splitlines()]
    lines[3]["labels"]["units"] *= 2
    lines = [line | {"media": f"file://{sounds}/{line['media']}"} for line in lines]
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    config = config_of(sounds, tmp_path, f"data.manifest.train={tmp_path}/train.jsonl", "epochs=3")
    with pytest.raises(InputError, match="train-3: it has 118 units and the model 59 frames"):
        train.train(config, [])
