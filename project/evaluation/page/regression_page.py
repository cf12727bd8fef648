"""The page of a regression from GOP: how well each kind of score is told, each run beside GOP alone."""

from __future__ import annotations

from pathlib import Path

from project import atomic
from project.evaluation.comparison import Comparison
from project.evaluation.page.drawing import INK, MUTED, PAPER, SERIES, drawing
from project.evaluation.page.facts import protocol_section
from project.evaluation.page.frame import Section
from project.evaluation.page.markup import figure, tones
from project.evaluation.page.opening import opening
from project.evaluation.page.page import page_html
from project.evaluation.regression_table import Scores, grid, kind, sentences
from project.evaluation.verdict import Verdict

CAPTION = "Correlations with people's scores, on what was not learned from; bars are 95 % intervals, rings GOP alone."


def write_page(path: Path, comparison: Comparison, scores: Scores, model: str, notes: list[str]) -> Path:
    """Writes the page, whole or not at all, and returns where it is."""
    warnings = [Verdict("warning", note) for note in (*comparison.head, *notes)]
    top = opening([], [*sentences(scores), *warnings], [])
    key = tones({run: n for n, run in enumerate(list(scores)[: len(SERIES)])}) if len(scores) > 1 else ""
    sections: list[Section] = [
        ("scores", "Scores", key + figure(picture(scores), CAPTION) + grid(scores, model).html()),
        ("protocol", "Protocol", protocol_section(comparison)),
    ]
    title = f"People's scores from GOP: {', '.join(scores)}"
    atomic.write(path, page_html(comparison, title, top, sections))
    return path


def picture(scores: Scores) -> str:
    """A row a kind of score, a dot a run."""
    names = list(dict.fromkeys(kind(one) for its in scores.values() for one in its))
    with drawing("scores", 7.4, 0.8 + 0.3 * len(names)) as sheet:
        axes = sheet.axes[0]
        for n, its in enumerate(list(scores.values())[: len(SERIES)]):
            for one in its:
                place = names.index(kind(one)) + 0.16 * (n - (len(scores) - 1) / 2)
                if one.pcc_interval:
                    axes.plot(one.pcc_interval, [place, place], color=SERIES[n], linewidth=2, solid_capstyle="round")
                axes.plot([one.alone], [place], "o", color=PAPER, markersize=6, markeredgecolor=MUTED)
                axes.plot([one.pcc], [place], "o", color=SERIES[n], markersize=6, markeredgecolor=PAPER)
        axes.set_yticks(range(len(names)), names)
        axes.tick_params(axis="y", labelcolor=INK)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set_xlabel("correlation with people's scores")
        axes.grid(visible=True, axis="x")
    return sheet.svg
