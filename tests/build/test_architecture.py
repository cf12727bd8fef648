"""A run whose model began with weights of others: when they are read, and at which level they hear."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import orjson
import pytest
import soundfile
import torch

from project import train
from project.build.assemble import require_level
from project.build.compose import compose
from project.build.restore import restore
from project.contract import Config, InputError
from project.run import Run

TINY = {
    "hidden_size": "16",
    "num_hidden_layers": "1",
    "num_attention_heads": "2",
    "intermediate_size": "16",
    "conv_dim": "[8,8,8,8,8,8,8]",
    "num_conv_pos_embeddings": "4",
    "num_conv_pos_embedding_groups": "2",
}


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, rng = tmp_path_factory.mktemp("recordings"), np.random.default_rng(0)
    lines = []
    for n in range(4):
        soundfile.write(folder / f"{n}.flac", rng.normal(0, 0.1, 8000).astype(np.float32), 16000)
        lines.append({"id": f"{n}", "media": f"{n}.flac", "duration": 0.5, "symbols": ["AA", "T"]})
    (folder / "all.jsonl").write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    return folder / "all.jsonl"


def config_of(recordings: Path, runs: Path, *words: str) -> Config:
    parts = [f"data.manifest.{part}={recordings}" for part in ("train", "dev")]
    what = ["text=phones", "feature=samples", "model=wav2vec2", "metric=per", "callbacks.checkpoint.monitor=dev/per"]
    small = ["data.workers=0", "epochs=1", "scheduler.warmup_steps=0", f"runs={runs}"]
    tiny = [f"++model.backbone.config.{key}={value}" for key, value in TINY.items()]
    return compose("train", [*parts, *what, *small, *tiny, *words])


def backbone_of(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value for name, value in state.items() if name.startswith("model.backbone.")}


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_weights_of_others_are_read_until_the_run_has_a_checkpoint_of_its_own(recordings: Path, tmp_path: Path) -> None:
    """A run that died before its first checkpoint begins again as it began; restored, it asks nobody but itself."""
    train.train(config_of(recordings, tmp_path), [])
    (folder,) = (tmp_path / "trial").iterdir()
    source = Run.open(folder)
    theirs = backbone_of(restore(source, source.config()).system.state_dict())
    words = ["model.backbone.init=local", f"model.backbone.source={folder}", "seed=5", "name=second"]
    config = config_of(recordings, tmp_path, *words)
    run = Run(tmp_path / "trial" / "died")
    run.folder.mkdir()
    assert same(theirs, backbone_of(train.build(config, run).system.state_dict()))
    (run.folder / "architecture.json").write_text(json.dumps(source.architecture()), encoding="utf-8")
    assert same(theirs, backbone_of(train.build(config, run).system.state_dict()))
    run.last.parent.mkdir()
    run.last.touch()
    assert not same(theirs, backbone_of(train.build(config, run).system.state_dict()))


@pytest.mark.parametrize("name", ["whisper", "qwen2_audio", "codec_tokens"])
def test_published_weights_hear_sound_at_their_own_level(name: str) -> None:
    node = compose("train", [f"model={name}", "model.backbone.init=pretrained"])["model"]
    with pytest.raises(InputError, match=r"feature\.level=standard: .* set feature\.level=none"):
        require_level(node, "model", "standard")
    require_level(node, "model", "none")
    require_level(compose("train", [f"model={name}"])["model"], "model", "standard")
