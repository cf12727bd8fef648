"""Length drift: whether hypotheses grow longer or shorter than their references as texts grow longer.

A recognizer may lose symbols where texts are long (truncation, a state that fades) or put some in, and an error rate
over all examples hides it. The length ratio is the symbols of hypotheses over those of references; a straight line is
fitted to it over the length of the reference, long texts counting more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from project.evaluation.comparison import Comparison
from project.evaluation.example import counts_words
from project.evaluation.grid import Grid
from project.evaluation.interval import Array, Interval, percentiles, resampled_sums, resampling_unit, unit_sums
from project.evaluation.result import Report
from project.evaluation.strata import NUM_RESAMPLES, Cell, Strata, cell, of_quantity
from project.metric.text import KINDS

MIN_EXAMPLES = 8  # fewer say nothing of a slope
LEAST_CHANGE = 0.01  # of the length ratio from short texts to long ones; less is no drift worth a word


@dataclass(frozen=True, slots=True)
class Drift:
    """How the length ratio changes between the ends of a test set: texts of which a twentieth is shorter, or longer."""

    short: float  # symbols
    long: float
    change: float  # of the length ratio from short to long, on the fitted line
    interval: Interval  # of that change
    ratio_short: float  # as observed, of the shortest quarter
    ratio_long: float  # and of the longest
    unit: str  # what was drawn for the interval: "example" or "group"
    symbols: str  # what lengths count: "symbols" or "words"

    @property
    def is_real(self) -> bool:
        """Whether it is worth a word: more than 1 %, and its interval, as it is written, is away from 0."""
        low, high = (round(100 * end, 1) for end in self.interval)
        return abs(self.change) > LEAST_CHANGE and not low <= 0 <= high

    @property
    def evidence(self) -> str:
        """The figures, in words."""
        low, high = (f"{100 * end:+.1f}" for end in self.interval)
        return (
            f"length ratio {self.ratio_short:.3f} in the shortest quarter, {self.ratio_long:.3f} in the longest; "
            f"from {self.short:.0f} to {self.long:.0f} {self.symbols} the fitted line moves by "
            f"{100 * self.change:+.1f} points [{low}, {high}], over {self.unit}s"
        )


def text_lengths(report: Report) -> tuple[Array, Array] | None:
    """Of each example the length of the hypothesis and of the reference; None where the metric does not count them."""
    columns = {name: f"{report.primary}_{name}" for name in (*KINDS, "length")}
    if not all(column in report.rows[0].columns for column in columns.values()):
        return None
    counts = {name: np.array([row.columns[column] for row in report.rows]) for name, column in columns.items()}
    return counts["length"] - counts["deletions"] + counts["insertions"], counts["length"]


def length_drift(report: Report, least: float = 0.0) -> Drift | None:
    """The drift of one run; None where lengths are not counted, hardly vary, or change less than `least`."""
    lengths = text_lengths(report)
    if lengths is None or (lengths[1] > 0).sum() < MIN_EXAMPLES:
        return None
    kept = np.flatnonzero(lengths[1] > 0)  # what is put in where nothing was said is no matter of length
    found_N, wanted_N = (column[kept] for column in lengths)
    short, long = (float(end) for end in np.quantile(wanted_N, [0.05, 0.95]))
    if long <= short:
        return None
    # Weighted by length: sums of n, n^2, n^3, h and nh give the line, for all examples as for any redraw of them.
    rows_NC = np.stack([wanted_N, wanted_N**2, wanted_N**3, found_N, wanted_N * found_N], axis=1)
    sums_C = rows_NC.sum(axis=0)
    slope = float(_slopes(sums_C[None])[0])
    if not np.isfinite(slope) or abs(slope * (long - short)) < least:
        return None
    first, last = np.quantile(wanted_N, [0.25, 0.75])
    quarters = wanted_N <= first, wanted_N >= last
    ratio_short, ratio_long = (float(found_N[part].sum() / wanted_N[part].sum()) for part in quarters)
    groups = [report.rows[n].group for n in kept]
    unit = resampling_unit(groups)
    units_NC = unit_sums(rows_NC, groups if unit == "group" else None)
    slopes_R = _slopes(resampled_sums(units_NC, NUM_RESAMPLES, 0))
    low, high = percentiles(slopes_R * (long - short), len(units_NC), 0.95)
    change, symbols = slope * (long - short), "words" if counts_words(report) else "symbols"
    return Drift(short, long, change, (low, high), ratio_short, ratio_long, unit, symbols)


def length_strata(comparison: Comparison) -> Strata | None:
    """Texts from short to long, cut alike for all runs; None where there is nothing to cut."""
    lengths = text_lengths(comparison.reports[0])
    if lengths is None or len(lengths[1]) < MIN_EXAMPLES or len(np.unique(lengths[1])) < 2:
        return None
    return of_quantity(lengths[1].tolist())


def length_cells(report: Report, strata: Strata) -> list[Cell | None]:
    """The length ratio of each part."""
    lengths = text_lengths(report)
    if lengths is None:
        return [None] * len(strata.labels)
    found_N, wanted_N = lengths
    cells: list[Cell | None] = []
    for members in strata.members(wanted_N.tolist()):
        part = cell(found_N[members], wanted_N[members], [report.rows[n].group for n in members])
        if part is not None and part.interval is not None and (found_N[members] == wanted_N[members]).all():
            part = Cell(part.value, (part.interval[0], 2 - part.interval[0]), part.num_examples)  # could be longer too
        cells.append(part)
    return cells


def drift_grid(comparison: Comparison, positions: list[int]) -> Grid | None:
    """The length ratio by text length, one column a run; None where lengths are not counted or do not vary."""
    strata = length_strata(comparison)
    if strata is None:
        return None
    columns = [length_cells(comparison.reports[n], strata) for n in positions]
    symbols = "words" if counts_words(comparison.reports[0]) else "symbols"
    rows = []
    for place, label in enumerate(strata.labels):
        parts = [column[place] for column in columns]
        count = next((part.num_examples for part in parts if part), 0)
        rows.append((label, f"{count:,}", *(_text(part) for part in parts)))
    heads = (f"{comparison.labels[n]} [95 %]" for n in positions)
    return Grid("Length ratio by length of text", (f"{symbols} in the reference", "examples", *heads), tuple(rows))


def _text(part: Cell | None) -> str:
    if part is None:
        return "-"
    return (
        f"{part.value:.3f} [{part.interval[0]:.3f}, {part.interval[1]:.3f}]" if part.interval else f"{part.value:.3f}"
    )


def _slopes(sums_RC: Array) -> Array:
    """Slope of the weighted line, from each row of sums; NaN where all lengths are alike."""
    n_R, square_R, cube_R, found_R, product_R = sums_RC.T
    below_R = n_R * cube_R - square_R**2
    above_R = n_R * product_R - square_R * found_R
    slopes_R: Array = np.divide(
        above_R, below_R, out=np.full_like(above_R, np.nan), where=below_R > 1e-9 * n_R * cube_R
    )
    return slopes_R
