"""Manifests and media at URLs, in memory and on an S3 server on this machine; what cannot be reached is told."""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle
import time
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
import torch
from moto.server import ThreadedMotoServer

from project.build.bind import make
from project.build.compose import compose
from project.contract import Batch, InputError
from project.data import remote_manifest, spool
from project.data.audit import Checks, audit
from project.data.batching import Batching
from project.data.manifest import Manifest, write_manifest
from project.data.module import data_module
from project.data.shard_writer import ShardWriter
from project.data.spool import Spool
from project.feature import waveform
from project.feature.member import join_member
from project.feature.tone_envelope import ToneEnvelope

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
HERE = {"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_EC2_METADATA_DISABLED": "true"}


@pytest.fixture(scope="module")
def bucket(morse: Path) -> Iterator[str]:
    """s3://corpus with the Morse recordings, as files and in shards: the folder of the manifests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("AWS_") or "_PROXY" in name.upper():
                patch.delenv(name)
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        for name, value in {**KEYS, **HERE, "AWS_ENDPOINT_URL": f"http://{host}:{port}"}.items():
            patch.setenv(name, value)
        s3 = fsspec.filesystem("s3")
        s3.mkdir("corpus")
        for path in morse.rglob("*"):
            if path.is_file() and path.suffix != ".index":
                s3.pipe(f"corpus/morse/{path.relative_to(morse)}", path.read_bytes())
        yield "s3://corpus/morse"
        type(s3).clear_instance_cache()
        server.stop()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SCANSION_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def copies(cache: Path) -> list[Path]:
    return sorted((cache / "manifests").glob("*/*.jsonl"))


def put(url: str, *lines: dict[str, object]) -> str:
    with fsspec.open(url, "wb") as file:
        file.write("".join(json.dumps(line) + "\n" for line in lines).encode())
    return url


def line(name: str, **more: object) -> dict[str, object]:
    return {"id": name, "media": f"wav/{name}.wav", "duration": 1.5, "text": "x", **more}


def test_a_manifest_is_fetched_once_and_again_when_it_changes(cache: Path) -> None:
    url = put("memory://once/train.jsonl", line("a"), line("b"))
    first = Manifest.open(url)
    assert [example.media for example in first] == ["memory://once/wav/a.wav", "memory://once/wav/b.wav"]
    assert first.location(1) == "memory://once/train.jsonl:2"
    assert first.names == (url,)
    (copy,) = copies(cache)
    inode = copy.stat().st_ino
    assert (copy.parent / ".train.jsonl.index").is_file()
    assert Manifest.open(url).hash == first.hash
    assert [path.stat().st_ino for path in copies(cache)] == [inode]
    put(url, line("c"))
    assert [example.id for example in Manifest.open(url)] == ["c"]
    assert [example.id for example in first] == ["a", "b"], "who has it open keeps what it opened"
    assert len(copies(cache)) == 2


def test_views_and_copies_of_a_manifest_know_where_it_is_from(tmp_path: Path) -> None:
    manifest = Manifest.open(put("memory://views/train.jsonl", line("a"), line("b"), line("c", media="s3://x/c.wav")))
    other = tmp_path / "local.jsonl"
    write_manifest(other, manifest.select([2, 0]))
    assert [example.media for example in Manifest.open(str(other))] == ["s3://x/c.wav", "memory://views/wav/a.wav"]
    for view in (manifest.select([1]), pickle.loads(pickle.dumps(manifest)).select([1])):
        assert view[0].media == "memory://views/wav/b.wav"
        assert view.location(0) == "memory://views/train.jsonl:2"
    joined = manifest.joined(Manifest.open(str(other)))
    assert (joined.folder(0), joined.folder(4)) == ("memory://views", str(tmp_path))
    with pytest.raises(InputError, match=r"memory://views/train\.jsonl: named twice"):
        manifest.joined(manifest)


def test_globs_and_lists(tmp_path: Path) -> None:
    for name in ("s-1", "s-0", "t"):
        put(f"memory://globs/{name}.jsonl", line(name))
    write_manifest(tmp_path / "here.jsonl", [line("here")])
    names = [example.id for example in Manifest.open(["memory://globs/s-*.jsonl", f"file://{tmp_path}/here.jsonl"])]
    assert names == ["s-0", "s-1", "here"]
    with pytest.raises(InputError, match=r"memory://globs/s-0\.jsonl: named twice"):
        Manifest.open(["memory://globs/s-0.jsonl", "memory://globs/s-?.jsonl"])


def test_a_copy_cut_off_leaves_nothing(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = put("memory://cut/train.jsonl", line("a"))

    def torn(url: str, path: Path) -> None:
        path.write_bytes(b'{"id": "a", ')
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(remote_manifest, "download", torn)
        with pytest.raises(KeyboardInterrupt):
            Manifest.open(url)
        patch.setattr(remote_manifest, "download", lambda url, path: path.write_bytes(b"half"))
        with pytest.raises(InputError, match="it changes while it is being read"):
            Manifest.open(url)
    assert not list((cache / "manifests").iterdir())
    assert Manifest.open(url)[0].id == "a"


def test_what_a_killed_process_left_is_removed_by_a_later_fetch(cache: Path) -> None:
    part = cache / "manifests" / ".0a1b.part"
    part.mkdir(parents=True)
    (part / "train.jsonl").write_bytes(b'{"id": "a", ')
    url = put("memory://left/train.jsonl", line("a"))
    Manifest.open(url)
    assert part.is_dir(), "a process may be at work at it"
    for path in (part / "train.jsonl", part):
        os.utime(path, times=(time.time() - 25 * 3600,) * 2)
    Manifest.open(url)
    assert part.is_dir(), "nothing was fetched"
    put(url, line("b"))
    assert Manifest.open(url)[0].id == "b"
    assert not part.exists()
    assert len(copies(cache)) == 2


def test_one_without_a_version_is_known_by_its_content(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_manifest, "version_of", lambda info: None)
    url = put("memory://plain/train.jsonl", line("a"))
    assert Manifest.open(url)[0].id == Manifest.open(url)[0].id == "a"
    assert len(copies(cache)) == 1
    put(url, line("b"))
    assert Manifest.open(url)[0].id == "b"


def test_flaws_are_told_by_url_and_line() -> None:
    url = put("memory://flaws/train.jsonl", line("a"), line("b", media="../b.wav"), line("a", media="x.wav"))
    with pytest.raises(InputError, match=r"^memory://flaws/train\.jsonl:2: b: `media` is '\.\./b\.wav', which leaves"):
        Manifest.open(url)[1]
    problems = [str(problem) for problem in audit(Manifest.open(url), Checks())]
    assert problems[0].startswith("memory://flaws/train.jsonl:1: a: media memory://flaws/wav/a.wav is missing")
    assert problems[2].startswith("memory://flaws/train.jsonl:3: a: id is already that of memory://flaws/train.jsonl:1")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("s3://corpus/morse/none.jsonl", r"s3://corpus/morse/none\.jsonl: there is no such file: correct the address"),
        ("s3://nobody/train.jsonl", r"there is no bucket nobody: correct the address"),
        ("s3://nobody/*.jsonl", r"there is no bucket nobody: correct the address"),
        ("s3://corpus/nowhere/*.jsonl", r"nowhere/\*\.jsonl: there is no such file"),
        ("s3://corpus/morse", r"s3://corpus/morse: it is a folder, not a file"),
        ("s3://corpus/morse/", r"a folder, not a manifest: name a file, or a glob"),
        ("nosuch://a/b.jsonl", r"fsspec knows no nosuch://"),
        ("zip://train.jsonl::s3://corpus/a.zip", r"media cannot be relative to a file inside another"),
        ("http://127.0.0.1:9/train.jsonl?token=secret", r"http://127\.0\.0\.1:9/train\.jsonl: it cannot be reached"),
    ],
)
def test_what_is_not_there_is_told_in_one_line(bucket: str, url: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as error:
        Manifest.open(url)
    assert "\n" not in str(error.value)
    assert "secret" not in str(error.value)


def test_without_credentials_or_package(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEYS:
        monkeypatch.delenv(name)
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    with pytest.raises(InputError, match=r"there are no credentials for s3:// .*: set AWS_ACCESS_KEY_ID"):
        Manifest.open(f"{bucket}/train.jsonl")
    fsspec.get_filesystem_class("s3").clear_instance_cache()

    def missing(url: str) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec.core, "url_to_fs", missing)
    with pytest.raises(InputError, match=r"s3:// needs the package s3fs: pip install 'scansion\[remote\]'"):
        Manifest.open(f"{bucket}/train.jsonl")


def _read(bucket: str, number: int) -> None:
    manifest = Manifest.open(f"{bucket}/train.jsonl")
    assert len(waveform.read(manifest[number].media, 8000))


def test_several_processes_fetch_at_once(bucket: str, cache: Path) -> None:
    context = multiprocessing.get_context("fork")
    readers = [context.Process(target=_read, args=(bucket, number)) for number in range(4)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(60)
    assert [reader.exitcode for reader in readers] == [0] * 4
    assert len(list((cache / "manifests").iterdir())) == 1


def epoch_of(folder: str, workers: int = 0, cache: Path | None = None, **batching: object) -> list[Batch]:
    spelling = make(compose("train")["text"], "text")
    manifest = {"train": f"{folder}/train.jsonl", "dev": f"{folder}/dev.jsonl"}
    cut = Batching(batch_length=12, max_batch_size=4, **batching)  # type: ignore[arg-type]
    kept = None if cache is None else str(cache)
    return list(data_module(manifest, ToneEnvelope(), spelling, cut, workers=workers, cache=kept).train_dataloader())


@pytest.mark.parametrize("workers", [0, 2])
def test_training_reads_from_s3_what_it_reads_from_a_disk(bucket: str, morse: Path, workers: int) -> None:
    for one, other in zip(epoch_of(bucket, workers), epoch_of(str(morse)), strict=True):
        assert one.ids == other.ids
        assert torch.equal(one.signals_BTF, other.signals_BTF)


@pytest.fixture(scope="module")
def shards(bucket: str, morse: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The same recordings in shards of about five: on the server, and on a disk."""
    folder = tmp_path_factory.mktemp("shards")
    writer = ShardWriter(folder, "train", 150_000, lambda path: None)
    examples = list(Manifest.open(str(morse / "train.jsonl")))
    for example in examples:
        writer.add(example.media, example.id)
    writer.close()
    lines = [
        {
            **json.loads(Manifest.open(str(morse / "train.jsonl")).raw(row)),
            "media": join_member(writer.members[one.media]),
        }
        for row, one in enumerate(examples)
    ]
    write_manifest(folder / "train.jsonl", lines)
    (folder / "dev.jsonl").write_bytes(b"")
    s3 = fsspec.filesystem("s3")
    for path in folder.iterdir():
        s3.pipe(f"corpus/shards/{path.name}", path.read_bytes())
    return "s3://corpus/shards", folder


def requests(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The shards that are fetched from now on by this process."""
    fetched: list[str] = []
    download = spool.download

    def counted(url: str, path: Path) -> None:
        fetched.append(url)
        download(url, path)

    monkeypatch.setattr(spool, "download", counted)
    return fetched


def test_remote_shards_are_fetched_once_an_epoch(
    shards: tuple[str, Path], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, folder = shards
    fetched = requests(monkeypatch)
    wanted = epoch_of(str(folder), buffer=6)
    assert not fetched
    for one, other in zip(epoch_of(url, buffer=6), wanted, strict=True):
        assert one.ids == other.ids
        assert torch.equal(one.signals_BTF, other.signals_BTF)
    tars = sorted(path.name for path in folder.glob("*.tar"))
    assert len(tars) > 4
    assert sorted(one.rpartition("/")[2] for one in fetched) == tars
    anywhere = {
        name: signal for batch in epoch_of(url) for name, signal in zip(batch.ids, batch.signals_BTF, strict=True)
    }
    assert anywhere.keys() == {name for batch in wanted for name in batch.ids}
    for one, other in zip(epoch_of(url, workers=2, buffer=6), wanted, strict=True):
        assert torch.equal(one.signals_BTF, other.signals_BTF)


def test_what_a_cache_holds_is_not_fetched_again(
    shards: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = requests(monkeypatch)
    first = epoch_of(shards[0], cache=tmp_path / "kept", buffer=6)
    for path in (tmp_path / "cache" / "spool").glob("*.tar"):
        path.unlink()
    number = len(fetched)
    assert number > 4
    for one, other in zip(epoch_of(shards[0], cache=tmp_path / "kept", buffer=6), first, strict=True):
        assert torch.equal(one.signals_BTF, other.signals_BTF)
    assert len(fetched) == number


def test_a_spool_holds_few_shards_and_shares_them(
    shards: tuple[str, Path], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, folder = shards
    media: dict[str, str] = {}  # of one member of each shard
    for example in Manifest.open(f"{url}/train.jsonl"):
        media.setdefault(example.media.partition("@")[0], example.media)
    fetched = requests(monkeypatch)
    one, other = Spool(keep=2), pickle.loads(pickle.dumps(Spool(keep=2)))
    for number, medium in enumerate(media.values()):
        for own in (one, other):
            near = own.at_hand(medium)
            assert near.startswith(str(cache))
            wave = waveform.read(near, 8000)
            assert (wave == waveform.read(medium.replace(url, str(folder)), 8000)).all()
        held = list((cache / "spool").glob("*.tar"))
        assert len(held) == min(number + 1, 2)
    assert len(fetched) == len(media), "whoever comes second finds it there"
    latest = one.at_hand(medium)
    del other
    (cache / "spool" / ("0" * 32 + ".tar")).write_bytes(b"left behind by one that was killed")
    one.sweep()
    assert Path(latest.partition("@")[0]).exists()
    assert len(list((cache / "spool").glob("*.tar"))) == 2
    assert one.at_hand("/a/b.wav") == "/a/b.wav"
    assert one.at_hand(f"{folder}/x.tar@1+2/a.npy#0:3") == f"{folder}/x.tar@1+2/a.npy#0:3"


def test_a_buffer_needs_shards_and_nothing_drawn_from_elsewhere(morse: Path) -> None:
    with pytest.raises(InputError, match=r"no example of .*train\.jsonl lies in a shard: make shards"):
        epoch_of(str(morse), buffer=5)
    with pytest.raises(InputError, match=r"data\.batching\.buffer reads shards one after the other"):
        epoch_of(str(morse), buffer=5, replay=0.5)
    with pytest.raises(InputError, match=r"data\.batching\.buffer is 0"):
        epoch_of(str(morse), buffer=0)
