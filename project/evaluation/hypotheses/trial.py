"""Runs set against each other as a claim says: which with which, and what they differ in over all their seeds.

A trial is one setting of the treatment: one weight, one learning rate. Its pairs are of the same seed where the
baseline has several. Over seeds, the counts of each example are averaged before examples are drawn: the interval then
says how sure the difference of these runs is for other examples. It does not say what another seed would give: that is
why a claim may ask for several that agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from scipy.special import ndtri

from project.contract import InputError
from project.evaluation.comparison import Delta, better, difference
from project.evaluation.hypotheses.claim import Claim, NoRuns, Selection, satisfies
from project.evaluation.result import Measure, Report, Row
from project.evaluation.shelf import Entrant
from project.evaluation.sweep import ABSENT, describe, is_seed, setting_text, varying
from project.metric.direction import shortfall

NAMED = 4  # settings that a note spells out


@dataclass(frozen=True, slots=True)
class Pair:
    """A run, and the one that it is compared with."""

    treatment: Entrant
    baseline: Entrant


@dataclass(frozen=True, slots=True)
class Trial:
    """One setting of the treatment, with each of its seeds."""

    label: str  # "weighting.mask=0.3"; "" where there is one setting only
    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Bout:
    """What a trial gave on one manifest."""

    treatment: Report  # its counts, their mean over seeds
    baseline: Report
    delta: Delta
    deltas: tuple[float, ...]  # of each pair


def trials(claim: Claim, entrants: Sequence[Entrant]) -> list[Trial]:
    """The runs of a claim, paired; refused if none fits, or if it is not clear which belong together."""
    treatments, baselines = (
        _selected(name, selection, entrants)
        for name, selection in (("treatment", claim.treatment), ("baseline", claim.baseline))
    )
    same = all(one in baselines for one in treatments)
    names = [name for name in varying([one.settings for one in baselines]) if not is_seed(name)]
    if names and not same:
        raise InputError(
            f"baseline: its runs differ in {', '.join(names[:NAMED])}, and should in their seed alone: "
            f"narrow them with baseline.where, or baseline.runs"
        )
    names = [name for name in varying([one.settings for one in treatments]) if not is_seed(name)]
    found: dict[tuple[str, ...], list[Entrant]] = {}
    for one in treatments:
        found.setdefault(tuple(setting_text(one.settings.get(name, ABSENT)) for name in names), []).append(one)
    made = [
        Trial(describe(names, members[0].settings), tuple(_pairs(members, baselines))) for members in found.values()
    ]
    made = [trial for trial in made if trial.pairs]
    if not made:
        raise NoRuns("no treatment run has a baseline run of its seed: train the baseline with the same seeds")
    return sorted(made, key=lambda trial: trial.label)


def participants(claim: Claim, entrants: Sequence[Entrant]) -> list[Entrant]:
    """The runs that a claim is about, in the order they were given."""
    sides = [
        _selected(name, selection, entrants)
        for name, selection in (("treatment", claim.treatment), ("baseline", claim.baseline))
    ]
    return [one for one in entrants if any(one in side for side in sides)]


def fight(pairs: Sequence[tuple[Report, Report]], name: str, num_trials: int = 1) -> Bout:
    """A trial's figure against its baseline's, with an interval that is as wide as so many trials at once ask for."""
    treatment, baseline = (averaged([pair[side] for pair in pairs], name) for side in (0, 1))
    delta = difference(treatment, baseline, name)
    if delta.interval is not None and num_trials > 1:
        delta = replace(delta, interval=widened(delta.value, delta.interval, num_trials))
    return Bout(treatment, baseline, delta, tuple(_gap(mine, theirs, name) for mine, theirs in pairs))


def averaged(reports: Sequence[Report], name: str) -> Report:
    """Reports of several seeds as one, for one figure: the mean of every example's counts, and what follows from them.

    It is the Report itself where there is one. A figure that is no ratio of counts is the mean of the figures.
    """
    first = reports[0]
    if all(report is first for report in reports):
        return first
    rows = [{row.id: row for row in report.rows} for report in reports]
    if any(found.keys() != rows[0].keys() for found in rows):
        raise InputError(f"{first.run}: its seeds did not score the same examples: evaluate them on one manifest")
    measure = first.measures.get(name, Measure())
    columns = list(dict.fromkeys((*measure.above, *measure.below)))
    pooled = tuple(_mean_row(row, [found[row.id] for found in rows], columns) for row in first.rows)
    figure = fmean(report.metrics[name] for report in reports)
    if measure.is_ratio:
        above, below = measure.counts(pooled)
        figure = sum(above) / sum(below)
    return replace(first, rows=pooled, metrics={name: figure}, measures={name: measure}, intervals={})


def widened(value: float, interval: tuple[float, float], num_trials: int) -> tuple[float, float]:
    """A 95 % interval, wider so that all of several hold with 95 % (Bonferroni), as normal quantiles grow.

    >>> widened(0.0, (-1.0, 1.0), 1), [round(end, 2) for end in widened(0.0, (-1.0, 1.0), 4)]
    ((-1.0, 1.0), [-1.27, 1.27])
    """
    factor = float(ndtri(0.025 / num_trials) / ndtri(0.025))
    low, high = (value + factor * (end - value) for end in interval)
    return low, high


def confounders(claim: Claim, made: Sequence[Trial]) -> list[str]:
    """Settings that treatment and baseline differ in beside those that the claim names: the effect may be theirs."""
    pairs = [pair for trial in made for pair in trial.pairs]
    found: dict[str, None] = {}
    for pair in pairs:
        found |= dict.fromkeys(varying([pair.treatment.settings, pair.baseline.settings]))
    meant = [*claim.keys, *_swept([pair.treatment.settings for pair in pairs])]
    return [name for name in found if not is_seed(name) and not any(_concerns(name, key) for key in meant)]


def _selected(name: str, selection: Selection, entrants: Sequence[Entrant]) -> list[Entrant]:
    if selection.runs:
        folders = {folder.resolve() for folder in selection.folders(name)}
        entrants = [one for one in entrants if one.folder.resolve() in folders]
    if not entrants:
        raise NoRuns(f"{name}: no run at hand: name runs, as in scansion report runs/morse/*, or set {name}.runs")
    selection.check_keys(name, list(dict.fromkeys(key for one in entrants for key in one.values)))
    found = [one for one in entrants if satisfies(one.values, selection.where)]
    if not found:
        wanted = ", ".join(f"{key}: {value}" for key, value in selection.where.items())
        raise NoRuns(f"{name}.where: no run at hand has {wanted}: name others, as in scansion report runs/morse/*")
    if selection.protocol and not any(one.on(None, selection.protocol) for one in found):
        wanted = ", ".join(f"{key}: {value}" for key, value in selection.protocol.items())
        raise NoRuns(f"{name}.protocol: no run at hand has a Report with {wanted}: evaluate the runs so")
    return found


def _pairs(members: Sequence[Entrant], baselines: Sequence[Entrant]) -> Iterator[Pair]:
    known: dict[tuple[Any, ...], Entrant] = {}
    for one in members:
        seeds = tuple(value for key, value in sorted(one.settings.items()) if is_seed(key))
        if seeds in known:
            raise InputError(f"{known[seeds].folder} and {one.folder} are the same experiment twice: name one of them")
        known[seeds] = one
        partner = _partner(one, baselines)
        if partner is not None:
            yield Pair(one, partner)


def _partner(one: Entrant, baselines: Sequence[Entrant]) -> Entrant | None:
    """The baseline run to compare with: itself under another Protocol, the one of its seed, or the only one."""
    itself = [other for other in baselines if other.folder == one.folder]
    alike = [other for other in baselines if other.settings.get("seed") == one.settings.get("seed")]
    found = itself or alike or baselines
    return found[0] if len(found) == 1 else None


def _gap(mine: Report, theirs: Report, name: str) -> float:
    """As a Delta reckons it: of figures whose best is 1, the difference of distances from there."""
    figures = [report.metrics[name] for report in (mine, theirs)]
    if better(theirs, name) == "one":
        figures = [shortfall(figure, "one") for figure in figures]
    return figures[0] - figures[1]


def _mean_row(row: Row, members: Sequence[Row], names: Sequence[str]) -> Row:
    columns = {name: sum([member.columns[name] for member in members]) / len(members) for name in names}
    return replace(
        row, hypothesis=row.hypothesis or "-", columns=columns
    )  # the text is one run's, the counts are all's


def _swept(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    return [name for name in varying(settings) if not is_seed(name)]


def _concerns(name: str, key: str) -> bool:
    """Whether a setting is the one named, below it, or one that it brings along: weighting for weighting.mask."""
    return name == key or name.startswith(f"{key}.") or key.startswith(f"{name}.")
