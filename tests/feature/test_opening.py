"""Media in shards and at URLs hold what they held as files, whole or in stretches; what is wrong is told."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import fsspec
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from project.contract import InputError
from project.feature import landmark_file, opening, waveform
from project.feature.bar_window import read_window
from project.feature.landmark_layout import NUM_POINTS
from project.feature.opening import open_medium


def packed(folder: Path, files: dict[str, bytes]) -> dict[str, str]:
    """A tar of files, by the standard library, and each as a medium at its place."""
    with tarfile.open(folder / "s.tar", "w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    with tarfile.open(folder / "s.tar") as tar:
        return {info.name: f"{folder}/s.tar@{info.offset_data}+{info.size}/{info.name}" for info in tar}


def prices(rows: int) -> NDArray[np.float64]:
    walk = 100 + np.random.default_rng(0).normal(size=(rows, 4)).cumsum(axis=0)
    ordered = np.stack([walk[:, 0], walk.max(axis=1), walk.min(axis=1), walk[:, 3]], axis=1)
    return np.concatenate([np.arange(rows)[:, None], ordered, np.zeros((rows, 1))], axis=1)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, 9000)
    found = {name: tmp_path / name for name in ("a.flac", "b.wav", "c.npz", "d.npy")}
    soundfile.write(found["a.flac"], noise, 8000)
    soundfile.write(found["b.wav"], noise[:500], 16000)
    landmark_file.write(found["c.npz"], np.random.default_rng(2).normal(size=(9, NUM_POINTS, 3)), 25.0)
    np.save(found["d.npy"], prices(400))
    return found


def in_memory(url: str, path: Path) -> str:
    with fsspec.open(url, "wb") as file:
        file.write(path.read_bytes())
    return url


def test_features_read_members_and_urls_as_files(files: dict[str, Path], tmp_path: Path) -> None:
    members = packed(tmp_path, {name: path.read_bytes() for name, path in files.items()})
    shard = in_memory("memory://opening/s.tar", tmp_path / "s.tar")
    for name, path in files.items():
        afar = in_memory(f"memory://opening/{name}", path)
        places = (f"file://{path}", members[name], members[name].replace(f"{tmp_path}/s.tar", shard), afar)
        for medium in places:
            with open_medium(medium) as stream:
                assert stream.read() == path.read_bytes()
            if name.endswith("npz"):
                assert np.array_equal(landmark_file.read(medium, 25), landmark_file.read(str(path), 25), equal_nan=True)
            elif name.endswith("npy"):
                one, other = (read_window(f"{place}#200:300", 50) for place in (medium, str(path)))
                assert one.length == other.length == 100
                assert np.array_equal(one.bars_N6, other.bars_N6)
            else:
                assert np.array_equal(waveform.read(medium, 8000), waveform.read(str(path), 8000))
                pieces = list(waveform.blocks(medium, 8000, seconds=0.2))
                assert np.array_equal(np.concatenate(pieces), waveform.read(str(path), 8000))


def test_what_is_large_is_read_in_stretches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bytes wherever one looks, as the standard library's own reading shows."""
    monkeypatch.setattr(opening, "_SMALL", 100)
    monkeypatch.setattr(opening, "_PIECE", 1000)
    generator = np.random.default_rng(3)
    content = generator.bytes(5000)
    members = packed(tmp_path, {"other.bin": b"x" * 700, "a.bin": content})
    shard = in_memory("memory://opening/large.tar", tmp_path / "s.tar")
    (tmp_path / "a.bin").write_bytes(content)
    afar = in_memory("memory://opening/a.bin", tmp_path / "a.bin")
    for medium in (members["a.bin"], members["a.bin"].replace(f"{tmp_path}/s.tar", shard), afar):
        with open_medium(medium) as stream:
            for _ in range(50):
                at, size = (int(one) for one in generator.integers(0, 5200, 2))
                stream.seek(at)
                assert stream.read(size) == content[at : at + size]
            assert stream.seek(-7, os.SEEK_END) == 4993
            assert stream.read() == content[-7:]
            stream.seek(0)
            assert stream.read() == content


def test_a_shard_that_was_replaced_is_opened_anew(tmp_path: Path) -> None:
    first = packed(tmp_path, {"a.bin": b"first"})["a.bin"]
    assert open_medium(first).read() == b"first"
    (tmp_path / "s.tar").unlink()
    assert open_medium(packed(tmp_path, {"a.bin": b"other"})["a.bin"]).read() == b"other"


def test_what_is_wrong_is_told_in_one_line(files: dict[str, Path], tmp_path: Path) -> None:
    member = packed(tmp_path, {"a.flac": files["a.flac"].read_bytes()})["a.flac"]
    (tmp_path / "s.tar").write_bytes((tmp_path / "s.tar").read_bytes()[:900])
    in_memory("memory://opening/short.tar", tmp_path / "s.tar")
    in_memory("memory://opening/text.flac", files["d.npy"])
    wrong = {
        member: r"s\.tar@512\+\d+/a\.flac: its shard ends before it does: copy .* again",
        member.replace(str(tmp_path), "memory://opening").replace("s.tar", "short.tar"): "it ends before byte",
        str(tmp_path / "none.tar@5+5/a.flac"): "there is no such file",
        "memory://opening/none.flac": r"memory://opening/none\.flac: there is no such file: correct the address",
        "memory://opening/text.flac": r"text\.flac: no readable audio",
        "nosuch://a/b.flac": "it cannot be read .fsspec knows no nosuch://",
        "http://127.0.0.1:9/a.flac?key=secret": r"http://127\.0\.0\.1:9/a\.flac: it cannot be reached",
    }
    for medium, words in wrong.items():
        with pytest.raises(InputError, match=words) as error:
            waveform.read(medium, 8000)
        assert "\n" not in str(error.value)
        assert "secret" not in str(error.value)
