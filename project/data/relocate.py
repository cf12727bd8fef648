"""Where media go when a manifest is made of somebody else's: left, linked, or copied, with parts cut out.

All of them appear at once, beside the manifest, or none does. The file of an excerpt comes whole, once for all of them.
"""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal

import soundfile

from project.contract import Example, InputError
from project.data.foreign import Entry
from project.data.media import MediumError, in_threads, local_path, open_medium, read_header
from project.feature.excerpt import join_excerpt, split_excerpt
from project.feature.member import split_member

Way = Literal["keep", "link", "copy"]

_SLACK_SECONDS = 0.01
_AS_STORED = {
    "PCM_16": "int16",
    "ULAW": "int16",
    "ALAW": "int16",
    "PCM_S8": "int16",
    "PCM_U8": "int16",
    "PCM_24": "int32",
}


def complete(entry: Entry) -> Entry:
    """The entry with its length and whether it is a part of its medium; its medium's header says what it does not."""
    if entry.part is not None and not math.isnan(entry.example.length):
        return entry
    try:
        seconds = read_header(entry.example.media).seconds
    except MediumError as error:
        raise InputError(f"{entry.where}: {entry.example.id or '(no id)'}: {error}") from None
    length = seconds - entry.start if math.isnan(entry.example.length) else entry.example.length
    if entry.start + length > seconds + _SLACK_SECONDS or length <= 0:
        end = entry.start + max(length, 0)
        raise InputError(
            f"{entry.where}: {entry.example.id or '(no id)'}: from {entry.start:g} to {end:g} s "
            f"in a medium of {seconds:.3f} s: correct offset and duration"
        )
    part = entry.start > _SLACK_SECONDS or length < seconds - _SLACK_SECONDS or entry.channel is not None
    return replace(entry, part=part, example=replace(entry.example, length=length))


def require_whole(entry: Entry, way: Way) -> None:
    """An example is all of its medium; a part must become a medium of its own."""
    if entry.part and way != "copy":
        end = entry.start + entry.example.length
        channel = "" if entry.channel is None else f", channel {entry.channel}"
        raise InputError(
            f"{entry.where}: {entry.example.id}: it is a part of its medium ({entry.start:g} to {end:g} s{channel}), "
            "and an example is all of one: media=copy cuts parts out into files of their own"
        )


def common_folder(media: Sequence[str]) -> str | None:
    """The deepest folder that holds all media of this machine; None if there is no better one than the root.

    >>> common_folder(["/c/a/1.wav", "/c/b/1.wav", "s3://c/c.wav"]), common_folder(["/a/1.wav", "/b/1.wav"])
    ('/c', None)
    """
    folders = {str(Path(path).parent) for one in media if (path := local_path(one)) is not None}
    if not folders:
        return None
    common = os.path.commonpath(folders)
    return None if common == str(Path(common).parent) else common


def home_of(media: Sequence[str], manifest_folder: str) -> str:
    """The folder in which a manifest of these media can name all of them by relative paths: its own, or theirs."""
    common = common_folder(media)
    if not any(local_path(one) for one in media):
        return manifest_folder
    if common is None:
        raise InputError(
            "the media have no folder in common to write the manifest in: say out=..., and media=link or copy"
        )
    return manifest_folder if os.path.commonpath([common, manifest_folder]) == manifest_folder else common


def relocate(
    entries: Sequence[Entry], store: Path, way: Way, overwrite: bool, advance: Callable[[], object] = lambda: None
) -> list[Example]:
    """The examples of the entries, their media in the folder `store` with the folders they had; all or none."""
    if way == "keep":
        kept = [entry.example for entry in entries]
        return [replace(example, media=local_path(example.media) or example.media) for example in kept]
    require_room(store, [entry.example.media for entry in entries], overwrite)
    staging = store.with_name(f".{store.name}.{os.getpid()}.part")
    root = common_folder([entry.example.media for entry in entries]) or "/"
    firsts: dict[tuple[str, float, float, int | None] | str, Entry] = {}
    for entry in entries:
        firsts.setdefault(_identity(entry), entry)

    def place(entry: Entry) -> tuple[str, float]:
        placed = _place(entry, staging, root, way)
        advance()
        return placed

    try:
        placed = dict(zip(firsts, in_threads(place, firsts.values()), strict=True))
        if store.exists():
            shutil.rmtree(store)
        staging.rename(store)
    finally:
        with suppress(FileNotFoundError):
            shutil.rmtree(staging)
    return [_moved(entry, store.absolute(), *placed[_identity(entry)]) for entry in entries]


def _moved(entry: Entry, store: Path, name: str, length: float) -> Example:
    """An entry's example with its medium in the store; an excerpt stays the same rows of its file."""
    _, rows = split_excerpt(entry.example.media)
    place = str(store / name)
    media = place if rows is None else join_excerpt(place, *rows)
    return replace(entry.example, media=media, length=length if entry.part else entry.example.length)


def require_room(store: Path, media: Sequence[str], overwrite: bool) -> None:
    """Media are not moved over themselves, nor over others unasked."""
    if not store.exists():
        return
    if not overwrite:
        raise InputError(f"{store}: it is there already: choose another out=..., or overwrite=true")
    inside = [one for one in media if (local_path(one) or "").startswith(f"{store.absolute()}/")]
    if inside:
        raise InputError(f"{inside[0]}: it would be overwritten by itself: choose another out=...")


def _identity(entry: Entry) -> tuple[str, float, float, int | None] | str:
    """Equal for examples that are the same sound of the same medium, or excerpts of one file: it is moved once."""
    media, _ = split_excerpt(entry.example.media)
    return (media, entry.start, entry.example.length, entry.channel) if entry.part else media


def _place(entry: Entry, staging: Path, root: str, way: Way) -> tuple[str, float]:
    """Put an entry's medium below `staging`; its path there, and the length of the example."""
    media, _ = split_excerpt(entry.example.media)
    path, member = local_path(media), split_member(media)
    far = os.path.normpath(f"/{media.partition('://')[2]}").lstrip("/")
    name = far if path is None else os.path.relpath(path, root)
    if member is not None:  # it becomes a file again, in a folder called as its shard was
        name = f"{Path(member.shard).stem}/{member.name}"
    target = staging / name
    try:
        if entry.part:
            folder = target.with_name(f"{target.stem}-{target.suffix[1:]}")
            return _cut_out(entry, folder / f"{entry.start:.4f}-{entry.start + entry.example.length:.4f}", staging)
        target.parent.mkdir(parents=True, exist_ok=True)
        if way == "link":
            if path is None or member is not None:
                kind = "a URL" if member is None else "a member of a shard"
                raise InputError(
                    f"{entry.where}: {entry.example.id}: {kind} cannot be linked: use media=keep or media=copy"
                )
            Path(path).stat()
            target.symlink_to(path)
        else:
            with open_medium(media) as source, target.open("xb") as copy:
                shutil.copyfileobj(source, copy, 1 << 20)
    except FileNotFoundError:
        what = f"media {media} is missing: correct the path"
    except FileExistsError:
        what = f"media {media} and another one would both become {name}: rename one"
    else:
        return name, entry.example.length
    raise InputError(f"{entry.where}: {entry.example.id}: {what}")


def _cut_out(entry: Entry, target: Path, staging: Path) -> tuple[str, float]:
    """Write the part of a medium that an entry is, without loss: FLAC for up to 24 bits a sample, else floats."""
    try:
        header = read_header(entry.example.media)
    except MediumError as error:
        raise InputError(f"{entry.where}: {entry.example.id}: {error}") from None
    first, count = round(entry.start * header.sample_rate), round(entry.example.length * header.sample_rate)
    if first + count > header.frames + _SLACK_SECONDS * header.sample_rate:
        raise InputError(
            f"{entry.where}: {entry.example.id}: it ends after its medium ({header.seconds:.3f} s): correct it"
        )
    stored = _AS_STORED.get(header.subtype)
    suffix, subtype = (".flac", "PCM_24" if stored == "int32" else "PCM_16") if stored else (".wav", "FLOAT")
    if entry.channel is not None:
        target = target.with_name(f"{target.name}-channel{entry.channel}")
    target = target.with_name(target.name + suffix)
    target.parent.mkdir(parents=True, exist_ok=True)
    with open_medium(entry.example.media) as file, soundfile.SoundFile(file) as sound:
        sound.seek(first)
        samples = sound.read(count, dtype=stored or "float32", always_2d=True)
    kept = samples if entry.channel is None else samples[:, [entry.channel]]
    with target.open("xb") as file:
        soundfile.write(file, kept, header.sample_rate, subtype=subtype, format=suffix[1:])
    return target.relative_to(staging).as_posix(), len(kept) / header.sample_rate
