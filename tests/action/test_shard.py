"""Shards: what any tar reads, where the manifest says it is; the same twice, all or nothing, and remote as well."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from pathlib import Path

import fsspec
import numpy as np
import pytest

from project import cli
from project.action.convert import Convert
from project.action.shard import Shard
from project.action.validate import Validate
from project.contract import InputError
from project.data import shard_writer
from project.data.manifest import Manifest, write_manifest
from project.feature import waveform
from project.feature.bar_window import read_window
from project.feature.excerpt import split_excerpt
from project.feature.member import split_member
from project.feature.opening import open_medium


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(text) for text in path.read_text().splitlines()]


def test_members_are_where_the_manifest_says(morse: Path, tmp_path: Path) -> None:
    """As the standard library and the system's own tar find them; lines keep all else they say."""
    out = tmp_path / "new" / "train.jsonl"
    assert Shard(str(morse / "train.jsonl"), str(out), shard_mb=0.15).run() == 0
    before = {example.id: example for example in Manifest.open(str(morse / "train.jsonl"))}
    shards = sorted(out.parent.glob("*.tar"))
    assert [path.name[:11] for path in shards] == [f"train-{number:05d}" for number in range(len(shards))]
    assert len(shards) > 3
    assert all(path.stat().st_size < 180_000 for path in shards)
    members = {}
    for path in shards:
        with tarfile.open(path) as tar:
            members |= {f"{path.name}@{one.offset_data}+{one.size}/{one.name}": one for one in tar}
        listed = subprocess.run(["tar", "-tf", path], capture_output=True, text=True, check=True).stdout.split()
        assert listed == [name.partition("/")[2] for name in members if name.startswith(path.name)]
    assert sorted(members) == sorted(str(line["media"]) for line in lines(out))
    assert all((one.mtime, one.uid, one.uname, one.mode) == (0, 0, "", 0o644) for one in members.values())
    for line, example in zip(lines(out), Manifest.open(str(out)), strict=True):
        source = before[example.id]
        assert line == {**json.loads(next(text for text in (morse / "train.jsonl").read_text().splitlines()
                                          if f'"{example.id}"' in text)), "media": line["media"]}  # fmt: skip
        assert str(line["media"]).endswith(f"/{example.id}.flac")
        with open_medium(example.media) as stream:
            assert stream.read() == Path(source.media).read_bytes()
    assert Validate(str(out)).run() == 0
    order = [str(line["media"]).partition("@")[0] for line in lines(out)]
    assert order == sorted(order)


def test_the_same_twice_another_seed_and_as_listed(morse: Path, tmp_path: Path) -> None:
    made = {}
    for name, options in {"a": {}, "b": {}, "c": {"seed": 2}, "d": {"shuffle": False}}.items():
        out = tmp_path / name / "train.jsonl"
        Shard(str(morse / "train.jsonl"), str(out), shard_mb=0.15, **options).run()  # type: ignore[arg-type]
        made[name] = {path.name: path.read_bytes() for path in out.parent.iterdir() if path.suffix != ".index"}
    assert made["a"] == made["b"]
    assert made["a"].keys() != made["c"].keys()
    ids = [line["id"] for line in lines(tmp_path / "d" / "train.jsonl")]
    assert ids == [line["id"] for line in lines(morse / "train.jsonl")]


def test_names_that_a_tar_should_not_have(morse: Path, tmp_path: Path) -> None:
    media = [example.media for example in Manifest.open(str(morse / "dev.jsonl"))]
    names = ["../up", "/root", "Größe 1", "a#1:2", "é" * 120, "../up.flac"]
    write_manifest(
        tmp_path / "m.jsonl",
        [{"id": name, "media": f"file://{one}", "duration": 1} for name, one in zip(names, media, strict=True)],
    )
    out = tmp_path / "out" / "m.jsonl"
    Shard(str(tmp_path / "m.jsonl"), str(out)).run()
    with tarfile.open(next(out.parent.glob("*.tar"))) as tar:
        assert {one.name for one in tar} == {
            "..%2Fup.flac", "%2Froot.flac", "Größe 1.flac", "a%231:2.flac", "é" * 120 + ".flac", "..%2Fup.flac.flac",
        }  # fmt: skip
    for example in Manifest.open(str(out)):
        assert len(waveform.read(example.media, 8000)) > 0
        assert split_excerpt(example.media)[1] is None


def test_excerpts_stay_the_rows_of_their_file_which_comes_once(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    for name in ("x", "y"):
        walk = 100 + generator.normal(size=(300, 4)).cumsum(axis=0)
        prices = np.stack([walk[:, 0], walk.max(axis=1), walk.min(axis=1), walk[:, 3]], axis=1)
        (tmp_path / name).mkdir()
        np.save(
            tmp_path / name / "s.npy", np.concatenate([np.arange(300)[:, None], prices, np.zeros((300, 1))], axis=1)
        )
    windows = [{"id": f"{name}{n}", "media": f"{name}/s.npy#{n}:{n + 50}", "length": 50, "labels": {"spans": []}}
               for n in (0, 60, 200) for name in ("x", "y")]  # fmt: skip
    write_manifest(tmp_path / "m.jsonl", windows)
    out = tmp_path / "out" / "m.jsonl"
    Shard(str(tmp_path / "m.jsonl"), str(out)).run()
    with tarfile.open(next(out.parent.glob("*.tar"))) as tar:
        assert sorted(one.name for one in tar) == ["s-2.npy", "s.npy"]
    before = {example.id: example.media for example in Manifest.open(str(tmp_path / "m.jsonl"))}
    for example in Manifest.open(str(out)):
        one, other = read_window(example.media, 40), read_window(before[example.id], 40)
        assert np.array_equal(one.bars_N6, other.bars_N6)
    assert Validate(str(out)).run() == 0
    assert Validate([str(out), str(tmp_path / "m.jsonl")]).run() == 2, "windows of a shard overlap those of its source"


def test_all_or_nothing(morse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(morse, tmp_path / "morse")
    (tmp_path / "morse" / str(lines(morse / "train.jsonl")[20]["media"])).unlink()
    out = tmp_path / "out" / "train.jsonl"
    with pytest.raises(InputError, match=r"train\.jsonl:21: train-000020: media .* is missing: correct the path"):
        Shard(str(tmp_path / "morse" / "train.jsonl"), str(out), shard_mb=0.1).run()
    assert not list(out.parent.iterdir())

    Shard(str(morse / "train.jsonl"), str(out), shard_mb=0.2).run()
    with pytest.raises(InputError, match="it is there already: overwrite=true replaces it"):
        Shard(str(morse / "train.jsonl"), str(out)).run()
    before = {path.name: path.read_bytes() for path in out.parent.iterdir()}

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(shard_writer.hashlib, "file_digest", stop)
        Shard(str(morse / "dev.jsonl"), str(out), overwrite=True).run()
    assert {path.name: path.read_bytes() for path in out.parent.iterdir()} == before
    (out.parent / "other-00000-00000000.tar").touch()
    Shard(str(morse / "dev.jsonl"), str(out), overwrite=True).run()
    assert len(Manifest.open(str(out))) == 6
    kept = {str(line["media"]).partition("@")[0] for line in lines(out)} | {"other-00000-00000000.tar"}
    assert {path.name for path in out.parent.glob("*.tar")} == kept, "those of the manifest before are gone"


def test_to_a_url_and_back(morse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCANSION_CACHE", str(tmp_path / "cache"))
    url = "memory://sharded/set/train.jsonl"
    Shard(str(morse / "train.jsonl"), url, shard_mb=0.15).run()
    Shard(str(morse / "train.jsonl"), str(tmp_path / "near" / "train.jsonl"), shard_mb=0.15).run()
    names = {path.name for path in (tmp_path / "near").iterdir() if not path.name.startswith(".")}
    system = fsspec.filesystem("memory")
    assert {name.rpartition("/")[2] for name in system.ls("/sharded/set", detail=False)} == names
    assert not list((tmp_path / "cache" / "shards").iterdir())
    for one, other in zip(Manifest.open(url), Manifest.open(str(tmp_path / "near" / "train.jsonl")), strict=True):
        assert one.media.startswith("memory://sharded/set/train-0000")
        assert np.array_equal(waveform.read(one.media, 8000), waveform.read(other.media, 8000))
    with pytest.raises(InputError, match="it is there already"):
        Shard(str(morse / "train.jsonl"), url).run()
    again = tmp_path / "again" / "train.jsonl"
    Shard(url, str(again), shard_mb=0.3).run()
    (first,) = [example for example in Manifest.open(str(again)) if example.id == "train-000003"]
    (source,) = [example for example in Manifest.open(str(morse / "train.jsonl")) if example.id == "train-000003"]
    with open_medium(first.media) as stream:
        assert stream.read() == Path(source.media).read_bytes()


def test_shards_are_unpacked_by_convert(morse: Path, tmp_path: Path) -> None:
    out = tmp_path / "in" / "dev.jsonl"
    Shard(str(morse / "dev.jsonl"), str(out), shard_mb=0.1).run()
    plain = tmp_path / "plain" / "dev.jsonl"
    with pytest.raises(InputError, match="a member of a shard cannot be linked"):
        Convert(str(out), str(plain), source="scansion", media="link").run()
    assert Convert(str(out), str(plain), source="scansion", media="copy").run() == 0
    before = {example.id: example.media for example in Manifest.open(str(morse / "dev.jsonl"))}
    for example in Manifest.open(str(plain)):
        assert split_member(example.media) is None
        assert Path(example.media).read_bytes() == Path(before[example.id]).read_bytes()


@pytest.mark.parametrize(
    ("out", "options", "words"),
    [
        (None, {}, "name the manifest to write"),
        ("folder", {}, "name the manifest to write"),
        ("x.jsonl", {"shard_mb": 0}, "shard_mb=0: give the size"),
    ],
)
def test_what_makes_no_sense(morse: Path, out: str | None, options: dict[str, float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Shard(str(morse / "dev.jsonl"), out, **options)  # type: ignore[arg-type]


def test_a_manifest_is_not_packed_into_itself(morse: Path) -> None:
    with pytest.raises(InputError, match="it is what is packed"):
        Shard(str(morse / "dev.jsonl"), str(morse / "dev.jsonl"), overwrite=True).run()


def test_from_the_command_line(morse: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["prepare", "shard", str(morse / "dev.jsonl"), f"out={tmp_path}/dev.jsonl"])
    assert not ended.value.code
    assert f"{tmp_path}/dev.jsonl: 6 examples in 1 shards" in capsys.readouterr().out
