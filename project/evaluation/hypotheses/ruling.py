"""What one trial's figure says of a claim, in a sentence: an interval decides, not the figure itself.

It must lie wholly beyond the smallest change that matters, or wholly short of it. Where it does neither, the sentence
says how many examples would decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from project.contract import InputError
from project.evaluation.comparison import Delta, better
from project.evaluation.hypotheses.claim import Aim, Claim, Margin
from project.evaluation.hypotheses.trial import Bout, Trial, fight
from project.evaluation.interval import resampling_unit
from project.evaluation.power import ALPHA, MOST_NEEDED, needed, needed_room
from project.evaluation.result import Report
from project.evaluation.verdict import delta_text, is_percent, number_text, title_of

Outcome = Literal["supported", "refuted", "undecided"]
Duel = tuple[Report, Report]  # of a pair: treatment's and baseline's

OPPOSITE = {"lower": "higher", "higher": "lower"}


@dataclass(frozen=True, slots=True)
class Ruling:
    """One thing looked at: what it says of the claim."""

    outcome: Outcome
    text: str


def primary_ruling(claim: Claim, trial: Trial, duels: Sequence[Duel], num_trials: int) -> Ruling:
    """Whether the figure moved as claimed, by more than matters, and in enough seeds."""
    aim = claim.primary
    if any(better(treatment, aim.metric) == "one" for treatment, _ in duels):
        raise InputError(f"primary.metric: {aim.metric} is best at 1, neither lower nor higher: claim an error rate")
    bout = fight(duels, aim.metric, num_trials)
    sign = -1 if aim.direction == "lower" else 1
    outcome = moved(bout.delta, sign, aim.gain, ALPHA / num_trials)
    text = f"{label_of(trial)}{_said(aim, outcome, bout)}{on_manifest(aim.manifest)}: {_figures(bout, aim.metric)}"
    if outcome == "undecided":
        return Ruling(outcome, f"{text}{_advice(bout, sign * aim.gain)}{_no_room(bout, aim)}.")
    return agreed(Ruling(outcome, text), [sign * value > aim.gain for value in bout.deltas], claim.agreement.seeds)


def agreed(ruling: Ruling, beyond: Sequence[bool], needed_seeds: int) -> Ruling:
    """A ruling on the mean over seeds, if enough of them say the same alone; `beyond`: which are for the claim."""
    agree = sum(beyond) if ruling.outcome == "supported" else len(beyond) - sum(beyond)
    text = ruling.text
    if max(len(beyond), needed_seeds) > 1:
        text += f"; {agree} of {len(beyond)} seeds agree"
    if agree < needed_seeds:
        return Ruling("undecided", f"{text}, and {needed_seeds} must.")
    return Ruling(ruling.outcome, f"{text}.")


def moved(delta: Delta, sign: int, gain: float, alpha: float) -> Outcome:
    """Whether a figure went up (sign 1) or down (-1) by more than the gain; to be any change, no chance either.

    >>> moved(Delta(-0.02, (-0.03, -0.01), "lower", 0.001), -1, 0.0, 0.05)
    'supported'
    >>> moved(Delta(-0.02, (-0.03, -0.01), "lower", 0.001), -1, 0.04, 0.05)
    'refuted'
    >>> moved(Delta(-0.02, (-0.03, -0.01), "lower", 0.2), -1, 0.0, 0.05)
    'undecided'
    """
    if delta.interval is None:
        return "undecided"
    low, high = sorted(sign * end for end in delta.interval)
    is_change = delta.p_value is None or delta.p_value <= alpha
    if low > gain and is_change:
        return "supported"
    return "refuted" if high < gain and (gain > 0 or is_change) else "undecided"


def secondary_ruling(margin: Margin, trial: Trial, duels: Sequence[Duel], num_trials: int) -> Ruling:
    """Whether it is sure that a figure is not worse by more than the margin."""
    bout = fight(duels, margin.metric, num_trials)
    begin, figures = (
        f"{label_of(trial)}{title_of(margin.metric)}{on_manifest(margin.manifest)}",
        _figures(bout, margin.metric),
    )
    allowed = figure_words(margin.margin, is_percent(bout.baseline, margin.metric), "points")
    if bout.delta.interval is None:
        return Ruling("undecided", f"{begin}: {figures}.")
    sign = -1 if bout.delta.better == "higher" else 1
    low, high = sorted(sign * end for end in bout.delta.interval)
    if high <= margin.margin:
        return Ruling("supported", f"{begin} is not worse by more than {allowed}: {figures}.")
    if low > margin.margin:
        return Ruling("refuted", f"{begin} is worse by more than {allowed}: {figures}.")
    advice = _advice(bout, sign * margin.margin)
    return Ruling("undecided", f"{begin} may be worse by more than {allowed}: {figures}{advice}.")


def figure_words(value: float, percent: bool, unit: str = "%") -> str:
    """A figure with its unit, where it is a share.

    >>> figure_words(0.0126, True), figure_words(0.002, True, "points"), figure_words(0.612, False)
    ('1.26 %', '0.20 points', '0.612')
    """
    return number_text(value, percent) + (f" {unit}" if percent else "")


def _said(aim: Aim, outcome: Outcome, bout: Bout) -> str:
    """What the interval says, in words."""
    what = title_of(aim.metric)
    least = figure_words(aim.gain, is_percent(bout.baseline, aim.metric), "points")
    if outcome == "supported":
        return f"{what} is {aim.direction}" + (f" by more than {least}" if aim.gain else "")
    if outcome == "refuted":
        return f"{what} is not {aim.direction} by {least}" if aim.gain else f"{what} is {OPPOSITE[aim.direction]}"
    return f"{what} may be {aim.direction} by {least} or not" if aim.gain else f"{what} cannot be told apart"


def _figures(bout: Bout, name: str) -> str:
    """Both figures, their difference and what it rests on."""
    percent = is_percent(bout.baseline, name)
    mine, theirs = (figure_words(report.metrics[name], percent) for report in (bout.treatment, bout.baseline))
    gap = f"difference {delta_text(bout.delta, percent, ' points' if percent else '')}"
    if bout.delta.interval is None:
        gap += ", without a paired interval: the figure is no ratio of counts, or other examples were scored"
    rows = f"{len(bout.baseline.rows):,} examples"
    seeds = f" and {len(bout.deltas)} seeds" if len(bout.deltas) > 1 else ""
    return f"{mine} against {theirs}, {gap}, over {rows}{seeds}"


def _advice(bout: Bout, bound: float) -> str:
    """How many examples would decide on which side of the bound a difference of this size lies."""
    found = bout.delta.sensitivity
    if found is None or not found.error:
        return ""
    unit = resampling_unit([row.group for row in bout.baseline.rows])
    gap = abs(bout.delta.value - bound)
    number = needed(gap, found.error, found.num_units) if gap else MOST_NEEDED + 1
    if number > MOST_NEEDED:
        return f"; {MOST_NEEDED:,} {unit}s would not decide so small a difference either"
    return f"; about {rounded(number):,} {unit}s like these would decide it, if it is as large as it looks"


def _no_room(bout: Bout, aim: Aim) -> str:
    """Where the baseline has so few errors that no gain could be shown, those words."""
    found, rate = bout.delta.sensitivity, bout.baseline.metrics[aim.metric]
    part = needed_room(rate, found) if aim.direction == "lower" else None
    if found is None or part is None or part < 1:
        return ""
    percent = is_percent(bout.baseline, aim.metric)
    least, whole = figure_words(found.detectable, percent, "points"), figure_words(rate, percent)
    return f"; there is no headroom: differences are seen from {least} on, and the baseline's errors are {whole} in all"


def label_of(trial: Trial) -> str:
    """How a sentence about one of several settings begins."""
    return f"{trial.label}: " if trial.label else ""


def on_manifest(manifest: str | None) -> str:
    """Where a claim names a manifest, the words that say so."""
    return f" on {manifest}" if manifest else ""


def rounded(number: int) -> int:
    """Two digits that count: it is an estimate.

    >>> rounded(1378), rounded(42)
    (1400, 42)
    """
    return int(float(f"{number:.2g}"))
