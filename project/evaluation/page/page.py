"""A page: one HTML file that tells what was found, opens from disk, and asks nothing of the network.

It knows nothing of what stands in its sections.
"""

from __future__ import annotations

from collections.abc import Sequence

from project.evaluation.comparison import Comparison
from project.evaluation.page.frame import Section, frame
from project.evaluation.verdict import sample_text


def page_html(comparison: Comparison, title: str, top: str, body: Sequence[Section]) -> str:
    """The page as text."""
    name = title or " · ".join(dict.fromkeys(comparison.labels[:3])) + (" …" if len(comparison.labels) > 3 else "")
    return frame(name, _meta(comparison), top, body, READING)


READING = (
    "<details><summary>How to read this page</summary><p>An <b>interval</b> holds the middle 95 % of figures reckoned "
    "again on 10,000 random redraws of the examples, or of whole groups where there are at least eight. A "
    "<b>difference</b> redraws both runs together, so what is hard for both cancels; where its interval holds 0, this "
    "manifest cannot tell the two apart. <b>S / D / I</b> count symbols taken for others, left out, and put in. Runs "
    "stand in one table only if their <b>Protocols</b> are equal, or the difference is named above.</p></details>"
)


def _meta(comparison: Comparison) -> str:
    created = max(report.created for report in comparison.reports)
    protocols = list(dict.fromkeys(report.protocol.hash for report in comparison.reports))
    several = f"{len(protocols)} Protocols" if len(protocols) > 3 else f"Protocols {', '.join(protocols)}"
    return f"{sample_text(comparison)} · {several if len(protocols) > 1 else f'Protocol {protocols[0]}'} · {created}"
