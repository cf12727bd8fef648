"""Which files are meant, and where their transcripts go: standard output, one file, or a file for each.

What is written to a file is there whole or not at all.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from project import atomic
from project.contract import InputError
from project.feature.excerpt import split_excerpt
from project.feature.microphone import is_microphone
from project.feature.waveform import STANDARD_INPUT, is_incoming
from project.transcript.formats import Format, named_text, text
from project.transcript.kind import SOUND, Kind
from project.transcript.transcript import Transcribed


@dataclass(frozen=True, slots=True)
class Found:
    """A file: where it is, and what its transcript is called, without suffix, in a folder of transcripts."""

    media: str
    name: str


def find(words: Sequence[str], kind: Kind = SOUND) -> tuple[list[Found], list[str]]:
    """What files, folders, globs, URLs, excerpts, `-` and `mic` name, each once; and what names nothing, a line each.

    A folder gives what the kind says; a file that is named is tried whatever it is called.
    """
    found: dict[str, Found] = {}
    problems = []
    for word in words:
        here = list(_meant(word, kind))
        if not here:
            problems.append(_nothing(word, kind))
        for one in here:
            found.setdefault(one.media, one)
    return list(found.values()), problems


def _meant(word: str, kind: Kind) -> Iterator[Found]:
    path = Path(word)
    file, rows = split_excerpt(word)
    if kind is SOUND and word == STANDARD_INPUT:
        yield Found(word, "standard-input")
    elif kind is SOUND and is_microphone(word):
        yield Found(word, "microphone")
    elif "://" in word:
        yield Found(word, Path(word.rpartition("/")[2]).stem)
    elif path.is_dir():
        files = (file for file in sorted(path.rglob("*")) if file.suffix.lower() in kind.suffixes and file.is_file())
        yield from (Found(str(file), str(file.relative_to(path).with_suffix(""))) for file in files)
    elif path.exists():
        yield Found(word, path.stem)
    elif rows is not None and Path(file).exists():
        yield Found(word, f"{Path(file).stem}-{rows[0]}-{rows[1]}")
    else:
        for match in sorted(glob.glob(word, recursive=True)):  # noqa: PTH207 - takes absolute patterns too
            yield from _meant(match, kind)


def _nothing(word: str, kind: Kind) -> str:
    if Path(word).is_dir():
        return f"{word}: no {kind.noun} in this folder ({' '.join(sorted(kind.suffixes))}): name another, or files"
    if glob.has_magic(word):
        return f"{word}: no file has such a name: correct the pattern"
    return f"{word}: there is no such file: correct the path"


Put = Callable[[Transcribed], None]


@contextmanager
def destination(out: str | None, form: Format, found: Sequence[Found]) -> Iterator[Put]:
    """Where each transcript is put. `out`: None is standard output; a folder, or a name that ends with /; a file."""
    if out is not None:
        _check(out)
    several = len(found) > 1
    write = named_text if several and form.write is text else form.write
    if out is not None and (out.endswith("/") or Path(out).is_dir()):
        yield _into(Path(out), form, found)
        return
    if several and not form.joins:
        raise InputError(f"{form.suffix[1:]} is one file for each, and there are {len(found)}: set out=<folder>/")
    if out is None:
        yield lambda transcript: print(write(transcript), end="", flush=True)
        return
    texts: list[str] = []
    yield lambda transcript: texts.append(write(transcript))
    if texts:
        Path(out).parent.mkdir(parents=True, exist_ok=True)
        atomic.write(Path(out), "".join(texts))


def _check(out: str) -> None:
    """Refuse a place that cannot be written to before any work is done."""
    there = next(path for path in (Path(out).absolute(), *Path(out).absolute().parents) if path.exists())
    if not os.access(there, os.W_OK) or (there.is_file() and there != Path(out).absolute()):
        raise InputError(f"out={out}: {there} is no place to write to: name another")


def _into(folder: Path, form: Format, found: Sequence[Found]) -> Put:
    """A file for each; two that would be the same are refused before anything is written."""
    places: dict[Path, Found] = {}
    for one in found:
        place = folder / f"{one.name}{form.suffix}"
        if place in places:
            both = f"{places[place].media} and {one.media}"
            raise InputError(f"{place}: {both} would be the same file: transcribe them one at a time")
        places[place] = one
    by_media = {one.media: place for place, one in places.items()}

    def put(transcript: Transcribed) -> None:
        place = by_media[transcript.file]
        place.parent.mkdir(parents=True, exist_ok=True)
        atomic.write(place, form.write(transcript))

    return put


def is_awaited(found: Sequence[Found]) -> bool:
    """Whether the one recording is still to come; a microphone, which may have no end, is heard alone."""
    if len(found) == 1:
        return is_incoming(found[0].media)
    for one in found:
        if is_microphone(one.media):
            raise InputError(f"{one.media}: a microphone is heard until Ctrl-C: name nothing beside it")
    return False


def is_live(live: bool | None, out: str | None, form: Format, *, usual: bool) -> bool:
    """Whether text is shown as it comes: asked for; or `usual`, and possible."""
    possible = out is None and form.write is text
    if live and not possible:
        raise InputError("live=true: only text on standard output comes bit by bit: leave out= and output= away")
    return possible and (usual if live is None else live)
