"""The page of a fusion: what came of each level, its figure by alpha, and why frames may be the wrong place to mix."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from project import atomic
from project.evaluation.comparison import Comparison, compare
from project.evaluation.fusion_sweep import Outcome, Pair
from project.evaluation.fusion_table import alpha_grid, outcome_grid, sentences, spike_grid
from project.evaluation.page.alpha_picture import LEVEL, alpha_panels
from project.evaluation.page.facts import protocol_section
from project.evaluation.page.frame import Section
from project.evaluation.page.markup import panel_figures, tones
from project.evaluation.page.opening import opening
from project.evaluation.page.page import page_html
from project.evaluation.page.section import confusion_section, result_section
from project.evaluation.spikes import Spikes
from project.evaluation.verdict import Verdict

CURVE_NOTE = (
    "<p class=note>Dashed lines: the members as they were evaluated. The large dot is the alpha that was chosen, here "
    "on dev; test was looked at once, with it. The ends are the members by the fusion's own search: frame by frame "
    "decoded greedily; of whole answers, each choosing alone among the answers of both. A fusion is measured against "
    "the better member, by whichever of both searches is the better one on dev.</p>"
)


def write_page(
    path: Path,
    members: Pair,
    outcomes: Sequence[Outcome],
    found: Spikes | None,
    notes: Sequence[str],
    allow: Sequence[str],
) -> Path:
    """Writes the page, whole or not at all, and returns where it is."""
    names = (members[0].run, members[1].run)
    comparison = _comparison(members, outcomes, allow)
    warnings = [Verdict("warning", note) for note in (*comparison.head, *notes)]
    top = opening([], [*sentences(outcomes, names), *warnings], [])
    sections: list[Section] = [
        ("fusion", "Fusion on test", outcome_grid(outcomes, names).html()),
        ("alpha", "By alpha", _curves(outcomes, names)),
        ("spikes", "Where both peak", spike_grid(found, names).html() if found else ""),
        ("answers", "Answers", result_section(comparison) if len(comparison.reports) > 2 else ""),
        ("confusion", "Confusion of symbols", confusion_section(comparison)),
        ("protocol", "Protocol", protocol_section(comparison)),
    ]
    title = f"Fusion of {names[0]} and {names[1]}"
    atomic.write(path, page_html(comparison, title, top, [section for section in sections if section[2]]))
    return path


def _comparison(members: Pair, outcomes: Sequence[Outcome], allow: Sequence[str]) -> Comparison:
    """The members and all fusions that have answers of their own, against the better member."""
    own = [one for one in outcomes if one.report is not None]
    reports = [*members, *(one.report for one in own if one.report is not None)]
    baseline = members[own[0].member if own else outcomes[0].member]
    return compare(reports, baseline, [*allow, "alphabet_hash"])


def _curves(outcomes: Sequence[Outcome], names: tuple[str, str]) -> str:
    key = tones({names[0]: 0, names[1]: 1, "fusion": LEVEL})
    tables = "".join(
        f"<details><summary>{escape(one.level)}: each alpha</summary>{alpha_grid(one, names).html()}</details>"
        for one in outcomes
    )
    return f"{key}{panel_figures(alpha_panels(outcomes))}{CURVE_NOTE}{tables}"
