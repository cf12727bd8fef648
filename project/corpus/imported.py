"""Recordings of others, imported: checked, with the phones that should be heard in them where these are known, and
written as train, dev and test.

It does not know the folders they come from: an importer hands over entries, and what was wrong with the rest.
"""

from __future__ import annotations

import hashlib
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import orjson

from project.contract import Example, InputError
from project.corpus.folder import Folder
from project.corpus.splits import SPLITS
from project.data.foreign import Entry
from project.data.line import example_record
from project.data.media import in_threads
from project.data.relocate import complete, relocate
from project.text.phoneme import PHONES, drop_stress

Progress = Callable[[int, int], None]


class FlawError(ValueError):
    """What is wrong with an utterance: `what: remedy`."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a folder has: an example of a split, or what is wrong with it as `file:line: id: what: remedy`."""

    split: str
    entry: Entry
    problem: str = ""


def require_folder(folder: str | None, media: str) -> Path:
    """The folder that is imported; it and `media` as the user gave them are checked."""
    if folder is None:
        raise InputError("corpus: no folder is named: add corpus.folder=<where the corpus lies>")
    if media not in {"copy", "link"}:
        raise InputError(f"corpus.media is {media!r}: give copy or link")
    path = Path(folder).expanduser()
    if not path.is_dir():
        raise InputError(f"corpus.folder={folder}: there is no such folder: correct it")
    return path


def read_lines(path: Path, texts: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """`file:line` and object of each line of a JSON Lines file; `texts` are the keys that must have one."""
    if not path.is_file():
        raise InputError(f"{path}: is missing: correct corpus.folder")
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        where = f"{path}:{number}"
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise InputError(f"{where}: not JSON ({error}): restore the file") from None
        if not isinstance(record, dict):
            raise InputError(f"{where}: no JSON object: restore the file")
        for key in texts:
            if not isinstance(record.get(key), str) or not record[key]:
                raise InputError(f"{where}: `{key}` is {record.get(key)!r:.60}, no text: restore the file")
        yield where, record


def require_phones(word: str, phones: Any) -> list[str]:
    """Phones, as a list or a text, without stress; each must be one of the 39.

    >>> require_phones("bay", "B EY1")
    ['B', 'EY']
    """
    given = phones.split() if isinstance(phones, str) else phones
    if not isinstance(given, list) or not given or not all(isinstance(phone, str) for phone in given):
        raise FlawError(f"{word}: `phones` is {phones!r:.60}: give the phones that should be said")
    plain = [drop_stress(phone) for phone in given]
    for phone, written in zip(plain, given, strict=True):
        if phone not in PHONES:
            raise FlawError(f"{word}: phone {written} is none of the 39 of ARPAbet: correct it")
    return plain


def write_corpus(
    found: Sequence[Found],
    out: str,
    settings: Mapping[str, Any],
    source: Path,
    media: Literal["copy", "link"],
    progress: Progress,
) -> list[str]:
    """Writes a manifest for each split that has examples, beside copies of (or links to) recordings; their paths.

    Nothing is written if anything is wrong: all of it is told.
    """
    if Path(out).resolve().is_relative_to(source.resolve()):
        raise InputError(f"{out}: lies in the corpus that is imported: choose another out=")
    looked: list[Found] = []
    for one in in_threads(measured, found):
        looked.append(one)
        progress(len(looked), 2 * len(found))
    problems = [one.problem for one in looked if one.problem] + _repeated(looked)
    if problems:
        print("\n".join(problems), file=sys.stderr)
        raise InputError(f"{source}: {len(problems):,} problems, nothing is imported: mend them")
    names = [f"{split}.jsonl" for split in SPLITS if any(one.split == split for one in looked)]
    folder = Folder(out, {**settings, "utterances": _digest(looked, source)}, names, "audio")
    if not folder.begin():
        done = len(looked)

        def advance() -> None:
            nonlocal done
            done += 1
            progress(done, 2 * len(looked))

        entries = [one.entry for one in looked]
        examples = relocate(entries, folder.path / "audio", media, overwrite=True, advance=advance)
        home = str(folder.path.absolute())
        lines: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
        for one, example in zip(looked, examples, strict=True):
            lines[f"{one.split}.jsonl"].append(example_record(example, home))
        folder.finish(lines)
    return folder.manifests


def measured(one: Found) -> Found:
    """The same with the length that its recording has, or what is wrong with that."""
    if one.problem:
        return one
    try:
        return replace(one, entry=complete(one.entry))
    except InputError as error:
        return replace(one, problem=str(error))


def _repeated(found: Sequence[Found]) -> list[str]:
    first: dict[str, str] = {}
    problems = []
    for one in found:
        where = first.setdefault(one.entry.example.id, one.entry.where)
        if where != one.entry.where:
            problems.append(f"{one.entry.where}: {one.entry.example.id}: the id stands in {where} too: take one away")
    return problems


def _digest(found: Sequence[Found], source: Path) -> str:
    """Other utterances, labels or lengths make another corpus, wherever its folder lies."""
    content = [
        {**asdict(one.entry.example), "media": os.path.relpath(one.entry.example.media, source), "split": one.split}
        for one in found
    ]
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def check_parts(parts: Mapping[str, str | Sequence[str]]) -> dict[str, list[str]]:
    """Split -> names of the published parts that it is made of; a split of none is left out.

    >>> check_parts({"train": ["train-clean-100"], "dev": [], "test": "test-clean"})
    {'train': ['train-clean-100'], 'test': ['test-clean']}
    """
    lists = {split: [names] if isinstance(names, str) else list(names or ()) for split, names in parts.items()}
    for split, names in lists.items():
        if split not in SPLITS:
            raise InputError(f"corpus.parts has {split!r}: give parts of {', '.join(SPLITS)}")
        for name in names:
            if not isinstance(name, str) or not name or Path(name).name != name:
                raise InputError(f"corpus.parts.{split} has {name!r}, no name of a published part: correct it")
    names = [name for split in lists.values() for name in split]
    if twice := [name for name in names if names.count(name) > 1]:
        raise InputError(f"corpus.parts has {twice[0]!r} twice: name each part once")
    if not names:
        raise InputError("corpus.parts is empty: name the parts to import, as in corpus.parts.test=[test-clean]")
    return {split: lists[split] for split in SPLITS if lists.get(split)}


def read_rows(path: Path) -> Iterator[tuple[str, str | None]]:
    """`file:line` and text of each line that is not empty; None for one that is not UTF-8."""
    for number, line in enumerate(path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if line.strip():
            try:
                text: str | None = line.decode().rstrip("\r")
            except UnicodeDecodeError:
                text = None
            yield f"{path}:{number}", text


def utterance(split: str, where: str, example: Example) -> Found:
    """An example whose recording says how long it is."""
    return Found(split, Entry(where, example, part=None))


def flawed(where: str, name: str, what: str) -> Found:
    """A line, or a recording, that makes no example: `what` is `what: remedy`."""
    nothing = Example(where, "", math.nan)  # its id is no other line's: nothing more is wrong with it
    return Found("", Entry(where, nothing), f"{where}: {name}: {what}")


def import_published(
    found: Sequence[Found],
    out: str,
    settings: Mapping[str, Any],
    folder: Path,
    media: Literal["copy", "link"],
    skip_bad: bool,
    progress: Progress,
) -> list[str]:
    """Writes a manifest for each split, and gives the manifests' paths.

    Nothing is written if anything is wrong, unless `skip_bad` leaves that out: all of it is told in both cases.
    """
    if skip_bad:
        looked = list(in_threads(measured, found))
        problems = [one.problem for one in looked if one.problem]
        found = [one for one in looked if not one.problem]
        if problems:
            print("\n".join([*problems, f"{folder}: {len(problems):,} left out"]), file=sys.stderr)
    if not found:
        raise InputError(f"{folder}: nothing in it can be imported: correct corpus.folder or corpus.parts")
    return write_corpus(found, out, settings, folder, media, progress)
