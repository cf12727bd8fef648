from __future__ import annotations

from project.benchmark.manifest import Manifests


def test_the_benchmark_runs() -> None:
    table = Manifests(sizes=(20, 200), repeats=2).run()
    assert [row[0] for row in table.rows] == [20] * 6 + [200] * 6
    assert all(least <= median <= most for *_, least, median, most in table.rows)
