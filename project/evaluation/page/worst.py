"""The page's worst examples: each with its recording to look at and listen to, and its alignment in colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from html import escape

from project.evaluation.comparison import Comparison
from project.evaluation.example import alignment_html, counts_words, shortfall, worst
from project.evaluation.grid import typeset
from project.evaluation.page.example_table import script_json
from project.evaluation.page.markup import swatches
from project.evaluation.page.sound import Clips
from project.evaluation.result import Report, Row

MAX_SOUNDS, LEAST_SOUNDS = 24, 6  # of all runs together, and of each run at least, its worst
LEGEND = (
    "<p class=note>Above the reference, below what was recognized: <span class=alignment>"
    "<span class=s>substituted</span> <span class=d>left out</span> <span class=i>put in</span></span></p>"
)


def worst_section(comparison: Comparison, shown: Sequence[int]) -> str:
    """The shown runs' worst examples, those of the first run open; recordings stand in a script element at the end."""
    rows = {n: worst(comparison.reports[n]) for n in shown}
    clips = Clips()
    places = _placed(clips, rows)
    note = ""
    if places and not clips.clips:  # said once, not under each example
        note = f"<p class=note>Nothing to listen to: {escape(str(next(iter(places.values()))))}.</p>"
        places = {}
    dots, parts = swatches(comparison), []
    for n in shown:
        report = comparison.reports[n]
        by_word = counts_words(report)
        items = "".join(_item(report, row, by_word, places.get(row.location)) for row in rows[n])
        state = " open" if n == shown[0] else ""
        parts.append(
            f"<details{state}><summary>{dots[n]}{escape(comparison.labels[n])}</summary>"
            f"<ol class=worst>{items or '<li><p>No errors at all.</p></li>'}</ol></details>"
        )
    data = script_json([asdict(clip) for clip in clips.clips])
    return f'{LEGEND}{note}{"".join(parts)}<script type="application/json" id=clips>{data}</script>'


def _placed(clips: Clips, rows: Mapping[int, Sequence[Row]]) -> dict[str, int | str]:
    """Medium -> its place among the clips or why it has none; the worst of all runs first, in case room runs out."""
    limit = max(LEAST_SOUNDS, MAX_SOUNDS // len(rows))
    ordered = [found[place].location for place in range(limit) for found in rows.values() if place < len(found)]
    return {media: clips.place(media) for media in dict.fromkeys(ordered)}


def _item(report: Report, row: Row, by_word: bool, place: int | str | None) -> str:
    sound = ""
    if isinstance(place, int):
        sound = (
            f'<div class=player data-clip={place} data-name="{escape(row.id)}">'
            "<noscript>Listening needs JavaScript.</noscript></div>"
        )
    elif place is not None:
        sound = f"<p class=silent>No sound: {escape(place)}.</p>"
    where = f"<p class=where>{escape(row.location)}</p>" if row.location else ""
    return (
        f"<li><div><p class=meta><b>{escape(row.id)}</b>{typeset(_facts(report, row))}</p>"
        f"{alignment_html(row.reference, row.hypothesis, by_word)}{where}</div>{sound}</li>"
    )


def _facts(report: Report, row: Row) -> str:
    errors = shortfall(report, row)
    facts = [f"{errors:g} error{'s' if errors != 1 else ''}"]
    facts += [f"length {row.length:.4g} {report.info.get('length_unit', '')}".strip(), row.group or ""]
    facts += [f"{name} {value if isinstance(value, str) else f'{value:.4g}'}" for name, value in row.meta.items()]
    whole = (fact.replace(" ", "\u00a0") for fact in [*facts, f"score {row.score:.2f}"] if fact)  # lines break between
    return "".join(f" · {fact}" for fact in whole)
