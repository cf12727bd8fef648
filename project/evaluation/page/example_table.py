"""The page's searchable table: its controls, and its rows as JSON for the script; what runs share stands there once."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from project.evaluation.comparison import Comparison
from project.evaluation.condition import names_of
from project.evaluation.example import cost, counts_words
from project.evaluation.result import Row
from project.evaluation.span_report import is_of_spans, overlap

CONTROLS = (
    "<div class=controls role=search aria-label='Find examples'><label>Run <select id=run>{options}</select></label>"
    "<label>Search <input id=search type=search placeholder='id, group or text'></label>"
    "<label id=grouped hidden>Group <select id=group></select></label>"
    "<label id=conditioned hidden>Condition <select id=condition></select></label>"
    "<label id=kinds hidden>is <select id=kind></select></label>"
    "<span id=bounds hidden><label>from <input id=least type=number step=any></label> "
    "<label>to <input id=most type=number step=any></label></span>"
    "<label><input id=wrong type=checkbox> only with errors</label>"
    "<button id=clear type=button hidden>Clear</button></div>"
)
TABLE = (
    "<p class=note><output id=count></output></p>"
    "<div class=scroll><table id=table class=examples><caption class=unseen>Examples and what was recognized</caption>"
    "<thead></thead><tbody></tbody></table></div>"
    "<div class='controls paging' id=paging hidden><button id=back type=button>Previous</button>"
    "<span id=page></span><button id=next type=button>Next</button>"
    "<label>Rows <select id=size><option>25</option><option>100</option><option>400</option></select></label></div>"
    "<noscript><p>This table needs JavaScript; predictions.csv of each report holds all rows.</p></noscript>"
)
MAX_SHOWN = 20_000  # rows, all runs together; the rest stands in predictions.csv


def examples_section(comparison: Comparison, shown: Sequence[int]) -> str:
    """Controls, an empty table, and the rows that the script fills it with."""
    options = "".join(f"<option value={place}>{escape(comparison.labels[n])}</option>" for place, n in enumerate(shown))
    return CONTROLS.format(options=options) + (
        f'{TABLE}<script type="application/json" id=data>{table_data(comparison, shown)}</script>'
    )


def table_data(comparison: Comparison, positions: Sequence[int]) -> str:
    """Examples (id, group, length, reference, conditions) and, run by run, what was made of them."""
    limit = max(1, MAX_SHOWN // len(positions))
    baseline = None if comparison.baseline is None else comparison.reports[comparison.baseline]
    costs = {} if baseline is None else {row.id: cost(baseline, row) for row in baseline.rows}
    conditions = [name for name in names_of(comparison, positions) if name != "group"]
    places: dict[Any, int] = {}
    runs: list[dict[str, Any]] = []
    for n in positions:
        report = comparison.reports[n]
        by_spans = is_of_spans(report)
        errors = {row.id: cost(report, row) for row in report.rows}
        rows = sorted(report.rows, key=lambda row: -errors[row.id])[:limit]
        runs.append(
            {
                "label": comparison.labels[n],
                "total": len(report.rows),
                "words": counts_words(report),
                "spans": by_spans,
                "changes": baseline is not None and report is not baseline,
                "rows": [
                    [
                        *_row(row, errors[row.id], costs, _place(places, row, conditions)),
                        *([round(overlap(row), 3)] if by_spans else []),
                    ]
                    for row in rows
                ],
            }
        )
    unit = str(comparison.reports[positions[0]].info.get("length_unit", ""))
    return script_json(
        {"conditions": conditions, "unit": unit, "examples": [list(one) for one in places], "runs": runs}
    )


def script_json(value: Any) -> str:
    """JSON that can stand in a script element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _place(places: dict[Any, int], row: Row, conditions: Sequence[str]) -> int:
    """Where an example stands in the list that all runs share."""
    known = (row.meta.get(name) for name in conditions)
    example = (row.id, row.group or "", round(row.length, 3), row.reference, *known)
    return places.setdefault(example, len(places))


def _row(row: Row, errors: float, costs: Mapping[str, float], place: int) -> list[Any]:
    change = errors - costs[row.id] if row.id in costs else None
    return [place, row.hypothesis, errors, change, row.score if math.isfinite(row.score) else None]
