from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from project.evaluation.comparison import compare
from project.evaluation.example import cost
from project.evaluation.page.example_table import table_data
from project.evaluation.result import Report

Make = Callable[..., Report]


def test_rows_are_those_of_the_reports(make: Make) -> None:
    base, other = make("a", num_examples=30), make("</script>", 0.1, num_examples=30)
    text = table_data(compare([base, other], base), [1, 0])
    assert "<" not in text
    data = json.loads(text)
    assert data["conditions"] == ["snr_db", "hand", "wpm"]
    assert [run["label"] for run in data["runs"]] == ["</script>", "a"]
    assert [run["changes"] for run in data["runs"]] == [True, False]
    assert len(data["examples"]) == 30  # once for both runs
    theirs = {row.id: cost(base, row) for row in base.rows}
    for run, report in zip(data["runs"], (other, base), strict=True):
        rows = {row.id: row for row in report.rows}
        assert [row[2] for row in run["rows"]] == sorted((row[2] for row in run["rows"]), reverse=True)
        for place, hypothesis, errors, change, score in run["rows"]:
            name, group, length, reference, snr_db, hand, wpm = data["examples"][place]
            row = rows.pop(name)
            assert (hypothesis, score, reference, group) == (row.hypothesis, row.score, row.reference, row.group)
            assert (snr_db, hand, wpm) == tuple(row.meta.values())
            assert abs(length - row.length) < 1e-3
            assert (errors, change) == (cost(report, row), cost(report, row) - theirs[name])
        assert not rows


def test_what_no_example_says_is_nothing(make: Make) -> None:
    report = make("a", num_examples=16)
    rows = (replace(report.rows[0], meta={}, group=None, score=float("-inf")), *report.rows[1:])
    data = json.loads(table_data(compare([replace(report, rows=rows)]), [0]))
    place = next(n for n, example in enumerate(data["examples"]) if example[0] == rows[0].id)
    assert data["examples"][place][4:] == [None, None, None]
    assert data["examples"][place][1] == ""
    assert next(row for row in data["runs"][0]["rows"] if row[0] == place)[4] is None
