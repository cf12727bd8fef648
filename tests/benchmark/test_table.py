from __future__ import annotations

import json

import pytest

from project.benchmark.table import Table


def test_a_table_as_plain_data() -> None:
    table = Table("speed", ("way", "n"), (("x", 1000), ("y", None)), ("by turns",))
    expected = {"title": "speed", "columns": ["way", "n"], "rows": [["x", 1000], ["y", None]], "notes": ["by turns"]}
    assert json.loads(json.dumps(table.to_json())) == expected


def test_every_row_fills_every_column() -> None:
    with pytest.raises(AssertionError):
        Table("t", ("a", "b"), ((1,),))
