from __future__ import annotations

import json
import os
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from project.contract import InputError
from project.data.manifest import Manifest, write_manifest


def line(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"e{number}",
        "media": f"wav/{number}.wav",
        "duration": 0.5 + number % 7,
        "text": f"T{number}",
        **more,
    }


def write(path: Path, records: Sequence[Mapping[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """Ten, five and one example in s-0, s-1 and s-2; another manifest beside them."""
    for shard, (start, end) in enumerate([(0, 10), (10, 15), (15, 16)]):
        write(tmp_path / f"s-{shard}.jsonl", [line(number) for number in range(start, end)])
    write(tmp_path / "train.jsonl", [line(99)])
    return tmp_path


def ids(manifest: Manifest) -> list[str]:
    return [example.id for example in manifest]


def test_examples_against_the_standard_library(shards: Path) -> None:
    manifest = Manifest.open(str(shards / "s-0.jsonl"))
    records = [json.loads(text) for text in (shards / "s-0.jsonl").read_text().splitlines()]
    assert len(manifest) == len(records)
    for i, record in enumerate(records):
        example = manifest[i]
        assert (example.id, example.length, example.text) == (record["id"], record["duration"], record["text"])
        assert example.media == f"{shards}/{record['media']}"
        assert json.loads(manifest.raw(i)) == record
        assert manifest.location(i) == f"{shards}/s-0.jsonl:{i + 1}"
    assert manifest[-1] == manifest[len(manifest) - 1]
    for outside in (10, -11):
        with pytest.raises(IndexError):
            manifest[outside]


def test_shards(shards: Path) -> None:
    manifest = Manifest.open(str(shards / "s-*.jsonl"))
    assert [file.name for file in manifest.files] == ["s-0.jsonl", "s-1.jsonl", "s-2.jsonl"]
    assert ids(manifest) == [f"e{number}" for number in range(16)]
    assert manifest.lengths.tolist() == [line(number)["duration"] for number in range(16)]
    assert [manifest.location(i).rsplit("/", 1)[1] for i in (9, 10, 15)] == [
        "s-0.jsonl:10",
        "s-1.jsonl:1",
        "s-2.jsonl:1",
    ]
    backwards = Manifest.open([str(shards / "s-2.jsonl"), str(shards / "s-[01].jsonl")])
    assert ids(backwards) == [f"e{number}" for number in (15, *range(15))]
    assert backwards.hash != manifest.hash


def test_relative_paths_give_absolute_media(shards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shards)
    manifest = Manifest.open("s-0.jsonl")
    assert manifest[0].media == f"{shards}/wav/0.wav"
    assert manifest.location(0) == "s-0.jsonl:1"
    monkeypatch.chdir("/")
    assert manifest[0].media == f"{shards}/wav/0.wav"


def test_lengths_are_a_view(shards: Path) -> None:
    manifest = Manifest.open(str(shards / "s-0.jsonl"))
    assert manifest.lengths.dtype == np.float32
    assert np.shares_memory(manifest.lengths, manifest.lengths)
    with pytest.raises(ValueError, match="read-only"):
        manifest.lengths[0] = 1


def test_hash_is_of_content_alone(shards: Path) -> None:
    one = Manifest.open(str(shards / "s-0.jsonl"))
    copy = shards / "elsewhere" / "other.jsonl"
    copy.parent.mkdir()
    copy.write_bytes((shards / "s-0.jsonl").read_bytes())
    assert Manifest.open(str(copy)).hash == one.hash
    copy.write_bytes(copy.read_bytes().replace(b"T3", b"T4"))
    assert Manifest.open(str(copy)).hash != one.hash


def test_selections(shards: Path) -> None:
    manifest = Manifest.open(str(shards / "s-*.jsonl"))
    chosen = manifest.select([12, 3, 3, 15])
    assert ids(chosen) == ["e12", "e3", "e3", "e15"]
    assert chosen.lengths.tolist() == manifest.lengths[[12, 3, 3, 15]].tolist()
    assert chosen.location(0).endswith("s-1.jsonl:3")
    assert chosen[-1].id == "e15"
    again = chosen.select(np.array([3, 0]))
    assert ids(again) == ["e15", "e12"]
    assert again.hash == manifest.select([15, 12]).hash
    assert len({manifest.hash, chosen.hash, again.hash, manifest.select([12, 15]).hash}) == 4
    assert manifest.select(range(16)).hash == manifest.hash, "all of it is the same set of examples"
    assert len(manifest.select([])) == 0
    with pytest.raises(IndexError):
        chosen.select([4])


def test_between(shards: Path) -> None:
    manifest = Manifest.open(str(shards / "s-*.jsonl"))
    expected = [f"e{number}" for number in range(16) if 1.5 <= line(number)["duration"] <= 4.5]
    assert ids(manifest.between(1.5, 4.5)) == expected
    assert ids(manifest.select(range(8, 16)).between(1.5, 4.5)) == [name for name in expected if int(name[1:]) >= 8]
    assert manifest.between().hash == manifest.hash
    bad = write(shards / "bad.jsonl", [line(0), line(1, duration=None), line(2)])
    with pytest.raises(InputError, match=r"bad\.jsonl:2: e1: neither"):
        Manifest.open(str(bad)).between(0.1, 9)


def test_blank_lines_count_but_are_no_examples(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text(f"\n{json.dumps(line(1))}\n   \n\n{json.dumps(line(2))}")
    manifest = Manifest.open(str(path))
    assert [(example.id, manifest.location(i)) for i, example in enumerate(manifest)] == [
        ("e1", f"{path}:2"),
        ("e2", f"{path}:5"),
    ]


def test_a_bad_line_names_its_place(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text(f"{json.dumps(line(1))}\n\n{{'id'\n")
    manifest = Manifest.open(str(path))
    with pytest.raises(InputError) as caught:
        manifest[1]
    assert str(caught.value).startswith(f"{path}:3: (no id): not JSON")


def test_units(tmp_path: Path) -> None:
    frames = {"id": "f", "media": "f.npy", "length": 40}
    write(tmp_path / "frames.jsonl", [frames])
    assert Manifest.open(str(tmp_path / "frames.jsonl")).unit == "frames"
    write(tmp_path / "seconds.jsonl", [line(0)])
    with pytest.raises(InputError, match=r"frames.jsonl has `length`.*use one in all files"):
        Manifest.open(str(tmp_path / "*.jsonl"))
    mixed = Manifest.open(str(write(tmp_path / "mixed" / "m.jsonl", [line(0), frames])))
    assert mixed.unit == "seconds"
    assert np.isnan(mixed.lengths[1])
    with pytest.raises(InputError, match=r"m.jsonl:2: f: its length is not in seconds: use one unit"):
        mixed[1]


def test_pickling_takes_no_data_along(tmp_path: Path) -> None:
    path = write(tmp_path / "m.jsonl", [line(number) for number in range(1000)])
    manifest = Manifest.open(str(path)).select([5, 7])
    data = pickle.dumps(manifest)
    assert len(data) < 1000
    copy = pickle.loads(data)
    assert (ids(copy), copy.hash, copy.unit) == (["e5", "e7"], manifest.hash, "seconds")
    write(path, [line(number) for number in range(1, 1001)])
    with pytest.raises(InputError, match="changed while in use"):
        pickle.loads(data)


def test_a_file_cut_short_while_in_use(tmp_path: Path) -> None:
    path = write(tmp_path / "m.jsonl", [line(number) for number in range(1000)])
    manifest = Manifest.open(str(path))
    os.truncate(path, 100)
    with pytest.raises(InputError, match="changed while in use"):
        manifest[999]


def test_a_file_replaced_while_in_use_stays_as_it_was(tmp_path: Path) -> None:
    path = write(tmp_path / "m.jsonl", [line(1), line(2)])
    manifest = Manifest.open(str(path))
    write_manifest(path, [line(3)])
    assert ids(manifest) == ["e1", "e2"]
    assert ids(Manifest.open(str(path))) == ["e3"]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("trian.jsonl", "trian.jsonl: no such manifest: did you mean .*train.jsonl?"),
        ("q*.jsonl", "has s-0.jsonl, s-1.jsonl, s-2.jsonl, train.jsonl"),
        ("nowhere/train.jsonl", "there is no folder .*nowhere"),
        ("no*/train.jsonl", "no such manifest: did you mean .*train.jsonl?"),
        ("", "a folder, not a manifest: .* has s-0.jsonl"),
        ("empty/x.jsonl", "no .jsonl file is in"),
    ],
)
def test_nothing_found(shards: Path, pattern: str, message: str) -> None:
    (shards / "empty").mkdir()
    with pytest.raises(InputError, match=message) as caught:
        Manifest.open(f"{shards}/{pattern}")
    assert "\n" not in str(caught.value)


def test_a_file_of_another_kind_is_no_manifest_and_gets_no_index(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text("# Title\n\nsome text\n\n- a list\n")
    with pytest.raises(
        InputError, match=r"README.md: not a manifest: its lines are no JSON objects: name a .jsonl file"
    ):
        Manifest.open(str(page))
    assert list(tmp_path.iterdir()) == [page]
    page.write_text(
        f"torn\n{json.dumps(line(1))}\ntorn\n"
    )  # one line that is an object: the others are told one by one
    assert len(Manifest.open(str(page))) == 3


def test_a_file_named_twice(shards: Path) -> None:
    with pytest.raises(InputError, match=r"s-1\.jsonl: named twice"):
        Manifest.open([str(shards / "s-1.jsonl"), str(shards / "s-*.jsonl")])


def test_an_empty_manifest_opens(tmp_path: Path) -> None:
    manifest = Manifest.open(str(write(tmp_path / "m.jsonl", [])))
    assert (len(manifest), list(manifest), manifest.lengths.tolist()) == (0, [], [])


def test_written_manifests_read_back(shards: Path) -> None:
    manifest = Manifest.open(str(shards / "s-*.jsonl"))
    write_manifest(shards / "all.jsonl", manifest)
    copy = Manifest.open(str(shards / "all.jsonl"))
    assert list(copy) == list(manifest)
    assert json.loads(copy.raw(3)) == line(3)
    write_manifest(shards / "elsewhere.jsonl", [line(1), line(2, note=np.float32(0.5))])
    assert Manifest.open(str(shards / "elsewhere.jsonl"))[1].meta == {"note": 0.5}


def test_a_failed_writing_leaves_the_old_manifest(shards: Path) -> None:
    before = (shards / "train.jsonl").read_bytes()
    with pytest.raises(TypeError):
        write_manifest(shards / "train.jsonl", [line(1), line(2, bad=object())])
    assert (shards / "train.jsonl").read_bytes() == before
    assert not list(shards.glob(".*part"))
