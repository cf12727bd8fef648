"""Wide tables of a run for people who plot: metrics.csv with a column for each scalar, in files by subject.

Every file begins with the columns `step` (optimizer updates so far) and `epoch`; the others are names of metrics.csv
without what all of the file have in common, empty where nothing was written at that step:

    epoch_metrics.csv      of each validation: loss, terms and every metric
    loss_components.csv    of training, a row for each record: loss, lr, and of each term <term> as it is,
                           <term>/weighted as it stands in the loss, <term>/share of the loss
    weights.csv            what each term is multiplied with; sigma of learned uncertainties, and which would be best
    probability_stats.csv  of each validation: emissions, heads, answers, skills, batch mates, adapters, lengths, fusion
    feature_stats.csv      means and spreads of features in training and validation, sizes of the data, leakage
    gradient_stats.csv     norm of the whole, of each part and relative to its weights, share of each term

What the scalars mean is told where they are measured, in project/diagnosis.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from project import atomic
from project.metrics_file import Line, lines

TABLES: Mapping[str, tuple[str, ...]] = {  # file -> beginnings of its scalars' names
    "epoch_metrics": ("dev/",),
    "loss_components": ("train/",),
    "weights": ("weight/",),
    "probability_stats": ("probability/", "head/", "text/", "skill/", "mates/", "adapter/", "length/", "fusion/"),
    "feature_stats": ("feature/", "data/", "leakage/"),
    "gradient_stats": ("gradient/",),
}


def write_tables(metrics: Path) -> list[Path]:
    """Writes the tables that have any row beside metrics.csv, each whole or not at all; their paths."""
    scalars = list(lines(metrics))
    written = []
    for name, beginnings in TABLES.items():
        found = [line for line in scalars if line[2].startswith(beginnings)]
        if found:
            target = metrics.with_name(f"{name}.csv")
            atomic.write(target, wide(found, beginnings[0] if len(beginnings) == 1 else ""))
            written.append(target)
    return written


def wide(scalars: Sequence[Line], common: str) -> str:
    """A long table as a wide one; `common` is left out at the beginning of columns' names.

    >>> print(wide([("5", "0", "dev/cer", "0.5"), ("5", "0", "dev/wer", "0.9"), ("9", "1", "dev/cer", "0.1")], "dev/"))
    step,epoch,cer,wer
    5,0,0.5,0.9
    9,1,0.1,
    <BLANKLINE>
    """
    names = list(dict.fromkeys(scalar for _, _, scalar, _ in scalars))
    rows: dict[int, dict[str, str]] = {}
    for step, epoch, scalar, value in scalars:
        rows.setdefault(int(step), {"epoch": epoch})[scalar] = value
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["step", "epoch", *(name.removeprefix(common) for name in names)])
    for number, row in sorted(rows.items()):
        writer.writerow([number, row["epoch"], *(row.get(name, "") for name in names)])
    return text.getvalue()
