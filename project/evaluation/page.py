"""The page: one HTML file that tells what was found, opens from disk, and asks nothing of the network."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from project import atomic
from project.evaluation.comparison import Comparison
from project.evaluation.example import alignment_html, counts_words, shortfall, table_data, worst
from project.evaluation.grid import typeset
from project.evaluation.markup import figure, key, swatches
from project.evaluation.picture import by_length, coloured, curve_panels, forest
from project.evaluation.result import Report, Row
from project.evaluation.section import condition_section, drift_section, sweep_section
from project.evaluation.sweep import loss_terms
from project.evaluation.table import cells, headings, lines
from project.evaluation.verdict import Verdict, sample_text, verdicts

MAX_VERDICTS = 8  # shown at once; the others open on demand
MARKS = {"better": "✓", "worse": "✕", "undecided": "≈", "note": "–", "warning": "!"}
Curve = list[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class RunView:
    """What the page shows of a run beside its Report."""

    name: str  # as in the Report
    folder: str
    curves: Mapping[str, Curve] = field(default_factory=dict)  # name of a scalar -> (step, value)
    environment: Mapping[str, object] = field(default_factory=dict)  # versions, hardware, code state; may be nested
    command: str = ""
    settings: Mapping[str, object] = field(default_factory=dict)  # dotted key -> value, of what can change results


def write_page(
    path: Path | str, comparison: Comparison, runs: Sequence[RunView] = (), title: str = "", by: Sequence[str] = ()
) -> Path:
    """Writes the page, whole or not at all, and returns where it is."""
    target = Path(path)
    atomic.write(target, page_html(comparison, runs, title, by))
    return target


def page_html(comparison: Comparison, runs: Sequence[RunView] = (), title: str = "", by: Sequence[str] = ()) -> str:
    """The page as text, conditions named in `by` open. Only its own script can run: a policy names it by its hash."""
    views = {view.name: view for view in runs}
    name = title or " · ".join(dict.fromkeys(comparison.labels[:3])) + (" …" if len(comparison.labels) > 3 else "")
    style, script = (Path(__file__).with_name(f"page.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:"
    colours = coloured(comparison)
    shown = [n for n in comparison.ranking() if n in colours]
    sections = [
        ("result", "Comparison" if len(comparison.reports) > 1 else "Result", _result(comparison)),
        ("sweep", "What differs", _sweep(comparison, views)),
        ("training", "Learning curves", _curves(comparison, views)),
        ("length", "Errors by length", _by_length(comparison)),
        ("conditions", "By condition", condition_section(comparison, by)),
        ("drift", "Length of hypotheses", drift_section(comparison)),
        ("worst", "Worst examples", _worst(comparison, shown)),
        ("examples", "All examples", _examples(comparison, shown)),
        ("protocol", "Protocol", _protocol(comparison)),
        ("runs", "Runs and environment", _environment(comparison, views)),
    ]
    kept = [section for section in sections if section[2]]
    links = "".join(f'<a href="#{anchor}">{escape(heading)}</a>' for anchor, heading, _ in kept)
    body = "".join(
        f'<section id="{anchor}"><h2>{escape(heading)}</h2>{part}</section>' for anchor, heading, part in kept
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(name)} – scansion report</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f"<header>{LOGO}<p class=brand>scansion report</p><h1>{escape(name)}</h1>"
        f"<p class=meta>{escape(_meta(comparison))}</p>"
        "<button id=theme type=button hidden>Light or dark</button></header>\n"
        f"<main>{_verdicts(verdicts(comparison))}<nav aria-label=Sections>{links}</nav>\n{body}</main>\n"
        f"<footer>{READING}</footer>\n<script>{script}</script>\n</body>\n</html>\n"
    )


LOGO = (
    '<svg class=logo viewBox="0 0 66 12" aria-hidden="true"><path d="M2 8h12M36 8h12M52 8h12" />'
    '<path d="M20 4q5 8 10 0" /></svg>'
)
LENGTH_CAPTION = (
    "Examples in eight parts of equal number, from short to long; bars are 95 % intervals over examples. A rise to the "
    "right is drift or truncation. Below: how many examples there are of each length."
)
LEGEND = (
    "<p class=note>Above the reference, below what was recognized: <span class=alignment>"
    "<span class=s>substituted</span> <span class=d>left out</span> <span class=i>put in</span></span></p>"
)
READING = (
    "<details><summary>How to read this page</summary><p>An <b>interval</b> holds the middle 95 % of figures reckoned "
    "again on 10,000 random redraws of the examples, or of whole groups where there are at least eight. A "
    "<b>difference</b> redraws both runs together, so what is hard for both cancels; where its interval holds 0, this "
    "manifest cannot tell the two apart. <b>S / D / I</b> count symbols taken for others, left out, and put in. Runs "
    "stand in one table only if their <b>Protocols</b> are equal, or the difference is named above.</p></details>"
)


def _meta(comparison: Comparison) -> str:
    created = max(report.created for report in comparison.reports)
    protocols = dict.fromkeys(report.protocol.hash for report in comparison.reports)
    name = "Protocol" if len(protocols) == 1 else "Protocols"
    return f"{sample_text(comparison)} · {name} {', '.join(protocols)} · {created}"


def _verdicts(found: Sequence[Verdict]) -> str:
    if len(found) > MAX_VERDICTS:
        found = sorted(found, key=lambda verdict: verdict.kind != "warning")
    items = [
        f'<li class="{verdict.kind}"><span class=mark aria-hidden=true>{MARKS[verdict.kind]}</span>'
        f"<p>{typeset(verdict.text)}<small>{typeset(verdict.evidence)}</small></p></li>"
        for verdict in found
    ]
    first, rest = (f"<ul class=verdicts>{''.join(part)}</ul>" for part in (items[:MAX_VERDICTS], items[MAX_VERDICTS:]))
    num_more = len(items) - MAX_VERDICTS
    return first + (f"<details><summary>{num_more} more</summary>{rest}</details>" if num_more > 0 else "")


def _result(comparison: Comparison) -> str:
    with_delta, dots = comparison.baseline is not None, swatches(comparison)
    heads = "".join(f"<th scope=col>{escape(text)}</th>" for text in headings(comparison))
    rows = []
    for n, line in enumerate(lines(comparison)):
        first, *others = cells(line, with_delta)
        kinds = [*[""] * (len(others) - 1), line.verdict if with_delta else ""]
        found = "".join(f'<td class="{kind}">{typeset(text)}</td>' for text, kind in zip(others, kinds, strict=True))
        rows.append(f"<tr><th scope=row>{dots[n]}{escape(first)}</th>{found}</tr>")
    head, body = f"<thead><tr>{heads}</tr></thead>", f"<tbody>{''.join(rows)}</tbody>"
    table = f"<div class=scroll><table class=figures>{head}{body}</table></div>"
    if len(rows) == 1:
        return table
    against = f"; right: the difference to the baseline, paired over {comparison.unit}s" if with_delta else ""
    return table + figure(forest(comparison), f"Points are figures, bars their 95 % intervals{against}.")


def _sweep(comparison: Comparison, views: Mapping[str, RunView]) -> str:
    own = [views.get(report.run, RunView(report.run, "")) for report in comparison.reports]
    return sweep_section(comparison, [view.settings for view in own], [loss_terms(view.curves) for view in own])


def _curves(comparison: Comparison, views: Mapping[str, RunView]) -> str:
    panels = curve_panels(comparison, {name: view.curves for name, view in views.items()})
    parts = "".join(f"<figure><figcaption>{typeset(panel.title)}</figcaption>{panel.svg}</figure>" for panel in panels)
    note = "<p class=note>Thin lines: training. Full lines: validation, a point for each.</p>"
    return f"{key(comparison)}<div class=panels>{parts}</div>{note}" if parts else ""


def _by_length(comparison: Comparison) -> str:
    picture = figure(by_length(comparison), LENGTH_CAPTION)
    return key(comparison) + picture if picture else ""


def _worst(comparison: Comparison, shown: Sequence[int]) -> str:
    dots, parts = swatches(comparison), []
    for n in shown:
        report = comparison.reports[n]
        by_word = counts_words(report)
        items = "".join(
            f"<li><p class=meta><b>{escape(row.id)}</b>{escape(_facts_of(report, row))}</p>"
            f"{alignment_html(row.reference, row.hypothesis, by_word)}</li>"
            for row in worst(report)
        )
        state = " open" if n == shown[0] else ""
        parts.append(
            f"<details{state}><summary>{dots[n]}{escape(comparison.labels[n])}</summary>"
            f"<ol class=worst>{items or '<li><p>No errors at all.</p></li>'}</ol></details>"
        )
    return LEGEND + "".join(parts)


def _facts_of(report: Report, row: Row) -> str:
    errors = shortfall(report, row)
    facts = [f"length {row.length:g} {report.info.get('length_unit', '')}".strip(), row.group or ""]
    facts += [f"{errors:g} error{'s' if errors != 1 else ''}", f"score {row.score:.2f}", row.location]
    return "".join(f" · {fact}" for fact in facts if fact)


def _examples(comparison: Comparison, shown: Sequence[int]) -> str:
    options = "".join(f"<option value={place}>{escape(comparison.labels[n])}</option>" for place, n in enumerate(shown))
    return (
        f"<div class=controls><label>Run <select id=run>{options}</select></label><label>Search "
        "<input id=search type=search placeholder='id, group or text'></label><output id=count></output></div>"
        "<div class=scroll><table id=table class=examples><thead></thead><tbody></tbody></table></div>"
        "<button id=more type=button hidden>Show more</button>"
        "<noscript><p>This table needs JavaScript; predictions.csv of each report holds all rows.</p></noscript>"
        f'<script type="application/json" id=data>{table_data(comparison, shown)}</script>'
    )


def _protocol(comparison: Comparison) -> str:
    facts = {name: [str(value)] for name, value in comparison.reports[comparison.baseline or 0].protocol.flat().items()}
    for entry in comparison.allowed:
        facts.setdefault(entry.field, [str(entry.expected)]).append(f"{entry.found} in {entry.label}")
    rows = "".join(
        f"<tr{' class=warning' if len(values) > 1 else ''}><th scope=row>{escape(name)}</th>"
        f"<td>{'<br>'.join(f'<code>{escape(value)}</code>' for value in values)}</td></tr>"
        for name, values in facts.items()
    )
    return f"<div class=scroll><table class=facts><tbody>{rows}</tbody></table></div>"


def _environment(comparison: Comparison, views: Mapping[str, RunView]) -> str:
    dots, parts = swatches(comparison), []
    for n, (label, report) in enumerate(zip(comparison.labels, comparison.reports, strict=True)):
        view = views.get(report.run, RunView(report.run, ""))
        named = {"command": view.command, "folder": view.folder, "evaluated": report.created}
        rows = "".join(
            f"<tr><th scope=row>{escape(name)}</th><td><code>{escape(str(value))}</code></td></tr>"
            for name, value in [*named.items(), *_flat("", report.info), *_flat("", view.environment)]
            if value not in ("", None)
        )
        parts.append(
            f"<details><summary>{dots[n]}{escape(label)}</summary>"
            f"<div class=scroll><table class=facts><tbody>{rows}</tbody></table></div></details>"
        )
    return "".join(parts)


def _flat(prefix: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(f"{prefix}.{key}" if prefix else str(key), item)
    else:
        yield prefix, value
