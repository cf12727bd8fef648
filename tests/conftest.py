"""What all tests share: one thread, no network, a tiny Morse corpus made once."""

from __future__ import annotations

import os
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg", "WANDB_MODE": "offline", "HF_HUB_OFFLINE": "1"}

import pytest
import torch

from project.build.compose import Config, compose
from project.corpus.keyer.channel import Channel
from project.corpus.keyer.fist import Keying
from project.corpus.keyer.texts import Texts
from project.corpus.morse import Morse

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def morse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with train.jsonl (24 recordings), dev.jsonl (6) and test.jsonl (7) of short, clean Morse."""
    folder = tmp_path_factory.mktemp("morse")
    keying = Keying(wpm=(25, 30), hands={"machine": 1.0}, gap_stretch=(1, 1))
    channel = Channel(snr_db=(20, 30), silence_seconds=(0.1, 0.3))
    texts = Texts(num_symbols=(5, 6))
    Morse(num_train=24, num_dev=6, num_test=7, texts=texts, keying=keying, channel=channel).make(
        str(folder), lambda *_: None
    )
    return folder


@pytest.fixture(scope="session")
def recorded_letters() -> Path:
    """Real fingerspelling: manifest.jsonl, clips_<signer>.npz and sentences_<name>.jsonl of 16 signers."""
    shared = Path(os.environ.get("SCANSION_SHARED", Path(__file__).parents[1] / "../shared"))
    folder = shared / "data/fingerspell_holistic"
    if not folder.is_dir():
        pytest.skip(f"no recorded letters at {folder}: set SCANSION_SHARED to the folder that holds data/")
    return folder


@pytest.fixture(scope="session")
def tiny(morse: Path) -> list[str]:
    """Overrides that make a training run of a second or two: a small net, small batches, two epochs."""
    return [
        f"data.manifest.train={morse}/train.jsonl",
        f"data.manifest.dev={morse}/dev.jsonl",
        f"data.manifest.test={morse}/test.jsonl",
        "data.batching.max_batch_size=4",
        "data.workers=0",
        "model.channels=16",
        "model.blocks=2",
        "scheduler.warmup_steps=2",
        "trainer.max_epochs=2",
    ]


@pytest.fixture
def config(tiny: list[str], tmp_path: Path) -> Config:
    """The composed configuration of a tiny run, its folder below tmp_path."""
    return compose("train", [*tiny, f"runs={tmp_path}/runs"])
