"""Where excerpts of one file have rows in common: sorted intervals, all files at once, never every pair.

A window that shares bars with a training window has been seen in part. It does not know which examples may share.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from project.data.media import local_path, same_content
from project.feature.excerpt import join_excerpt, split_excerpt

Numbers = NDArray[np.int64]
NONE = -1  # number of an example that there is not
REMEDY = "split by group, a group being a block of time or an instrument, or by time with an embargo"


@dataclass(frozen=True, slots=True)
class Windows:
    """The excerpts among some media, on a line on which their files lie one behind the other, a gap between them."""

    starts_N: Numbers
    ends_N: Numbers
    examples_N: Numbers  # which of the media each is
    files: tuple[str, ...]
    begins: Numbers  # of the files on the line

    def __len__(self) -> int:
        return len(self.starts_N)

    def where(self, chosen: NDArray[np.bool_]) -> Windows:
        """Those whose media are chosen, a yes or no for each."""
        kept_N = chosen[self.examples_N]
        starts_N, ends_N, examples_N = (one[kept_N] for one in (self.starts_N, self.ends_N, self.examples_N))
        return replace(self, starts_N=starts_N, ends_N=ends_N, examples_N=examples_N)

    def name(self, start: int, end: int) -> str:
        """What a stretch of the line is called as a medium."""
        number = int(np.searchsorted(self.begins, start, side="right")) - 1
        first = int(self.begins[number])
        return join_excerpt(self.files[number], start - first, end - first)


@dataclass(frozen=True, slots=True)
class Common:
    """The stretches of a line that lie in windows of both sides, in order."""

    starts_N: Numbers
    ends_N: Numbers

    @property
    def rows(self) -> int:
        return int((self.ends_N - self.starts_N).sum())


def line_up(media: Sequence[str], alias: Mapping[str, str] | None = None) -> Windows:
    """The excerpts among media; files are the same if their paths lead to one place, or `alias` gives them one name."""
    files: dict[str, int] = {}  # as they are named -> number
    found: list[tuple[int, int, int, int]] = []
    for example, medium in enumerate(media):
        if "#" in medium:
            file, rows = split_excerpt(medium)
            if rows is not None and rows[0] < rows[1]:
                found.append((*rows, example, files.setdefault(file, len(files))))
    numbers: dict[str, int] = {}  # one name for each place -> number
    places = [(alias or {}).get(file, file) for file in files]
    same = np.array([numbers.setdefault(_canonical(place), len(numbers)) for place in places], dtype=np.int64)
    starts_N, ends_N, examples_N, files_N = np.array(found, dtype=np.int64).reshape(-1, 4).T
    files_N = same[files_N]
    lengths = np.zeros(len(numbers), dtype=np.int64)
    np.maximum.at(lengths, files_N, ends_N + 1)
    begins = np.concatenate([[0], np.cumsum(lengths)])[:-1].astype(np.int64)
    return Windows(starts_N + begins[files_N], ends_N + begins[files_N], examples_N, tuple(numbers), begins)


def same_files(media: Sequence[str]) -> dict[str, str]:
    """The files of excerpts that hold the same bytes as others, under one name; for `line_up`."""
    files = dict.fromkeys(split_excerpt(medium)[0] for medium in media if "#" in medium)
    return {file: min(group) for group in same_content(list(files)) for file in group}


def _canonical(file: str) -> str:
    path = local_path(file)
    return file if path is None else os.path.realpath(path)


def seen_by(windows: Windows, others: Windows) -> Numbers:
    """For each window the number of an example of the others that it shares rows with; NONE if there is none."""
    if not len(others):
        return np.full(len(windows), NONE, dtype=np.int64)
    order = np.argsort(others.starts_N, kind="stable")
    ends = others.ends_N[order]
    reach = np.maximum.accumulate(ends)
    farthest = np.maximum.accumulate(np.where(ends == reach, np.arange(len(ends)), 0))
    last_N = np.searchsorted(others.starts_N[order], windows.ends_N) - 1  # the last that begins before a window ends
    overlaps_N = (last_N >= 0) & (reach[last_N] > windows.starts_N)
    return np.where(overlaps_N, others.examples_N[order[farthest[last_N]]], NONE)


def common_rows(windows: Windows, others: Windows) -> Common:
    """The stretches that lie in a window and in one of the others."""
    points = np.unique(np.concatenate([windows.starts_N, windows.ends_N, others.starts_N, others.ends_N]))
    both = _open_at(points, windows) & _open_at(points, others)
    edges = np.diff(both.astype(np.int8), prepend=np.int8(0))  # all is over at the last point
    return Common(points[edges == 1], points[edges == -1])


def _open_at(points: Numbers, windows: Windows) -> NDArray[np.bool_]:
    """Whether a window has begun and not ended, for each point."""
    begun = np.searchsorted(np.sort(windows.starts_N), points, side="right")
    return np.asarray(begun > np.searchsorted(np.sort(windows.ends_N), points, side="right"))
