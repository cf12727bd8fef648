"""Tables from files: CSV, with whatever sign separates its cells, or Parquet, read with pyarrow, an optional extra.

It does not know what columns mean: cells of CSV are texts.
"""

from __future__ import annotations

import csv
import importlib
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from project.contract import InputError

SUFFIXES = frozenset({".csv", ".tsv", ".txt", ".parquet"})


class Table(NamedTuple):
    """The columns of a file that were asked for, the names of all that it has, and where a row stands, to be told."""

    columns: Mapping[str, Sequence[Any] | NDArray[Any]]
    names: Sequence[str]  # lower case
    place: Callable[[int], str]


def read_table(path: Path, wanted: Collection[str]) -> Table:
    """A file whose first line, or schema, names its columns: in letters large or small, in any order."""
    table = _read_parquet(path, wanted) if path.suffix.lower() == ".parquet" else _read_text(path, wanted)
    twice = [name for name in table.columns if table.names.count(name) > 1]
    if twice:
        raise InputError(f"{path}: two columns are called {twice[0]}: rename one of them")
    return table


def _read_text(path: Path, wanted: Collection[str]) -> Table:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not readable as UTF-8 text ({error}): save it as UTF-8") from None
    reader = csv.reader(lines, delimiter=max(",;\t", key=(lines or [""])[0].count))
    names = [cell.strip().strip("<>").lower() for cell in next(reader, [])]
    rows: list[list[str]] = []
    numbers: list[int] = []
    for row in reader:
        if not any(row):
            continue
        if len(row) != len(names):
            raise InputError(
                f"{path}:{reader.line_num}: {len(row)} cells, and {len(names)} in the first line: mend the line"
            )
        rows.append(row)
        numbers.append(reader.line_num)
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    chosen = {name: column for name, column in zip(names, columns, strict=True) if name in wanted}
    return Table(chosen, names, lambda row: f"{path}:{numbers[row]}")


def _read_parquet(path: Path, wanted: Collection[str]) -> Table:
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise InputError(f"{path}: Parquet needs pyarrow: pip install pyarrow, or save the table as CSV") from None
    try:
        file = parquet.ParquetFile(path)
        chosen = [name for name in file.schema_arrow.names if name.lower() in wanted]
        table = file.read(columns=chosen)
        columns = {name.lower(): np.asarray(table.column(name).to_numpy()) for name in chosen}
    except (OSError, ValueError, KeyError) as error:  # what pyarrow raises is one of these
        raise InputError(f"{path}: no readable Parquet ({error}): replace the file or leave it out") from None
    return Table(columns, [name.lower() for name in file.schema_arrow.names], lambda row: f"{path}: row {row} from 0")
