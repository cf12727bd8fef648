"""Tables of all compared runs as CSV, for people who plot; they stand in a folder beside the page.

`combined_with_preds.csv` has a line for each example of each run. Its header:

    run                          the label that the report gives it
    <setting> ...                what differs between the runs' configurations, such as weighting.mask and seed
    id, group, length            which example, whose, and how long (as the manifest counts)
    meta.<name> ...              what else the manifest says of it
    reference, hypothesis        as scored
    errors                       counted by the primary figure, or hits that are missing
    <figure>                     the primary figure of this example alone; empty where its reference is

`loss_trace.csv` has a line for each value of a loss, of a term raw and weighted, or of a dev figure. Its header:

    run, <setting> ...           as above
    step, epoch, name, value     as in the runs' metrics.csv

`test_matrix.csv` has a line for each run. Its header:

    run, date, command           as above, when it was evaluated, and what it was started with
    dataset, steps               what it learned from, and optimizer updates
    learning_rate, targets       and what of the model learned
    manifest, metric             what was scored, and the primary figure
    baseline, tuned, low, high   the baseline's figure, this run's and its 95 % interval; empty for the baseline itself
    notes                        coverage if not full, and what the diagnosis found
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from project import atomic
from project.evaluation.comparison import Comparison
from project.evaluation.example import cost
from project.evaluation.matrix import Entry, csv_rows
from project.evaluation.result import META, Report, Row
from project.evaluation.sweep import ABSENT, Settings, setting_text, varying

PREDICTIONS, TRACE, MATRIX = "combined_with_preds.csv", "loss_trace.csv", "test_matrix.csv"
Scalar = tuple[str, str, str, str]  # step, epoch, name, value, as metrics.csv has them
NOT_LOSSES = ("lr", "learning_rate")


def write_predictions(folder: Path, comparison: Comparison, settings: Sequence[Settings]) -> Path:
    """One line for each example of each run."""
    names = varying(settings)
    meta = list(dict.fromkeys(name for report in comparison.reports for row in report.rows for name in row.meta))
    head = ["run", *names, "id", "group", "length", *(f"{META}{name}" for name in meta)]

    def lines() -> Iterable[Sequence[Any]]:
        yield [*head, "reference", "hypothesis", "errors", comparison.primary]
        for label, report, own in zip(comparison.labels, comparison.reports, settings, strict=True):
            first = [label, *_texts(names, own)]
            for row in report.rows:
                known = [row.meta.get(name, "") for name in meta]
                texts = [row.reference, row.hypothesis]
                yield [*first, row.id, row.group or "", f"{row.length:g}", *known, *texts, *_figures(report, row)]

    return _write(folder / PREDICTIONS, lines())


def write_trace(
    folder: Path, comparison: Comparison, settings: Sequence[Settings], scalars: Mapping[str, Iterable[Scalar]]
) -> Path:
    """Losses and dev figures of each run over training; `scalars` by run's name, a run evaluated twice comes once."""
    names = varying(settings)
    places = {report.run: n for n, report in reversed(list(enumerate(comparison.reports)))}

    def lines() -> Iterable[Sequence[Any]]:
        yield ["run", *names, "step", "epoch", "name", "value"]
        for run, n in sorted(places.items(), key=lambda item: item[1]):
            first = [run, *_texts(names, settings[n])]
            for scalar in scalars.get(run, ()):
                if is_traced(scalar[2]):
                    yield [*first, *scalar]

    return _write(folder / TRACE, lines())


def write_matrix(folder: Path, entries: Sequence[Entry]) -> Path:
    """One line for each run."""
    return _write(folder / MATRIX, csv_rows(entries))


def is_traced(name: str) -> bool:
    """Whether a scalar is a loss, a term of one or a dev figure.

    >>> [is_traced(name) for name in ("train/ctc/weighted", "dev/cer", "train/lr", "train/ctc/share")]
    [True, True, False, False]
    """
    phase, _, rest = name.partition("/")
    return phase == "dev" or (
        phase == "train" and rest not in NOT_LOSSES and rest.partition("/")[2] in ("", "weighted")
    )


def _figures(report: Report, row: Row) -> tuple[str, str]:
    measure = report.measures.get(report.primary)
    if measure is None or not measure.is_ratio:
        return "", ""
    above, below = (counts[0] for counts in measure.counts([row]))
    return f"{cost(report, row):g}", f"{above / below:.6g}" if below else ""


def _texts(names: Sequence[str], settings: Settings) -> list[str]:
    return [setting_text(settings.get(name, ABSENT)) for name in names]


def _write(path: Path, lines: Iterable[Sequence[Any]]) -> Path:
    with atomic.writing(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        csv.writer(text, lineterminator="\n").writerows(lines)
        text.detach()  # flushes, and leaves the file open to whoever opened it
    return path
