"""Headers of real files, whole and damaged; equal content found, by brute force as well."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from pathlib import Path

import fsspec
import numpy as np
import pytest
import soundfile

from project.data.media import Header, MediumError, check_medium, in_threads, read_header, same_content, size_of
from project.feature import landmark_file


def sound(path: Path, seconds: float = 1.0, rate: int = 8000, channels: int = 1, seed: int = 0) -> Path:
    noise = np.random.default_rng(seed).uniform(-0.5, 0.5, (round(seconds * rate), channels))
    soundfile.write(path, noise, rate)
    return path


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_header_is_what_was_written(tmp_path: Path, suffix: str) -> None:
    header = read_header(str(sound(tmp_path / f"a.{suffix}", 1.5, 16000)))
    assert (header.frames, header.sample_rate, header.channels) == (24000, 16000, 1)
    assert header.seconds == 1.5


def test_a_url_is_read_as_a_file_is(tmp_path: Path) -> None:
    path = sound(tmp_path / "a.flac", channels=2)
    with fsspec.open("memory://media/a.flac", "wb") as file:
        file.write(path.read_bytes())
    assert read_header("memory://media/a.flac") == read_header(f"file://{path}") == Header(8000, 8000, 2, "PCM_16")
    with pytest.raises(MediumError, match="missing"):
        read_header("memory://media/b.flac")
    with pytest.raises(MediumError, match="cannot be read"):
        read_header("nosuch://media/a.flac")


@pytest.mark.parametrize("suffix", ["flac", "mp3"])
def test_a_file_cut_short_does_not_pass(tmp_path: Path, suffix: str) -> None:
    """The head of these still promises all samples."""
    path = sound(tmp_path / f"a.{suffix}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(MediumError, match="cut short"):
        read_header(str(path))


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    wrong = {"missing": "missing.wav", "empty": "empty.wav", "corrupt": "text.wav", "no samples": "silent.wav"}
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("no sound")
    soundfile.write(tmp_path / "silent.wav", np.zeros(0), 8000)
    for what, name in wrong.items():
        with pytest.raises(MediumError, match=what) as error:
            read_header(str(tmp_path / name))
        assert error.value.remedy
    with pytest.raises(MediumError, match="not a file"):
        read_header(str(tmp_path))


def test_arrays_must_be_there_and_not_empty(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.ones(3))
    assert check_medium(str(tmp_path / "a.npz")) is None
    (tmp_path / "b.parquet").touch()
    for name in ("b.parquet", "c.npy"):
        with pytest.raises(MediumError, match=r"empty|missing"):
            check_medium(str(tmp_path / name))


def test_landmarks_say_how_long_they_are(tmp_path: Path) -> None:
    landmark_file.write(tmp_path / "a.npz", np.ones((30, 543, 3)), 25.0)
    with fsspec.open("memory://media/a.npz", "wb") as file:
        file.write((tmp_path / "a.npz").read_bytes())
    assert check_medium(str(tmp_path / "a.npz")) == check_medium("memory://media/a.npz") == 1.2
    (tmp_path / "b.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:-9])
    with pytest.raises(MediumError, match="corrupt") as error:
        check_medium(str(tmp_path / "b.npz"))
    assert error.value.remedy == "replace the file or leave the line out"
    assert check_medium(str(sound(tmp_path / "a.wav", 1.5))) == 1.5


def test_an_excerpt_is_rows_of_its_file(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((300, 6)))
    with fsspec.open("memory://media/series.npy", "wb") as file:
        file.write((tmp_path / "a.npy").read_bytes())
    for place in (str(tmp_path / "a.npy"), f"file://{tmp_path}/a.npy", "memory://media/series.npy"):
        assert check_medium(f"{place}#195:300") is None
        assert size_of(f"{place}#195:300") == 105 * 48
    content = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "short.npy").write_bytes(content[:-1])
    (tmp_path / "text.npy").write_text("no array")
    (tmp_path / "a.wav").write_text("no matter")
    wrong = {
        "a.npy#200:305": r"a\.npy#200:305 ends after its file, which has 300 rows: correct the rows",
        "a.npy#20:20": "excerpt of no row",
        "missing.npy#0:5": r"missing\.npy#0:5 is missing: correct the path or leave the line out",
        "short.npy#0:5": r"short\.npy is cut short: replace the file",
        "text.npy#0:5": r"text\.npy is corrupt, or no \.npy file",
        "a.wav#0:8000": r"is an excerpt of a file that is no \.npy: write the part to a file of its own",
    }
    for name, words in wrong.items():
        with pytest.raises(MediumError, match=words) as error:
            check_medium(str(tmp_path / name))
        assert error.value.remedy


def test_excerpts_are_the_same_if_their_rows_are(tmp_path: Path) -> None:
    """Of whatever file and place; two places of one file are two media. A whole file is no excerpt."""
    rows = np.arange(1200.0).reshape(200, 6)
    np.save(tmp_path / "a.npy", rows)
    np.save(tmp_path / "b.npy", rows[50:])
    np.save(tmp_path / "c.npy", np.zeros((200, 6)))
    media = {name: f"{tmp_path}/{name}" for name in ("a.npy", "b.npy#0:100", "a.npy#50:150", "a.npy#51:151")}
    media |= {name: f"{tmp_path}/{name}" for name in ("c.npy#0:100", "c.npy#7:107", "c.npy#0:101", "c.npy#150:300")}
    found = same_content([*media.values()])
    assert sorted(map(sorted, found)) == [
        [media["a.npy#50:150"], media["b.npy#0:100"]],
        [media["c.npy#0:100"], media["c.npy#7:107"]],
    ]


def test_threads_keep_the_order() -> None:
    assert list(in_threads(lambda number: number * 2, iter(range(2000)))) == list(range(0, 4000, 2))


def test_same_content_is_what_comparing_all_bytes_finds(tmp_path: Path) -> None:
    """Also where only what comes after the first 64 KiB differs."""
    generator = np.random.default_rng(1)
    head = generator.bytes(70_000)
    contents = [head + b"a", head + b"b", head + b"a", b"short", b"short", b"other", b"x", b""]
    contents += [bytes([generator.integers(2)]) for _ in range(20)]
    media = []
    for number, content in enumerate(contents):
        (tmp_path / f"{number}.bin").write_bytes(content)
        media.append(str(tmp_path / f"{number}.bin"))
    wanted: defaultdict[str, set[str]] = defaultdict(set)
    for one, content in zip(media, contents, strict=True):
        if content:
            wanted[hashlib.sha256(content).hexdigest()].add(one)
    calls: list[int] = []
    found = same_content([*media, str(tmp_path / "missing.bin"), media[0]], lambda: calls.append(1))
    assert sorted(map(sorted, found)) == sorted(sorted(group) for group in wanted.values() if len(group) > 1)
    assert len(calls) == len(media) + 1
