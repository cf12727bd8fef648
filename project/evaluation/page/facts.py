"""The page's plain facts: the Protocol that all figures stand under, and each run's command and environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape

from project.evaluation.comparison import Comparison
from project.evaluation.page.markup import swatches
from project.evaluation.run_view import RunView, view_of

MAX_RUNS = 12  # listed at once
Fact = tuple[str, object]


def protocol_section(comparison: Comparison) -> str:
    """The first run's (or the baseline's) Protocol, and where others were let differ from it."""
    facts = {name: [str(value)] for name, value in comparison.reports[comparison.baseline or 0].protocol.flat().items()}
    for entry in comparison.allowed:
        facts.setdefault(entry.field, [str(entry.expected)]).append(f"{entry.found} in {entry.label}")
    rows = "".join(
        f"<tr{' class=warning' if len(values) > 1 else ''}><th scope=row>{escape(name)}</th>"
        f"<td>{'<br>'.join(f'<code>{escape(value)}</code>' for value in values)}</td></tr>"
        for name, values in facts.items()
    )
    return _table(rows)


def runs_section(comparison: Comparison, views: Mapping[str, RunView]) -> str:
    """Each run's command, folder, evaluation and environment, opened on demand."""
    dots, parts = swatches(comparison), []
    for n, (label, report) in enumerate(zip(comparison.labels, comparison.reports, strict=True)):
        view = view_of(views, report.run)
        named: list[Fact] = [("command", view.command), ("folder", view.folder), ("evaluated", report.created)]
        facts = [*named, *_flat("", report.info), *_flat("", view.environment)]
        rows = "".join(
            f"<tr><th scope=row>{escape(name)}</th><td><code>{escape(str(value))}</code></td></tr>"
            for name, value in facts
            if value not in ("", None)
        )
        parts.append(f"<details><summary>{dots[n]}{escape(label)}</summary>{_table(rows)}</details>")
    first, rest = "".join(parts[:MAX_RUNS]), "".join(parts[MAX_RUNS:])
    return first + (f"<details><summary>{len(parts) - MAX_RUNS} more</summary>{rest}</details>" if rest else "")


def _table(rows: str) -> str:
    return f"<div class=scroll><table class=facts><tbody>{rows}</tbody></table></div>"


def _flat(prefix: str, value: object) -> Iterator[Fact]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(f"{prefix}.{key}" if prefix else str(key), item)
    else:
        yield prefix, value
