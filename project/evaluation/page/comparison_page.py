"""The page of a comparison: the runs, their figures, what differs, what was found, and the worst examples.

It puts sections in their order and knows nothing of what is in them; a section without content is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from project import atomic
from project.evaluation.comparison import Comparison
from project.evaluation.grid import Grid
from project.evaluation.hypotheses.judgement import Judgement
from project.evaluation.page.example_table import examples_section
from project.evaluation.page.facts import protocol_section, runs_section
from project.evaluation.page.findings import Findings, diagnosis_section, shared
from project.evaluation.page.frame import Section
from project.evaluation.page.opening import opening
from project.evaluation.page.page import page_html
from project.evaluation.page.picture import coloured
from project.evaluation.page.section import (
    condition_section,
    confusion_section,
    curve_section,
    drift_section,
    inside_section,
    length_section,
    matrix_section,
    result_section,
    setting_section,
    share_section,
)
from project.evaluation.page.worst import worst_section
from project.evaluation.run_view import RunView
from project.evaluation.span_report import is_of_spans
from project.evaluation.verdict import verdicts

NO_FINDINGS: Findings = {}


def write_page(
    path: Path | str,
    comparison: Comparison,
    runs: Sequence[RunView] = (),
    title: str = "",
    by: Sequence[str] = (),
    *,
    judgements: Sequence[Judgement] = (),
    matrix: Grid | None = None,
    findings: Findings = NO_FINDINGS,
) -> Path:
    """Writes the page, whole or not at all, and returns where it is.

    Conditions named in `by` are open; `findings` of the diagnosis come by run's name.
    """
    views, target = {view.name: view for view in runs}, Path(path)
    top = opening(judgements, verdicts(comparison), shared(comparison, findings))
    body = [section for section in sections(comparison, views, by, matrix, findings) if section[2]]
    atomic.write(target, page_html(comparison, title, top, body))
    return target


def sections(
    comparison: Comparison, views: Mapping[str, RunView], by: Sequence[str], matrix: Grid | None, findings: Findings
) -> list[Section]:
    """What stands below the verdicts, in the order in which one asks."""
    colours = coloured(comparison)
    shown = [n for n in comparison.ranking() if n in colours]
    checks = list(dict.fromkeys(check for view in views.values() for check in view.checks))
    return [
        ("result", "Comparison" if len(comparison.reports) > 1 else "Result", result_section(comparison)),
        ("training", "Learning curves", curve_section(comparison, views)),
        ("shares", "Shares of the loss", share_section(comparison, views)),
        ("sweep", "What differs", setting_section(comparison, views)),
        ("length", "Errors by length", length_section(comparison)),
        ("drift", "Length of hypotheses", drift_section(comparison)),
        ("conditions", "By condition", condition_section(comparison, by)),
        ("inside", "Inside and outside", inside_section(comparison)),
        (
            "confusion",
            f"Confusion of {'kinds' if is_of_spans(comparison.reports[0]) else 'symbols'}",
            confusion_section(comparison),
        ),
        ("worst", "Worst examples", worst_section(comparison, shown)),
        ("examples", "All examples", examples_section(comparison, shown)),
        ("diagnosis", "Diagnosis", diagnosis_section(comparison, findings, checks)),
        ("matrix", "Test matrix", matrix_section(matrix)),
        ("protocol", "Protocol", protocol_section(comparison)),
        ("runs", "Runs and environment", runs_section(comparison, views)),
    ]
