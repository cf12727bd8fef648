"""The page's worst examples: each with its medium to listen to or look at, and its alignment in colour.

Of spans both sides stand as they are written, and a window of bars as candles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from html import escape
from typing import Any

from project.evaluation.comparison import Comparison
from project.evaluation.example import alignment_html, cost, counts_words, spans_html, worst
from project.evaluation.grid import typeset
from project.evaluation.page.body import LINES, bodies, is_body
from project.evaluation.page.candles import candles_svg, is_window, windows
from project.evaluation.page.embedded import Embedded
from project.evaluation.page.example_table import script_json
from project.evaluation.page.markup import swatches
from project.evaluation.page.sound import sounds
from project.evaluation.result import Report, Row
from project.evaluation.span_report import is_of_spans, overlap

MAX_MEDIA, LEAST_MEDIA = 24, 6  # of all runs together, and of each run at least, its worst
LEGEND = (
    "<p class=note>Above the reference, below what was recognized: <span class=alignment>"
    "<span class=s>substituted</span> <span class=d>left out</span> <span class=i>put in</span></span></p>"
)
SPANS = (
    "<p class=key><span class=note>Those that overlap least come first.</span>"
    '<span><span class=swatch style="background:var(--series-0)"></span>wanted</span>'
    '<span><span class=swatch style="background:var(--series-1)"></span>recognized, and below the candles the '
    "probability of lying inside</span></p>"
)
HANDS = (
    "<p class=key><span class=note>Signers as they were detected:</span>"
    '<span><span class=swatch style="background:var(--series-0)"></span>their right hand</span>'
    '<span><span class=swatch style="background:var(--series-1)"></span>their left hand</span></p>'
)


class Media:
    """What can be heard and seen of the worst examples."""

    def __init__(self) -> None:
        self.sounds, self.bodies, self.windows = sounds(), bodies(), windows()

    def __bool__(self) -> bool:
        return bool(self.sounds.made or self.bodies.made or self.windows.made)

    def lack(self, row: Row) -> str:
        """Why an example cannot be heard or seen; empty if it can."""
        place = self._place(row)
        if isinstance(place, int):
            return ""
        is_picture = is_body(row.location) or is_window(row.location)
        return f"{'No picture' if is_picture else 'No sound'}: {escape(place)}."

    def html(self, row: Row) -> str:
        """An example's player, or a line that says why there is none."""
        place, name = self._place(row), escape(row.id)
        if isinstance(place, str):
            return f"<p class=silent>{self.lack(row)}</p>"
        if is_window(row.location):
            return f"<div class=scroll>{candles_svg(self.windows.made[place], row)}</div>"
        if is_body(row.location):
            return f'<div class=player data-body={place} data-name="{name}">{self.bodies.made[place].poses}</div>'
        bare = "<noscript>Listening needs JavaScript.</noscript>"
        return f'<div class=player data-clip={place} data-name="{name}">{bare}</div>'

    def _place(self, row: Row) -> int | str:
        shelf: Embedded[Any] = self.windows if is_window(row.location) else self.sounds
        return (self.bodies if is_body(row.location) else shelf).place(row.location)

    def data(self) -> str:
        """What the page's script plays, in script elements."""
        clips = [asdict(clip) for clip in self.sounds.made]
        figures = {"lines": LINES if self.bodies.made else {}, "bodies": [one.to_json() for one in self.bodies.made]}
        return "".join(
            f'<script type="application/json" id={name}>{script_json(value)}</script>'
            for name, value in (("clips", clips), ("bodies", figures))
        )


def worst_section(comparison: Comparison, shown: Sequence[int]) -> str:
    """The shown runs' worst examples, those of the first run open; media stand in script elements at the end."""
    rows = {n: worst(comparison.reports[n]) for n in shown}
    media, chosen = Media(), _chosen(rows)
    reasons = [media.lack(row) for row in chosen.values()]
    note = HANDS if media.bodies.made else ""
    if chosen and not media:  # said once, not under each example
        note, chosen = f"<p class=note>{reasons[0]}</p>", {}
    dots, parts = swatches(comparison), []
    for n in shown:
        report = comparison.reports[n]
        items = "".join(_item(report, row, media.html(row) if row.location in chosen else "") for row in rows[n])
        state = " open" if n == shown[0] else ""
        parts.append(
            f"<details{state}><summary>{dots[n]}{escape(comparison.labels[n])}</summary>"
            f"<ol class=worst>{items or '<li><p>No errors at all.</p></li>'}</ol></details>"
        )
    legend = SPANS if is_of_spans(comparison.reports[0]) else LEGEND
    return f"{legend}{note}{''.join(parts)}{media.data()}"


def _chosen(rows: Mapping[int, Sequence[Row]]) -> dict[str, Row]:
    """The examples whose media are shown, by medium; the worst of all runs first, in case room runs out."""
    limit = max(LEAST_MEDIA, MAX_MEDIA // len(rows))
    ordered = [its[place] for place in range(limit) for its in rows.values() if place < len(its)]
    found: dict[str, Row] = {}
    for row in ordered:
        found.setdefault(row.location, row)
    return found


def _item(report: Report, row: Row, player: str) -> str:
    by_spans = is_of_spans(report)
    text = spans_html(row) if by_spans else alignment_html(row.reference, row.hypothesis, counts_words(report))
    where = f"<p class=where>{escape(row.location)}</p>" if row.location else ""
    return (
        f"<li><div><p class=meta><b>{escape(row.id)}</b>{typeset(_facts(report, row))}</p>"
        f"{text}{where}</div>{player}</li>"
    )


def _facts(report: Report, row: Row) -> str:
    errors = cost(report, row)
    facts = [f"{errors:g} error{'s' if errors != 1 else ''}"]
    if is_of_spans(report):
        facts = [f"overlap {overlap(row):.2f}"]
    facts += [f"length {row.length:.4g} {report.info.get('length_unit', '')}".strip(), row.group or ""]
    facts += [f"{name} {value if isinstance(value, str) else f'{value:.4g}'}" for name, value in row.meta.items()]
    whole = (fact.replace(" ", "\u00a0") for fact in [*facts, f"score {row.score:.2f}"] if fact)  # lines break between
    return "".join(f" · {fact}" for fact in whole)
