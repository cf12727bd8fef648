"""TensorBoard beside metrics.csv: scalars as Lightning writes them, and a table of decoded examples at each validation.

It does not know what is trained, nor which examples are shown.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping, Sequence
from typing import Any

from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only

from project.contract import InputError

EXAMPLES = "examples"  # the table of decoded examples
LEFT_OUT = ("media", "step")  # of a row: TensorBoard plays no files, and has the step itself
MARKDOWN = re.compile(r"[\\`*_{}\[\]<>#|&~]")


class TensorBoard(TensorBoardLogger):
    """Event files in the run's folder; keys that are not named here are Lightning's."""

    def __init__(
        self, save_dir: str, name: str = "tensorboard", version: int | str | None = "", **options: Any
    ) -> None:
        if importlib.util.find_spec("tensorboard") is None:
            raise InputError("logger=tensorboard: the package is missing: pip install 'scansion[tensorboard]'")
        super().__init__(save_dir, name, version, **options)

    @rank_zero_only
    def log_examples(self, rows: Sequence[Mapping[str, Any]], step: int) -> None:
        """A table of decoded examples, among the texts."""
        self.experiment.add_text(EXAMPLES, table(rows), step)


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as a table of Markdown.

    >>> print(table([{"step": 4, "id": "a", "hypothesis": "E|T", "cer": 0.25, "media": None}]))
    | id | hypothesis | cer |
    |---|---|---|
    | a | E&#124;T | 0.25 |
    """
    columns = [name for name in (rows[0] if rows else {}) if name not in LEFT_OUT]
    body = [f"| {' | '.join(cell(row[name]) for name in columns)} |" for row in rows]
    return "\n".join([f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}", *body])


def cell(value: Any) -> str:
    """A value that stands in a table as it is, on one line.

    >>> cell(0.123456), cell(None), cell("<b> 5*3")
    ('0.1235', '', '&#60;b&#62; 5&#42;3')
    """
    text = f"{value:.4g}" if isinstance(value, float) else "" if value is None else " ".join(str(value).split())
    return MARKDOWN.sub(lambda found: f"&#{ord(found[0])};", text)
