"""Windows of price bars with the expansions in them, from files of OHLC(V): CSV or Parquet, one an instrument."""

from __future__ import annotations

import glob
import hashlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from project.contract import InputError
from project.corpus.market.annotations import read_annotations
from project.corpus.market.blocks import Splits
from project.corpus.market.label import Rule
from project.corpus.market.market import Market
from project.corpus.market.series import read_series
from project.corpus.market.table import SUFFIXES
from project.corpus.market.windows import Windows


class Bars:
    """Series and train, dev and test manifests of windows. A file's name is its instrument's.

    Spans are found by rule, or `annotations` (.jsonl or .csv) says in which windows people see them.
    """

    def __init__(
        self,
        source: str | Sequence[str] | None = None,
        annotations: str | None = None,
        rule: Rule | None = None,
        windows: Windows | None = None,
        splits: Splits | None = None,
        seed: int = 0,
    ) -> None:
        if not source:
            raise InputError("corpus.source is missing: name files of bars, or their folder: CSV or Parquet")
        self._patterns = [source] if isinstance(source, str) else list(source)
        self._annotations = annotations
        self._market = Market(rule, windows, splits, seed)

    def make(self, out: str, progress: Callable[[int, int], None] = lambda _done, _total: None) -> list[str]:
        """Writes series and manifests into a folder, if they are not there already, and gives the manifests' paths.

        `progress` is told how many files of how many were read, and then written.
        """
        files = _files(self._patterns)
        series = {}
        for done, (name, path) in enumerate(files.items(), start=1):
            series[name] = read_series(path, self._market.fewest_bars)
            progress(done, 2 * len(files))
        annotated = None
        settings: dict[str, Any] = {"corpus": "bars@1", "annotations": None}
        if self._annotations is not None:
            annotated = read_annotations(Path(self._annotations), series, self._market.windows.bars)
            settings["annotations"] = hashlib.sha256(repr(sorted(annotated.items())).encode()).hexdigest()
        return self._market.make(
            out, settings, series, lambda done, total: progress(total + done, 2 * total), annotated
        )


def _files(patterns: Sequence[str]) -> dict[str, Path]:
    """The files that paths, folders and globs name, by the name of the instrument."""
    found: dict[str, Path] = {}
    taken: dict[str, Path] = {}  # by names in small letters: some disks tell no others apart
    for path in (path for pattern in patterns for path in _named(pattern)):
        name = path.stem
        if not re.fullmatch(r"[\w.+=^-]+", name):
            raise InputError(f"{path}: the name becomes that of an instrument: rename it to letters, digits, _ and -")
        other = taken.setdefault(name.lower(), path)
        if other != path:
            raise InputError(f"{path}: {other} is of the same name, and would be the same instrument: rename one")
        found[name] = path
    return dict(sorted(found.items()))


def _named(pattern: str) -> list[Path]:
    path = Path(pattern).expanduser()
    if path.is_file():
        return [path]
    inside = path.iterdir() if path.is_dir() else map(Path, glob.glob(str(path)))  # noqa: PTH207 - absolute ones, too
    files = sorted(file for file in inside if file.suffix.lower() in SUFFIXES and file.is_file())
    if not files:
        raise InputError(f"{pattern}: no file of bars ({' '.join(sorted(SUFFIXES))}): correct corpus.source")
    return files
