"""The cache of decoded media: bit for bit what is made without it, whoever writes, whatever lies in the folder."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import time
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
import soundfile
import torch

from project.build.bind import make
from project.build.compose import compose
from project.contract import Batch, InputError
from project.data.augment import Gain, Noise, SpanMask
from project.data.batching import Batching
from project.data.identity import Identities
from project.data.module import data_module
from project.data.store import Store
from project.feature import landmark_file
from project.feature.bars import Bars
from project.feature.landmark_layout import NUM_POINTS
from project.feature.landmarks import Landmarks
from project.feature.samples import Samples
from project.feature.tone_envelope import ToneEnvelope


class Counted(ToneEnvelope):
    """A feature that counts what it is asked for."""

    calls: list[str]

    def read(self, media: str) -> Any:
        self.calls.append("read")
        return super().read(media)

    def __call__(self, signal: Any) -> torch.Tensor:
        self.calls.append("frames")
        return super().__call__(signal)


def counted() -> Counted:
    feature = Counted()
    feature.calls = []
    return feature


def age(folder: Path) -> None:
    """Give files a time that is not this moment's: those could not be told from others that take their place."""
    for path in folder.rglob("*.*"):
        os.utime(path, ns=(10**18, 10**18))


def entries(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def corpus(morse: Path, tmp_path: Path) -> Path:
    shutil.copytree(morse, tmp_path / "corpus")
    age(tmp_path / "corpus")
    return tmp_path / "corpus"


def batches(corpus: Path, cache: Path | None, feature: Any, augment: Any = (), **options: Any) -> list[Batch]:
    """Two epochs of training and a validation."""
    manifest = {"train": f"{corpus}/train.jsonl", "dev": f"{corpus}/dev.jsonl"}
    spelling = make(compose("train")["text"], "text")
    batching = Batching(batch_length=12, max_batch_size=4)
    data = data_module(manifest, feature, spelling, batching, augment, cache=cache and str(cache), **options)
    loader = data.train_dataloader()
    given = list(loader)
    loader.batch_sampler.set_epoch(1)
    return [*given, *loader, *data.val_dataloader()]


def assert_equal(some: list[Batch], others: list[Batch]) -> None:
    for one, other in zip(some, others, strict=True):
        assert (one.ids, one.references) == (other.ids, other.references)
        assert torch.equal(one.signals_BTF, other.signals_BTF)
        assert one.targets.keys() == other.targets.keys()
        assert all(torch.equal(one.targets[name], other.targets[name]) for name in one.targets)


@pytest.mark.parametrize("augment", [[SpanMask()], [Gain(), Noise(), SpanMask()]], ids=["mask", "noise"])
def test_nothing_changes_but_what_is_done(corpus: Path, tmp_path: Path, augment: list[Any]) -> None:
    """Frames are kept where nothing changes the signal; where something does, what was decoded."""
    plain, cached = counted(), counted()
    without = batches(corpus, None, plain, augment)
    assert_equal(without, batches(corpus, tmp_path / "cache", cached, augment))
    assert plain.calls.count("read") == 24 * 2 + 6
    assert cached.calls.count("read") == 24 + 6
    assert cached.calls.count("frames") == (24 * 2 if len(augment) == 3 else 24) + 6
    again = counted()
    assert_equal(without, batches(corpus, tmp_path / "cache", again, augment))
    assert again.calls.count("read") == 0
    assert len(entries(tmp_path / "cache")) == 24 + 6
    assert not list((tmp_path / "cache" / "parts").iterdir())
    assert_equal(without, batches(corpus, tmp_path / "other", counted(), augment, workers=2))
    assert [path.name for path in entries(tmp_path / "other")] == [path.name for path in entries(tmp_path / "cache")]


def test_every_kind_of_signal_comes_back(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    soundfile.write(tmp_path / "a.flac", generator.uniform(-0.5, 0.5, 9000), 8000)
    landmark_file.write(tmp_path / "a.npz", generator.normal(size=(9, NUM_POINTS, 3)), 30.0)
    walk = 100 + generator.normal(size=(300, 4)).cumsum(axis=0)
    prices = np.stack([walk[:, 0], walk.max(axis=1), walk.min(axis=1), walk[:, 3]], axis=1)
    np.save(tmp_path / "a.npy", np.concatenate([np.arange(300)[:, None], prices, np.zeros((300, 1))], axis=1))
    age(tmp_path)
    for feature, name in ((Samples(), "a.flac"), (Landmarks(), "a.npz"), (Bars(), "a.npy#100:200")):
        medium, folder = f"{tmp_path}/{name}", tmp_path / type(feature).__name__
        wanted = feature(feature.read(medium))  # type: ignore[arg-type]
        for _ in range(2):
            store = Store(str(folder), feature)  # type: ignore[arg-type]
            signal = store.signal(medium, feature.read)
            frames = store.frames(medium, wanted.clone)
            assert torch.equal(feature(signal), wanted)
            assert torch.equal(frames, wanted)
            frames += 1  # whoever gets it may change it
            if isinstance(signal, np.ndarray):
                signal += 1
        assert len(entries(folder)) == (1 if "#" in name else 2), "windows of bars are read as fast as a cache"


def test_another_medium_or_feature_is_another_entry(corpus: Path, tmp_path: Path) -> None:
    medium = next(corpus.rglob("*.flac"))
    folder = str(tmp_path / "cache")
    frames = Store(folder, ToneEnvelope()).frames(str(medium), lambda: torch.ones(3, 2))
    assert torch.equal(Store(folder, ToneEnvelope()).frames(str(medium), lambda: torch.zeros(1, 1)), frames)

    def made(feature: Any) -> bool:
        return Store(folder, feature).frames(str(medium), lambda: torch.zeros(1, 1)).shape == (1, 1)

    assert made(ToneEnvelope(average_seconds=2.0))
    assert made(Counted()), "another class"
    os.utime(medium, ns=(10**18 + 1, 10**18 + 1))
    assert made(ToneEnvelope())
    medium.write_bytes(medium.read_bytes() + b"0")
    os.utime(medium, ns=(10**18, 10**18))
    assert made(ToneEnvelope())


def test_torn_and_foreign_files_are_made_again(corpus: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    wanted = batches(corpus, folder, counted())
    generator = np.random.default_rng(0)
    files = entries(folder)
    for number, path in enumerate(files):
        content = path.read_bytes()
        if number % 5 == 0:
            path.write_bytes(content[: int(generator.integers(len(content)))])
        elif number % 5 == 1:
            path.write_bytes(content[:200] + bytes([content[200] ^ 1]) + content[201:])
        elif number % 5 == 2:
            path.write_bytes(files[number - 1].read_bytes())  # of another name
        elif number % 5 == 3:
            path.write_bytes(content + b"more")
    (folder / "00").mkdir(exist_ok=True)
    (folder / "00" / ".killed.part").write_bytes(b"half")
    feature = counted()
    assert_equal(wanted, batches(corpus, folder, feature))
    assert feature.calls.count("read") == sum(number % 5 < 4 for number in range(len(files)))
    again = counted()
    assert_equal(wanted, batches(corpus, folder, again))
    assert again.calls == []


def test_what_a_killed_process_left_is_removed_after_a_day(tmp_path: Path) -> None:
    """Another process may be writing the younger one now."""
    parts = tmp_path / "cache" / "parts"
    parts.mkdir(parents=True)
    for name, seconds in (("old", 25 * 3600), ("young", 23 * 3600)):
        (parts / f".{name}.part").write_bytes(b"half")
        os.utime(parts / f".{name}.part", times=(time.time() - seconds,) * 2)
    Store(str(tmp_path / "cache"), ToneEnvelope())
    assert [path.name for path in parts.iterdir()] == [".young.part"]


def _fill(corpus: Path, folder: Path) -> None:
    batches(corpus, folder, ToneEnvelope())


def test_several_processes_fill_one_folder(corpus: Path, tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_fill, args=(corpus, tmp_path / "cache")) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    assert len(entries(tmp_path / "cache")) == 30
    feature = ToneEnvelope()
    assert_equal(batches(corpus, tmp_path / "cache", feature), batches(corpus, None, feature))


def test_a_full_cache_stays_as_it_is(corpus: Path, tmp_path: Path) -> None:
    wanted = batches(corpus, tmp_path / "whole", ToneEnvelope())
    size = sum(path.stat().st_size for path in entries(tmp_path / "whole"))
    limit = size / 2
    for _ in range(2):
        assert_equal(wanted, batches(corpus, tmp_path / "half", ToneEnvelope(), cache_gb=limit / 1e9))
        found = sum(path.stat().st_size for path in entries(tmp_path / "half"))
        assert 0.7 * limit < found <= limit


def test_a_folder_that_cannot_be(tmp_path: Path, corpus: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"data\.cache=.*file/x: .*: name a folder that can be written to"):
        batches(corpus, tmp_path / "file" / "x", ToneEnvelope())


def test_identities(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(b"content")
    assert Identities().of(str(path)) is None, "it may change again before the clock does"
    age(tmp_path)
    known = Identities()
    of_file, of_rows = known.of(str(path)), known.of(f"{path}#0:3")
    assert of_file is not None
    assert of_rows is not None
    assert of_file != of_rows
    assert known.of(f"{path}.tar@0+3/a") is None, "there is no such shard"
    with fsspec.open("memory://identity/a.npy", "wb") as file:
        file.write(b"content")
    first = known.of("memory://identity/a.npy")
    with fsspec.open("memory://identity/a.npy", "wb") as file:
        file.write(b"another")
    assert known.of("memory://identity/a.npy") == first, "asked once"
    assert Identities().of("memory://identity/a.npy") != first
