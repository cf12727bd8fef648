"""What a benchmark found: a table with its title, and what is to be known to read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of plain values under named columns. It does not know how it is shown."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        assert all(len(row) == len(self.columns) for row in self.rows), "a row needs a value for every column"

    def to_json(self) -> dict[str, Any]:
        """Plain data, for a JSON file.

        >>> Table("speed", ("batch", "ms"), ((8, 1.5),)).to_json()
        {'title': 'speed', 'columns': ['batch', 'ms'], 'rows': [[8, 1.5]], 'notes': []}
        """
        return {
            "title": self.title,
            "columns": list(self.columns),
            "rows": [list(row) for row in self.rows],
            "notes": list(self.notes),
        }
