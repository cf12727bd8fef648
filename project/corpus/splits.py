"""The three parts of a made corpus, written example by example: what is there already is not made again."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from project.contract import InputError
from project.corpus.folder import Folder

SPLITS = ("train", "dev", "test")

# From the corpus's folder, a split and a number to the manifest's line, given once the medium is on disk.
Record = Callable[[Path, str, int], dict[str, Any]]


def count_splits(num_train: int, num_dev: int, num_test: int) -> dict[str, int]:
    """Split -> number of examples; 0 leaves one out.

    >>> count_splits(0, 10, 30)
    {'train': 0, 'dev': 10, 'test': 30}
    """
    counts = dict(zip(SPLITS, (num_train, num_dev, num_test), strict=True))
    wrong = [split for split, count in counts.items() if count < 0]
    if wrong or not any(counts.values()):
        split = wrong[0] if wrong else "train"
        raise InputError(f"corpus: num_{split} is {counts[split]}: give 0 or more, and one split at least 1")
    return counts


def make_splits(
    folder: Folder, counts: Mapping[str, int], media: str, record: Record, progress: Callable[[int, int], None]
) -> list[str]:
    """Makes a corpus in its folder, its recordings in `media`, and gives the manifests' paths.

    `progress` is told how many examples of how many are there.
    """
    if folder.begin():
        return folder.manifests
    total, done = sum(counts.values()), 0
    lines: dict[str, list[dict[str, Any]]] = {f"{split}.jsonl": [] for split, count in counts.items() if count}
    for split, count in counts.items():
        (folder.path / media / split).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            lines[f"{split}.jsonl"].append(record(folder.path, split, number))
            done += 1
            progress(done, total)
    return folder.finish(lines)


def manifests_of(counts: Mapping[str, int]) -> list[str]:
    """The names of the manifests that a corpus of these counts has."""
    return [f"{split}.jsonl" for split, count in counts.items() if count]


def split_of(text: str) -> str:
    """The only split in which a text may occur: 80 % of all texts train, 10 % dev, 10 % test."""
    return {0: "dev", 1: "test"}.get(zlib.crc32(text.encode()) % 10, "train")
