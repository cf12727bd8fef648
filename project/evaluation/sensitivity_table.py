"""What a sweep showed, in sentences and tables: its settings, its best points, and who ties with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from project.evaluation.comparison import Comparison, Delta
from project.evaluation.grid import Grid
from project.evaluation.sensitivity import MAX_LEVELS, Axis, Cell, Sensitivity, Trial, cells, is_tie, ranked
from project.evaluation.verdict import Verdict, delta_text, number_text, p_text
from project.metric.direction import shortfall

NAMED = 4  # points that a sentence spells out
TIE = "tie"


@dataclass(frozen=True, slots=True)
class Figure:
    """What points are judged by, and how it is written."""

    title: str  # "CER", "best CER on dev"
    direction: str  # "lower", "higher" or "one"
    percent: bool

    def text(self, value: float) -> str:
        """A value with its unit."""
        return f"{number_text(value, True)} %" if self.percent else f"{value:.4g}"

    def gap(self, value: float) -> str:
        """A difference of two."""
        return f"{number_text(value, True)} points" if self.percent else f"{value:.4g}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A sweep's points that have a figure, what was found about them, and how they compare with the best."""

    trials: tuple[Trial, ...]
    result: Sensitivity
    figure: Figure
    comparison: Comparison | None  # of their Reports, in the same order, the best as baseline; None without Reports

    @property
    def order(self) -> list[int]:
        """Positions of the points, best first."""
        key = [shortfall(trial.value, self.figure.direction) for trial in self.trials]
        return sorted(range(len(key)), key=key.__getitem__)

    @property
    def best(self) -> Trial:
        return self.trials[self.order[0]]

    def delta(self, n: int) -> Delta | None:
        """A point's paired difference to the best."""
        return self.comparison.deltas[n].get(self.comparison.primary) if self.comparison else None

    @property
    def ties(self) -> list[int]:
        """Points that cannot be told from the best, best first."""
        found = [(n, self.delta(n)) for n in self.order[1:]]
        return [n for n, delta in found if delta and delta.interval and delta.verdict == "undecided"]


def told(trial: Trial) -> str:
    """A point by what sets it apart."""
    return " ".join(f"{key}={value}" for key, value in trial.settings.items()) or trial.name


def sentences(outcome: Outcome) -> list[Verdict]:
    """The best point and its ties, the best setting over seeds, and what each setting does."""
    found = [_best_point(outcome)]
    by_seed = ranked(cells(outcome.trials), outcome.figure.direction)
    if outcome.result.noise is not None and len(by_seed) > 1:
        found.append(_best_setting(outcome, by_seed))
    return found + [_of_axis(axis, outcome) for axis in by_share(outcome.result)]


def by_share(result: Sensitivity) -> list[Axis]:
    """Axes, those that explain most first."""
    return sorted(result.axes, key=lambda axis: -axis.share)


def warnings(outcome: Outcome) -> list[Verdict]:
    """What limits these figures: combinations that are missing, settings that move together, the luck of the best."""
    result, found = outcome.result, []
    is_grid = all(len(axis.levels) <= MAX_LEVELS and " to " not in axis.levels[0].name for axis in result.axes)
    if result.is_tangled:
        found.append("some settings move together: what each of them does alone cannot be told")
    elif is_grid and not result.is_balanced:
        found.append("not every combination is there equally often: means of one setting hold unequal parts of others")
    if result.axes and result.noise is None:
        found.append(
            "no two points differ in their seed alone: what is chance is not known; add seed=1,2,3 to the sweep"
        )
    if len(outcome.trials) > NAMED:
        luck = "looks better than it is: judge it on examples that did not choose it"
        found.append(f"the best of {len(outcome.trials)} points {luck}")
    return [Verdict("warning", text[:1].upper() + text[1:]) for text in found]


def share_text(share: float) -> str:
    """A part of the variance.

    >>> share_text(0.993), share_text(0.003), share_text(1e-9)
    ('99 %', '< 1 %', '0 %')
    """
    return "< 1 %" if 1e-6 < share < 0.01 else f"{100 * share:.0f} %"


def axis_grid(outcome: Outcome) -> Grid | None:
    """A row a setting, beside what seeds do; None where nothing varies but seeds."""
    result, figure = outcome.result, outcome.figure
    if not result.axes:
        return None
    rows = []
    for axis in by_share(result):
        best = axis.best(figure.direction)
        against = {
            "small": "less than seeds do",
            "unclear": "may be chance",
            "matters": "matters",
            "unknown": "no seeds to compare with",
        }[axis.verdict]
        p_value = f", {p_text(axis.p_value)}" if axis.p_value is not None else ""
        means = figure.text(best.mean)
        share, gap = share_text(axis.share), figure.gap(axis.range)
        rows.append((axis.name, best.name, means, gap, share, against + p_value))
    if result.noise is not None and result.seeds is not None:
        rows.append(("seeds", "-", "-", f"{figure.gap(result.noise)} (std)", share_text(result.seeds), "chance"))
    if len(result.axes) > 1:
        rows.append(("together", "-", "-", "-", share_text(result.rest), "beyond what each does"))
    heads = (
        "setting",
        "best value",
        f"mean {figure.title} there",
        "best to worst mean",
        "share of variance",
        "verdict",
    )
    return Grid("What each setting does", heads, tuple(rows))


def level_grid(axis: Axis, figure: Figure) -> Grid:
    """Each value of a setting over all others."""
    rows = tuple(
        (
            level.name,
            figure.text(level.mean),
            "-" if level.spread is None else figure.gap(level.spread),
            f"{figure.text(min(level.values))} to {figure.text(max(level.values))}",
            str(len(level.values)),
        )
        for level in axis.levels
    )
    return Grid(axis.name, (axis.name, f"mean {figure.title}", "std", "lowest to highest", "points"), rows)


def setting_grid(outcome: Outcome) -> Grid | None:
    """Settings over seeds, best first; None where no two points differ in their seed alone."""
    found = ranked(cells(outcome.trials), outcome.figure.direction)
    if outcome.result.noise is None:
        return None
    rows = []
    for cell in found:
        level = cell.level
        spread = "-" if level.spread is None else outcome.figure.gap(level.spread)
        flag = "best" if cell is found[0] else TIE if is_tie(cell, found[0], outcome.result) else ""
        rows.append((level.name, outcome.figure.text(level.mean), spread, str(len(cell.trials)), flag))
    heads = ("settings", f"mean {outcome.figure.title}", "std over seeds", "seeds", "")
    return Grid("Settings over seeds, best first", heads, tuple(rows), ("tie: no further from the best than seeds go",))


def point_grid(outcome: Outcome) -> Grid:
    """Each point, best first, with its difference to the best where both have Reports."""
    figure, ties, rows = outcome.figure, outcome.ties, []
    for n in outcome.order:
        trial, delta = outcome.trials[n], outcome.delta(n)
        gap = delta_text(delta, figure.percent) if delta else "-"
        flag = "best" if n == outcome.order[0] else TIE if n in ties else ""
        rows.append((told(trial), _with_interval(trial, figure), *((gap, flag) if outcome.comparison else ())))
    against = ("against the best [95 %]", "") if outcome.comparison else ()
    heads = ("point", f"{figure.title}{' [95 %]' if outcome.comparison else ''}", *against)
    notes = ("tie: the paired difference may be 0",) if ties else ()
    return Grid("Points, best first", heads, tuple(rows), notes)


def csv_rows(outcome: Outcome, axes: Sequence[str], states: Mapping[str, str]) -> list[list[object]]:
    """Every point of the sweep as plain numbers, the header first; `states` of all, by name, in their order."""
    place = {trial.name: n for n, trial in enumerate(outcome.trials)}
    rows: list[list[object]] = [
        [
            "point",
            *axes,
            "state",
            "figure",
            "low",
            "high",
            "difference",
            "difference_low",
            "difference_high",
            "p",
            "tie",
        ]
    ]
    ties = outcome.ties
    for name, state in states.items():
        n = place.get(name)
        if n is None:
            rows.append([name, *("" for _ in axes), state, *("" for _ in range(8))])
            continue
        trial, delta = outcome.trials[n], outcome.delta(n)
        ends, gap = trial.interval or ("", ""), (delta.interval if delta else None) or ("", "")
        values = [trial.settings.get(axis, "") for axis in axes]
        differs = (delta.value, *gap, delta.p_value) if delta else ("", "", "", "")
        rows.append([name, *values, state, trial.value, *ends, *differs, n in ties or n == outcome.order[0]])
    return rows


def _best_point(outcome: Outcome) -> Verdict:
    figure, ties = outcome.figure, outcome.ties
    text = f"Best of {len(outcome.trials)} points: {told(outcome.best)}: {figure.title} "
    text += _with_interval(outcome.best, figure)
    if outcome.comparison is None:
        return Verdict("note", text, "the figure of dev, without an interval: which points tie cannot be told")
    if not ties:
        tested = all(delta.interval for n in outcome.order[1:] if (delta := outcome.delta(n)))
        how = "every other point is worse, paired example by example"
        return Verdict("better" if tested else "note", text, how if tested else "differences cannot be tested")
    named = ", ".join(told(outcome.trials[n]) for n in ties[:NAMED])
    more = f" and {len(ties) - NAMED} more" if len(ties) > NAMED else ""
    return Verdict("undecided", text, f"ties, whose paired difference may be 0: {named}{more}")


def _best_setting(outcome: Outcome, by_seed: Sequence[Cell]) -> Verdict:
    figure, best = outcome.figure, by_seed[0]
    spread = best.level.spread
    text = f"Best setting over seeds: {best.level.name}: mean {figure.title} {figure.text(best.level.mean)}"
    text += f", std {figure.gap(spread)} over {len(best.trials)} seeds" if spread is not None else ", one seed"
    ties = [cell.level.name for cell in by_seed[1:] if is_tie(cell, best, outcome.result)]
    if not ties:
        return Verdict("better", text, "every other setting is further away than seeds go")
    more = f" and {len(ties) - NAMED} more" if len(ties) > NAMED else ""
    return Verdict("undecided", text, f"ties, no further away than seeds go: {', '.join(ties[:NAMED])}{more}")


def _of_axis(axis: Axis, outcome: Outcome) -> Verdict:
    figure, best = outcome.figure, axis.best(outcome.figure.direction)
    share = f"it explains {share_text(axis.share)} of the variance"
    if outcome.result.seeds is not None:
        share += f", seeds {share_text(outcome.result.seeds)}"
    at = f"means {figure.gap(axis.range)} apart, best at {best.name}"
    if axis.noise is not None and axis.verdict == "small":
        text = f"{axis.name} does less than seeds do: {at}; seeds spread by {figure.gap(axis.noise)}"
        return Verdict("undecided", text, share)
    if axis.p_value is not None:
        share += f", {p_text(axis.p_value)}"
    if axis.verdict == "unclear":
        return Verdict("undecided", f"{axis.name} may do nothing: {at}", f"{share}: seeds alone could do that")
    if axis.verdict == "unknown":
        return Verdict("note", f"{axis.name}: {at}", f"{share}; without seeds nobody knows whether that is chance")
    return Verdict("note", f"{axis.name} matters: {at}", share)


def _with_interval(trial: Trial, figure: Figure) -> str:
    if trial.interval is None:
        return figure.text(trial.value)
    ends = ", ".join(number_text(end, True) if figure.percent else f"{end:.4g}" for end in trial.interval)
    return f"{figure.text(trial.value)} [{ends}]"
