from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from project import atomic
from project.contract import InputError
from project.data import line_index
from project.data.line_index import LineIndex, open_index

LINES = b'{"duration": 1.5}\n{"duration": 2}\n\n{"duration": 3.25}\n'


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(line_index, "_CLOCK_TICK_SECONDS", 0.005)
    return tmp_path / "cache" / "scansion"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "m.jsonl"
    path.write_bytes(LINES)
    return path


def kept(file: Path) -> Path:
    return file.with_name(".m.jsonl.index")


def same(a: LineIndex, b: LineIndex) -> bool:
    plain = [(x.state, x.digest, x.unit, list(x.offsets), x.blanks.tolist()) for x in (a, b)]
    return plain[0] == plain[1] and np.array_equal(a.lengths, b.lengths, equal_nan=True)


def forbid(*_: Any) -> Any:
    raise AssertionError("the index was built again")


def test_what_it_holds(file: Path) -> None:
    index = open_index(file)
    assert (len(index), index.unit, index.lengths.dtype) == (3, "seconds", np.float32)
    assert index.lengths.tolist() == [1.5, 2.0, 3.25]
    assert [index.line(row) for row in range(3)] == [1, 2, 4]
    assert index.digest == hashlib.sha256(LINES).hexdigest()


LINE = st.one_of(
    st.sampled_from(
        [b"", b"  ", b"\t\r", b"nonsense", b"[1]", b"null", b'{"duration": 1, "length": 2}', b'{"length": 5}']
    ),
    st.floats(0.01, 1000).map(lambda value: json.dumps({"duration": value}).encode()),
    st.integers(-2, 9).map(lambda value: json.dumps({"length": value, "meta": {"duration": 7}}).encode() + b" \r"),
    st.just('{"duration": 1, "text": "é\u2028"}'.encode()),
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(lines=st.lists(LINE, max_size=12), end=st.sampled_from([b"", b"\n", b"\n\n"]), mark=st.booleans())
def test_against_splitting_lines(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], end: bytes, mark: bool
) -> None:
    content = (b"\xef\xbb\xbf" if mark else b"") + b"\n".join(lines) + end
    file = tmp_path_factory.mktemp("lines") / "m.jsonl"
    file.write_bytes(content)
    index = open_index(file)
    whole = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    rows = [(number, line) for number, line in enumerate(whole, 1) if line.strip()]
    assert [index.line(row) for row in range(len(index))] == [number for number, _ in rows]
    read = [content[start:end].strip() for start, end in pairwise(index.offsets)]
    assert read == [line.strip() for _, line in rows]
    assert index.offsets[-1] == len(content)
    expected, unit = reference_lengths([line for _, line in rows])
    assert index.unit == unit
    np.testing.assert_array_equal(index.lengths, np.array(expected, dtype=np.float32))


def reference_lengths(lines: list[bytes]) -> tuple[list[float], str | None]:
    """Lengths by the standard library, and those in another unit than the first struck out."""
    found: list[tuple[float, str | None]] = []
    for line in lines:
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            record = None
        keys = [key for key in ("duration", "length") if isinstance(record, dict) and key in record]
        sound = len(keys) == 1 and record[keys[0]] > 0
        found.append((record[keys[0]], keys[0]) if sound else (math.nan, None))
    first = next((key for _, key in found if key), None)
    unit = {"duration": "seconds", "length": "frames", None: None}[first]
    return [value if key == first else math.nan for value, key in found], unit


def test_it_is_made_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = open_index(file)
    monkeypatch.setattr(line_index, "_build", forbid)
    assert same(open_index(file), first)


def test_large_indexes_are_mapped(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = open_index(file)
    monkeypatch.setattr(line_index, "_BLOCK", 16)
    large = open_index(file)
    assert same(small, large)
    assert "mmap" in repr(large.offsets.obj)


def test_it_follows_the_file(file: Path) -> None:
    """Also when the file is rewritten in the same size at once, within a tick of the file system's clock."""
    for value in (1, 2, 3, 4):
        file.write_bytes(b'{"length": %d}\n' % value)
        assert open_index(file).lengths.tolist() == [value]
    with file.open("ab") as stream:
        stream.write(b'{"length": 7}\n')
    assert open_index(file).lengths.tolist() == [4, 7]
    file.write_bytes(b'{"length": 5}\n{"length": 8}\n')
    os.utime(file, ns=(0, 1))
    assert open_index(file).lengths.tolist() == [5, 8]


def flipped(position: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:position] + bytes([data[position] ^ 0x40]) + data[position + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:40],
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: b"\0" * len(data),
        lambda data: b"lines\x00\x00\x02" + data[8:],
        *(flipped(position) for position in (0, 8, 16, 24, 32, 64, 72, 80, 88, 100, -3)),
    ],
)
def test_damaged_indexes_are_not_trusted(file: Path, damage: Callable[[bytes], bytes]) -> None:
    sound = open_index(file)
    data = kept(file).read_bytes()
    kept(file).write_bytes(damage(data))
    assert same(open_index(file), sound)
    assert kept(file).read_bytes() == data, "it was mended"


def test_a_folder_that_cannot_be_written_to(file: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(path: Path) -> Any:
        if path.parent == file.parent:
            raise PermissionError(13, "Permission denied")
        return writing(path)

    writing = atomic.writing
    monkeypatch.setattr(atomic, "writing", write)
    first = open_index(file)
    assert not kept(file).exists()
    assert len(list(cache.iterdir())) == 1
    monkeypatch.setattr(line_index, "_build", forbid)
    assert same(open_index(file), first)


def test_nowhere_to_write(file: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept(file).mkdir()
    cache.parent.mkdir()
    cache.write_text("in the way")
    with pytest.raises(InputError, match=r"cannot be written.*XDG_CACHE_HOME"):
        open_index(file)


def test_several_writers(file: Path) -> None:
    file.write_bytes(LINES * 2000)
    with ThreadPoolExecutor(8) as pool:
        indexes = list(pool.map(open_index, [file] * 8))
    assert all(same(index, indexes[0]) for index in indexes)
    assert sorted(path.name for path in file.parent.iterdir()) == [".m.jsonl.index", "m.jsonl"]


def test_a_file_still_being_written(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build = line_index._build

    def build_while_it_grows(path: Path) -> Any:
        sections = build(path)
        with path.open("ab") as stream:
            stream.write(b'{"duration": 1}\n')
        return sections

    monkeypatch.setattr(line_index, "_build", build_while_it_grows)
    with pytest.raises(InputError, match="changes while it is being read"):
        open_index(file)


def test_progress_shows_on_standard_error_for_big_files(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    open_index(file)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(line_index, "_BIG_FILE", 10)
    kept(file).unlink()
    open_index(file)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "indexing" in shown.err
