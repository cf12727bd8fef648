"""The benchmark of data, at its smallest: what it compares is comparable."""

from __future__ import annotations

from pathlib import Path

import pytest

from project.benchmark import noise_corpus
from project.benchmark.pipeline import Pipeline, ours, timed, usual


def test_both_ways_give_all_recordings(tmp_path: Path) -> None:
    manifest = noise_corpus.make(tmp_path, 40, (0.2, 2.0))
    found = {way.__name__: list(way(manifest, 0)()) for way in (ours, usual)}
    assert {name: sum(examples for examples, *_ in sizes) for name, sizes in found.items()} == {"ours": 40, "usual": 40}
    assert len({sum(real for _, real, _ in sizes) for sizes in found.values()}) == 1
    assert all(padded >= real for sizes in found.values() for _, real, padded in sizes)
    assert timed([(1, 3, 4), (1, 3, 4)])[1] == pytest.approx(0.25)


def test_the_data_table() -> None:
    table = Pipeline(clips=8, rounds=1, workers=0).run()
    assert [row[:2] for row in table.rows] == [("usual", 0), ("scansion", 0), ("scansion, data.cache", 0)]
    assert table.rows[0][-1] == 1.0
    assert all(row[2] > 0 for row in table.rows)
