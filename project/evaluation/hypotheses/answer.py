"""Claims that runs say something else: the part of the examples in which treatment and baseline differ in their text.

Different is neither better nor worse: whether an adapter has any effect comes before whether it helps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from project.contract import InputError
from project.evaluation.hypotheses.claim import Claim
from project.evaluation.hypotheses.ruling import Duel, Outcome, Ruling, agreed, figure_words, label_of, on_manifest
from project.evaluation.hypotheses.trial import Trial, widened
from project.evaluation.interval import Interval, ratio_interval, resampling_unit
from project.evaluation.result import Report
from project.evaluation.verdict import number_text

SAID: Mapping[Outcome, str] = {"supported": "More than", "refuted": "No more than", "undecided": "Perhaps more than"}


def answers_ruling(claim: Claim, trial: Trial, duels: Sequence[Duel], num_trials: int) -> Ruling:
    """Whether more of the answers are different than the claim's gain, in enough seeds."""
    gain, seeds_SN = claim.primary.gain, [differing(*duel) for duel in duels]
    means_N, rows = [fmean(column) for column in zip(*seeds_SN, strict=True)], duels[0][0].rows
    groups = [row.group for row in rows]
    drawn = groups if resampling_unit(groups) == "group" else None
    part, interval = fmean(means_N), ratio_interval(means_N, [1.0] * len(rows), drawn)
    low, high = (min(1.0, max(0.0, end)) for end in widened(part, interval, num_trials))
    outcome = apart((low, high), gain)
    said = f"{label_of(trial)}{SAID[outcome]} {figure_words(gain, True)} of the answers are different"
    ends, seeds = f"[{number_text(low, True)}, {number_text(high, True)}]", f" and {len(duels)} seeds"
    over = f"over {len(rows):,} examples{seeds if len(duels) > 1 else ''}"
    text = f"{said}{on_manifest(claim.primary.manifest)}: {figure_words(part, True)} {ends}, {over}"
    if outcome == "undecided":
        return Ruling(outcome, f"{text}.")
    return agreed(Ruling(outcome, text), [fmean(answers_N) > gain for answers_N in seeds_SN], claim.agreement.seeds)


def apart(interval: Interval, gain: float) -> Outcome:
    """Whether the part of answers that are different is above the gain for sure, or for sure not.

    >>> apart((0.06, 0.2), 0.05), apart((0.0, 0.05), 0.05), apart((0.01, 0.2), 0.05)
    ('supported', 'refuted', 'undecided')
    """
    low, high = interval
    return "supported" if low > gain else "refuted" if high <= gain else "undecided"


def differing(mine: Report, theirs: Report) -> list[float]:
    """1 for each example whose text is another in the two Reports, else 0."""
    answers = {row.id: row.hypothesis for row in theirs.rows}
    if answers.keys() != {row.id for row in mine.rows}:
        raise InputError(f"{mine.run} and {theirs.run} did not score the same examples: evaluate them on one manifest")
    return [float(row.hypothesis != answers[row.id]) for row in mine.rows]
