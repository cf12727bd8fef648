"""Packs the media of manifests into tar shards, and writes the manifest that names each by its place in one."""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import orjson

from project import atomic
from project.action.output import progress, require_free, require_manifests
from project.contract import InputError
from project.data.cache_folder import cache_folder
from project.data.manifest import Manifest
from project.data.shard_writer import ShardWriter
from project.data.shuffling import permute, philox
from project.feature.excerpt import join_excerpt, split_excerpt
from project.feature.member import Member, join_member
from project.feature.remote_file import Missing, info_of, is_remote, upload


class Shard:
    """Writes `<out>.jsonl` with its shards beside it, all or nothing; a URL as `out` uploads them as they are finished.

    Media come in a random order that the seed decides, or as they stand; examples that are excerpts of one file come
    together, and the file comes once. Lines keep all they say but where their media are.
    """

    def __init__(
        self,
        manifest: str | Sequence[str],
        out: str | None = None,
        shard_mb: float = 256.0,
        shuffle: bool = True,
        seed: int = 1,
        overwrite: bool = False,
    ) -> None:
        if shard_mb <= 0:
            raise InputError(f"shard_mb={shard_mb:g}: give the size of a shard in megabytes, above 0")
        if out is None or not out.endswith(".jsonl"):
            raise InputError(f"out={out}: name the manifest to write, as in out=data/shards/train.jsonl")
        self.patterns = require_manifests(manifest, "shard")
        self.out = out
        self.most_bytes = round(shard_mb * 1e6)
        self.shuffle = shuffle
        self.seed = seed
        self.overwrite = overwrite

    def run(self) -> int:
        """0 when the manifest is written."""
        manifest = Manifest.open(self.patterns)
        self._require_free(manifest)
        remote, (home, name) = is_remote(self.out), self.out.rpartition("/")[::2]
        folder = cache_folder() / "shards" if remote else Path(self.out).parent
        staging = folder / f".{name}.{secrets.token_hex(8)}.part"

        def finished(shard: Path) -> None:
            if remote:
                upload(shard, f"{home}/{shard.name}")
                shard.unlink()

        stem = name.removesuffix(".jsonl")
        staging.mkdir(parents=True)
        writer = ShardWriter(staging, stem, self.most_bytes, finished)
        try:
            lines = self._packed(manifest, writer)
            atomic.write(staging / name, b"".join(lines))
            if remote:
                upload(staging / name, self.out)
            else:
                settle(staging, folder, stem)
        finally:
            writer.abandon()
            shutil.rmtree(staging, ignore_errors=True)
        shards = {member.shard for member in writer.members.values()}
        print(f"{self.out}: {len(lines):,} examples in {len(shards):,} shards")
        return 0

    def _require_free(self, manifest: Manifest) -> None:
        if is_remote(self.out):
            if self.out in manifest.names or (not self.overwrite and is_there(self.out)):
                raise InputError(f"{self.out}: it is there already: name another out=..., or overwrite=true")
            return
        if Path(self.out).absolute() in {file.absolute() for file in manifest.files}:
            raise InputError(f"{self.out}: it is what is packed: name another file with out=...")
        require_free([Path(self.out)], self.overwrite)

    def _packed(self, manifest: Manifest, writer: ShardWriter) -> list[bytes]:
        """Pack the media of all lines; the lines that name them where they are now, in the order of the shards."""
        files: dict[str, list[int]] = {}  # each with the examples that are it, or excerpts of it
        for row, example in enumerate(manifest):
            files.setdefault(split_excerpt(example.media)[0], []).append(row)
        order = list(files)
        if self.shuffle:
            order = [order[place] for place in permute(philox(self.seed, 0), len(order)).tolist()]
        with progress("packing", len(order)) as advance:
            for file in order:
                example = manifest[files[file][0]]
                is_whole = split_excerpt(example.media)[1] is None
                try:
                    writer.add(file, example.id if is_whole else PurePosixPath(file).stem)
                except InputError as error:
                    raise InputError(f"{manifest.location(files[file][0])}: {example.id}: {error}") from None
                advance()
        writer.close()
        return [line(manifest, row, writer.members[file]) for file in order for row in files[file]]


def line(manifest: Manifest, row: int, member: Member) -> bytes:
    """An example's line with its medium in a shard beside the manifest; an excerpt stays the same rows."""
    place, (_, rows) = join_member(member), split_excerpt(manifest[row].media)
    media = place if rows is None else join_excerpt(place, *rows)
    return orjson.dumps({**orjson.loads(manifest.raw(row)), "media": media}, option=orjson.OPT_APPEND_NEWLINE)


def is_there(url: str) -> bool:
    """Whether there is a file at a URL."""
    try:
        info_of(url)
    except Missing:
        return False
    return True


def settle(staging: Path, folder: Path, stem: str) -> None:
    """Move shards into place and then the manifest, which replaces one that is there; shards of that one go last."""
    shards = {shard.name for shard in staging.glob("*.tar")}
    for name in sorted(shards):
        (staging / name).replace(folder / name)
    (staging / f"{stem}.jsonl").replace(folder / f"{stem}.jsonl")
    own = re.compile(rf"{re.escape(stem)}-[0-9]{{5}}-[0-9a-f]{{8}}\.tar")
    for shard in folder.glob("*.tar"):
        if own.fullmatch(shard.name) and shard.name not in shards:
            shard.unlink()
