"""The annotations of RWTH-PHOENIX-Weather: which sentences each part has, who signs them, and their glosses.

It reads the tables of 2014 (`id|folder|signer|annotation`) and of 2014 T (`name|video|start|end|speaker|orth|...`), and
knows neither pictures nor landmarks. Glosses stay as they were written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from project.contract import InputError

Split = Literal["si5", "multisigner"]
PARTS = ("train", "dev", "test")
# What the tables are called; those of 2014 T are a multisigner split too.
_NAMES = {"si5": ("{}.SI5.corpus.csv",), "multisigner": ("{}.corpus.csv", "PHOENIX-2014-T.{}.corpus.csv")}
_FORMS = (("id", "signer", "annotation"), ("name", "speaker", "orth"))  # columns of id, signer and glosses


@dataclass(frozen=True, slots=True)
class Sentence:
    """A line of a table."""

    where: str  # file:line
    id: str
    signer: str
    glosses: tuple[str, ...]


def find_tables(folder: Path, split: Split) -> tuple[dict[str, Path], list[str]]:
    """The table of each part, in the folder or where the corpus keeps it, and what is wrong if one is not there."""
    tables: dict[str, Path] = {}
    problems = []
    places = [folder, folder / "annotations/manual", *sorted(folder.glob("*/annotations/manual"))]
    for part in PARTS:
        names = [name.format(part) for name in _NAMES[split]]
        found = [path for place in places for name in names if (path := place / name).is_file()]
        if len(found) == 1:
            tables[part] = found[0]
        elif found:
            twice = " and ".join(map(str, found[:2]))
            problems.append(f"{twice}: both are {part} tables: name the folder of one corpus in corpus.folder")
        else:
            problems.append(
                f"{folder}: no {' or '.join(names)} in it, nor in annotations/manual: correct corpus.folder or .split"
            )
    return tables, problems


def read_table(path: Path) -> tuple[list[Sentence], list[str]]:
    """The sentences of a table, and what is wrong with its other lines."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        return [], [f"{path}: it cannot be read as UTF-8 text, {error}: fetch it again"]
    header = lines[0].split("|") if lines else []
    form = next((form for form in _FORMS if set(form) <= set(header)), None)
    if form is None:
        wanted = " or ".join("|".join(form) for form in _FORMS)
        return [], [f"{path}:1: columns are {'|'.join(header)!r:.80}, not {wanted}: name a corpus table"]
    if len(lines) == 1:
        return [], [f"{path}: it has no sentences: fetch it again"]
    found = list(_sentences(path, lines[1:], header, form))
    return [one for one in found if isinstance(one, Sentence)], [one for one in found if isinstance(one, str)]


def _sentences(path: Path, lines: list[str], header: list[str], form: tuple[str, ...]) -> Iterator[Sentence | str]:
    for number, line in enumerate(lines, start=2):
        where = f"{path}:{number}"
        cells = line.split("|")
        if len(cells) != len(header):
            yield f"{where}: {len(cells)} cells where the header has {len(header)}: mend the line or take it out"
            continue
        name, signer, glosses = (cells[header.index(column)].strip() for column in form)
        if not name or Path(name).name != name:
            yield f"{where}: the id is {name!r}, no name of a file: correct it"
        elif not glosses:
            yield f"{where}: {name} has no glosses: take the line out"
        elif not signer:
            yield f"{where}: {name} has no signer: correct it"
        else:
            yield Sentence(where, name, signer, tuple(glosses.split()))


def require_apart(parts: dict[str, list[Sentence]]) -> list[str]:
    """What is wrong with ids: each may stand once in all parts."""
    first: dict[str, str] = {}
    problems = []
    for sentence in (sentence for sentences in parts.values() for sentence in sentences):
        known = first.setdefault(sentence.id, sentence.where)
        if known != sentence.where:
            problems.append(f"{sentence.where}: id {sentence.id} stands in {known} already: take one out")
    return problems


def require(folder: str | None, key: str, what: str) -> Path:
    """A folder that is there."""
    if folder is None:
        raise InputError(f"corpus: no folder of {what} is named: add corpus.{key}=<folder>")
    path = Path(folder).expanduser()
    if not path.is_dir():
        raise InputError(f"{path}: there is no such folder: correct corpus.{key}")
    return path
