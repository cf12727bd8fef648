"""The test matrix: a line for each run, of what was trained with what, and what came of it.

It reads no files: what a run was comes as settings, and what became of it as its Report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from project.contract import Finding
from project.evaluation.comparison import Comparison
from project.evaluation.grid import Grid
from project.evaluation.result import Report
from project.evaluation.run_view import RunView
from project.evaluation.sweep import setting_text
from project.evaluation.verdict import figure_text, is_percent, number_text, title_of

MAX_ROWS = 20  # in a terminal
WIDE = ("command",)  # columns that a terminal has no room for
ADAPTED = ("targets", "target_modules", "preset")  # keys of an adapter that say what it changes
Settings = Mapping[str, Any]
Findings = Mapping[str, Sequence[Finding]]  # by run's name


@dataclass(frozen=True, slots=True)
class Entry:
    """One run in the test matrix; figures as numbers, None where there is none."""

    run: str
    date: str  # of its evaluation
    command: str
    dataset: str  # that it learned from
    steps: int | None  # optimizer updates
    learning_rate: str
    targets: str  # what learned: all, nothing, or what an adapter changes
    manifest: str  # that was scored
    metric: str
    baseline: float | None
    tuned: float | None  # its own figure; None for the baseline itself
    low: float | None  # its 95 % interval
    high: float | None
    notes: str


def entries(comparison: Comparison, views: Sequence[RunView], findings: Findings) -> list[Entry]:
    """A line for each Report, in the order that they were given."""
    name = comparison.primary
    base = None if comparison.baseline is None else comparison.reports[comparison.baseline]
    made = []
    for label, report, view in zip(comparison.labels, comparison.reports, views, strict=True):
        settings, steps = view.settings, steps_of(view)
        low, high = report.intervals.get(name, (None, None))
        made.append(
            Entry(
                run=label,
                date=report.created[:10],
                command=" ".join(view.command.split()),
                dataset=dataset_of(settings),
                steps=steps,
                learning_rate=setting_text(settings.get("optimizer.lr", "")) if steps else "",
                targets=targets_of(settings, report) if steps else "nothing",
                manifest=manifest_of(report),
                metric=name,
                baseline=None if base is None else base.metrics[name],
                tuned=None if report is base else report.metrics[name],
                low=None if report is base else low,
                high=None if report is base else high,
                notes="; ".join(_notes(report, findings.get(report.run, ()))),
            )
        )
    return made


def matrix(comparison: Comparison, made: Sequence[Entry]) -> Grid:
    """The whole matrix, for the page and for Markdown."""
    title = title_of(comparison.primary)
    heads = ["run", "date", "command", "learned from", "steps", "learning rate", "targets", "manifest"]
    heads += [f"{title} baseline", f"{title} tuned [95 %]", "notes"]
    rows = [_texts(entry, report) for entry, report in zip(made, comparison.reports, strict=True)]
    return Grid("Test matrix", tuple(heads), tuple(rows))


def narrow(grid: Grid) -> Grid:
    """The same for a terminal: what is equal in all runs said once below, a single run as a list."""
    if len(grid.rows) == 1:
        pairs = zip(grid.headings[1:], grid.rows[0][1:], strict=True)
        return Grid(grid.title, ("run", grid.rows[0][0]), tuple((head, text) for head, text in pairs if text != "-"))
    columns = dict(zip(grid.headings, zip(*grid.rows, strict=True), strict=True))
    equal = {head: texts[0] for head, texts in columns.items() if len(set(texts)) == 1 and head not in WIDE}
    kept = [head for head in grid.headings if head not in equal and head not in WIDE]
    rows = tuple(zip(*(columns[head] for head in kept), strict=True))
    said = "; ".join(f"{head} {text}" for head, text in equal.items() if text != "-")
    notes = [f"In all runs: {said}"] if said else []
    if len(rows) > MAX_ROWS:
        notes.append(f"{len(rows) - MAX_ROWS:,} more rows stand on the page and in its CSV table")
    return Grid(grid.title, tuple(kept), rows[:MAX_ROWS], tuple(notes))


def csv_rows(made: Sequence[Entry]) -> list[list[str]]:
    """The matrix as rows of a CSV table, its header first; figures are plain numbers."""
    names = [field.name for field in fields(Entry)]
    rows = [[getattr(entry, name) for name in names] for entry in made]
    return [names, *([_cell(value) for value in row] for row in rows)]


def steps_of(view: RunView) -> int | None:
    """Optimizer updates, as far as its curves tell."""
    steps = [step for name, curve in view.curves.items() if name.startswith("train/") for step, _ in curve[-1:]]
    return max(steps, default=None)


def dataset_of(settings: Settings) -> str:
    """What a run learned from: a manifest, examples made afresh each epoch, and how much of it.

    >>> dataset_of({"data.manifest.train": "data/morse/train.jsonl", "data.batching.fraction": 0.1})
    'data/morse/train.jsonl, 10 %'
    >>> dataset_of({"data.manifest.train": None, "data.fresh._target_": "project.corpus.morse_fresh.MorseFresh"})
    'MorseFresh'
    """
    manifest, fresh = settings.get("data.manifest.train"), settings.get("data.fresh._target_")
    parts = [setting_text(manifest)] if manifest else []
    if fresh:
        parts.append(str(fresh).rsplit(".", 1)[-1])
    fraction = settings.get("data.batching.fraction", 1.0)
    share = f", {100 * fraction:g} %" if isinstance(fraction, int | float) and fraction != 1 else ""
    return " + ".join(parts) + share if parts else "-"


def targets_of(settings: Settings, report: Report) -> str:
    """What of the model learned: all of it, or what an adapter changes."""
    named = [value for key, value in settings.items() if "adapter" in key and key.rsplit(".", 1)[-1] in ADAPTED]
    if named:
        return ", ".join(setting_text(value) for value in named)
    adapter = report.protocol.adapter
    return "all" if adapter == "none" else ", ".join(map(str, adapter))


def manifest_of(report: Report) -> str:
    """What was scored: the file as evaluate was told, or the hash of its content."""
    named = report.info.get("manifest")
    names = [named] if isinstance(named, str) else list(named or ())
    return ", ".join(map(str, names)) or report.protocol.manifest_hash[:12]


def _notes(report: Report, findings: Sequence[Finding]) -> list[str]:
    notes = [] if report.protocol.is_complete else [report.protocol.coverage]
    checkpoint = report.info.get("checkpoint", "best")
    notes += [] if checkpoint == "best" else [f"{checkpoint} checkpoint"]
    checks = dict.fromkeys(finding.check for finding in findings)
    return [*notes, *(check.replace("_", " ") for check in checks)]


def _texts(entry: Entry, report: Report) -> tuple[str, ...]:
    percent = is_percent(report, entry.metric)
    unit = " %" if percent else ""
    baseline = "" if entry.baseline is None else f"{number_text(entry.baseline, percent)}{unit}"
    tuned = "" if entry.tuned is None else figure_text(report, entry.metric)
    steps = "" if entry.steps is None else f"{entry.steps:,}"
    what = (entry.command, entry.dataset, steps, entry.learning_rate, entry.targets, entry.manifest)
    return tuple(text or "-" for text in (entry.run, entry.date, *what, baseline, tuned, entry.notes))


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
