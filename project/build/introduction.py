"""What is said of a run: in a paragraph when it begins, in metadata.json when it is done."""

from __future__ import annotations

import logging
import math
import sys
from typing import TYPE_CHECKING, Any

from project.build.assemble import Recognizer
from project.run import Run

if TYPE_CHECKING:
    from project.build.teacher import Standing

log = logging.getLogger("scansion")

MOST_SYMBOLS = 1000  # that metadata.json lists: of a tokenizer it says how many there are


def introduce(run: Run, recognizer: Recognizer, standing: Standing | None, batches: int) -> None:
    """One paragraph at the start: what trains, on what, how big, where, and whom it learns from."""
    from project.system.size import megabytes, parameter_counts

    count, trained = parameter_counts(recognizer.system.model)
    size = megabytes(recognizer.system.model)
    frozen = "" if trained == count else f", {trained:,} of them training"
    for line in (
        f"run      {run.folder}",
        f"model    {type(recognizer.system.model).__name__}, {count:,} parameters{frozen}, {size:.2f} MB",
        f"data     {recognizer.data.told}",
        f"steps    {recognizer.steps:,}{of_batches(batches)}",
        *([standing.line] if standing else []),
    ):
        print(line, file=sys.stderr)
        log.info(line)


def of_batches(batches: int) -> str:
    """How many batches a step takes in, where that is not one.

    >>> of_batches(1), of_batches(4)
    ('', ' updates of the weights, of 4 batches each')
    """
    return f" updates of the weights, of {batches} batches each" if batches > 1 else ""


def facts(recognizer: Recognizer) -> dict[str, Any]:
    """What metadata.json says of the recognizer."""
    from project.system.size import megabytes, parameter_counts

    model, data = recognizer.system.model, recognizer.data
    count, trained = parameter_counts(model)
    symbols = list(recognizer.spelling.alphabet.symbols)
    return {
        "model": {"name": type(model).__name__, "parameters": count, "trained": trained, "megabytes": megabytes(model)},
        "examples": data.counts,
        "longest": math.ceil(1000 * float(max(data.training.lengths))) / 1000,  # in the unit of the manifest
        "symbols": symbols if len(symbols) <= MOST_SYMBOLS else len(symbols),
        "feature": dict(recognizer.feature.settings),
    }
