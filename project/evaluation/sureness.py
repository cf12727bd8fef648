"""How sure the differences to the baseline are: each test's p-value, and how small a difference could be seen at all.

The small table below the comparison, for whoever asks what stands behind a verdict. It decides nothing itself.
"""

from __future__ import annotations

from project.evaluation.comparison import Comparison, Delta
from project.evaluation.grid import Grid
from project.evaluation.power import POWER
from project.evaluation.verdict import is_percent, number_text, p_text, title_of

MAX_ROWS = 20  # the best runs
NONE = "-"
TEXT_NOTE = (
    "MAPSSWE knows no groups and decides nothing. Differ in: words (or what the figure counts) that exactly one of the "
    "two has wrong or puts in"
)


def sureness_grid(comparison: Comparison) -> Grid | None:
    """A row for each run that was tested against the baseline, in the order they were given; None without any."""
    name, base = comparison.primary, comparison.baseline
    if base is None:
        return None
    deltas = {n: comparison.deltas[n][name] for n in comparison.leaders(MAX_ROWS + 1) if n != base}
    tested = {n: delta for n, delta in deltas.items() if delta.p_value is not None}
    if not tested:
        return None
    percent, along_texts = is_percent(comparison.reports[base], name), any(one.matched for one in tested.values())
    heads = ["run", f"p over {comparison.unit}s", *(["p by MAPSSWE", "differ in"] if along_texts else []), "seen from"]
    rows = [(comparison.labels[n], *_cells(delta, percent, along_texts)) for n, delta in tested.items()]
    decides = f"The test over {comparison.unit}s decides, with the interval."
    unit = ", in points" if percent else ""
    notes = [f"{decides} Seen from: the smallest difference found with {100 * POWER:.0f} % power{unit}"]
    notes += [TEXT_NOTE] if along_texts else []
    title = f"How sure: {title_of(name)} against {comparison.labels[base]}"
    return Grid(title, tuple(heads), tuple(rows), tuple(notes))


def _cells(delta: Delta, percent: bool, along_texts: bool) -> list[str]:
    found, could = delta.matched, delta.sensitivity
    beside = [NONE, NONE] if found is None else [_p(found.p_value), f"{number_text(found.discordance, True)} %"]
    seen = NONE if could is None or not could.error else number_text(could.detectable, percent)
    return [_p(delta.p_value), *(beside if along_texts else []), seen]


def _p(p_value: float | None) -> str:
    return NONE if p_value is None else p_text(p_value).removeprefix("p ").removeprefix("= ")
