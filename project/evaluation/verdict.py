"""What a Comparison says, in sentences; figures as people write them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from project.evaluation.comparison import Comparison, Delta
from project.evaluation.drift import LEAST_CHANGE, length_drift
from project.evaluation.interval import MIN_GROUPS, Interval
from project.evaluation.power import ALPHA, MOST_NEEDED
from project.evaluation.result import Report

MANY = 8  # runs whose verdicts are counted in one sentence as well
MAX_DRIFTS = 8  # runs looked at for length drift: the baseline and the best
Kind = Literal["better", "worse", "undecided", "note", "warning"]

ABBREVIATIONS = {"f1": "F1", "ap": "AP", "map": "mAP", "auroc": "AUROC", "ece": "ECE", "per": "PER", "gop": "GOP"}
TITLES = {  # of figures whose names do not say what they are
    "per_good": "PER of good utterances",
    "accuracy_per": "Accuracy by 1 - PER: PCC",
    "accuracy_gop": "Accuracy by GOP: PCC",
    "accuracy_gop_spearman": "Accuracy by GOP: Spearman",
    "accuracy_log_prob": "Accuracy by log p: PCC",
    "low_per": "Low accuracy by PER: AUC",
    "low_gop": "Low accuracy by GOP: AUC",
    "low_log_prob": "Low accuracy by log p: AUC",
    "phone_wrong": "Phones below 0.5: AUC",
    "phone_poor": "Phones below 1: AUC",
    "phone_score": "Phones: PCC",
    "phone_mse": "Phones: MSE",
    "phone_heard": "Phones below 1, as recognized: F1",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """One sentence, what it amounts to, and the evidence for it."""

    kind: Kind
    text: str
    evidence: str = ""

    @property
    def line(self) -> str:
        """Both."""
        return f"{self.text} ({self.evidence})" if self.evidence else self.text


def verdicts(comparison: Comparison) -> list[Verdict]:
    """The sentences that come first: what was found about the primary figure, then what limits it."""
    found = _findings(comparison)
    found += drifts(comparison)
    found += [Verdict("warning", note) for note in comparison.head]
    first = comparison.reports[0]
    groups = {row.group for row in first.rows} - {None}
    without = sum(row.group is None for row in first.rows)
    if groups and without:
        text = f"{without} of {len(first.rows)} examples have no group: intervals are over examples, perhaps too narrow"
        found.append(Verdict("warning", text))
    if comparison.unit == "example" and 1 < len(groups) < MIN_GROUPS < len(first.rows):
        found.append(
            Verdict(
                "warning",
                f"Only {len(groups)} groups: intervals are over examples, too narrow if those of one group are alike",
            )
        )
    return found


def leading(comparison: Comparison) -> list[Verdict]:
    """Those to print below the table, which says itself what was compared in spite of what: of many runs the first."""
    found = [one for one in verdicts(comparison) if one.text not in comparison.head]
    warnings = [one for one in found if one.kind == "warning"]
    others = [one for one in found if one.kind != "warning"]
    more = len(others) - MANY - 1
    rest = [Verdict("note", f"{more} more verdicts stand on the page")] if more > 0 else []
    return [*others[: MANY + 1], *rest, *warnings]


def drifts(comparison: Comparison) -> list[Verdict]:
    """A warning for each run whose hypotheses grow shorter or longer than they should on long texts."""
    found = []
    for n in comparison.leaders(MAX_DRIFTS):
        drift = length_drift(comparison.reports[n], LEAST_CHANGE)
        if drift is not None and drift.is_real:
            what = "loses more" if drift.change < 0 else "puts in more"
            text = f"{comparison.labels[n]} {what} {drift.symbols} the longer the text is"
            found.append(Verdict("warning", text, drift.evidence))
    return found


def figure_text(report: Report, name: str) -> str:
    """A figure with its interval.

    Ratios stand in percent: "1.26 % [1.02, 1.53]".
    """
    percent = is_percent(report, name)
    text = number_text(report.metrics[name], percent)
    unit = f" {report.measures[name].unit}" if name in report.measures and report.measures[name].is_ratio else ""
    interval = report.intervals.get(name)
    return f"{text}{unit} [{_ends(interval, percent)}]" if interval else f"{text}{unit}"


def delta_text(delta: Delta, percent: bool, unit: str = "") -> str:
    """A difference with its interval, sign and p-value.

    >>> delta_text(Delta(-0.0027, (-0.0041, -0.0013), "lower", 0.0142), True)
    '-0.27 [-0.41, -0.13], p = 0.014'
    """
    text = number_text(delta.value, percent, sign=True)
    interval = f" [{_ends(delta.interval, percent, sign=True)}]" if delta.interval else ""
    return f"{text}{interval}{unit}" + (f", {p_text(delta.p_value)}" if delta.p_value is not None else "")


def p_text(p_value: float) -> str:
    """A p-value to thousandths; never on the other side of 5 % than it is.

    >>> p_text(0.2347), p_text(0.0499999), p_text(1e-9)
    ('p = 0.235', 'p = 0.049', 'p < 0.001')
    """
    if p_value < 0.001:
        return "p < 0.001"
    rounded = round(p_value, 3)
    return f"p = {rounded if (rounded < ALPHA) == (p_value < ALPHA) else p_value // 0.001 * 0.001:.3f}"


def power_text(delta: Delta, unit: str, percent: bool) -> str:
    """What a comparison could have shown; empty where that is not known.

    "200 examples show differences from 0.42 on (80 % power); one of 0.08 would need about 5,300"
    """
    found = delta.sensitivity
    if found is None or not found.error:
        return ""
    text = f"{found.num_units:,} {unit}s show differences from {number_text(found.detectable, percent)} on (80 % power)"
    if found.needed is None or abs(delta.value) >= found.detectable:
        return text
    if found.needed > MOST_NEEDED:
        return f"{text}; one of {number_text(abs(delta.value), percent)} is out of reach"
    step = 10 ** max(0, len(str(found.needed)) - 2)
    about = f"{round(found.needed / step) * step:,}"
    return f"{text}; one of {number_text(abs(delta.value), percent)} would need about {about}"


def number_text(value: float, percent: bool, sign: bool = False) -> str:
    """Hundredths of a percent, or thousandths.

    >>> number_text(0.01256, True), number_text(0.61237, False), number_text(0.002, True, sign=True)
    ('1.26', '0.612', '+0.20')
    """
    scaled, digits = (100 * value, 2) if percent else (value, 3)
    return f"{round(scaled, digits) + 0.0:{'+' if sign else ''}.{digits}f}"


def is_percent(report: Report, name: str) -> bool:
    """Whether a figure is a ratio of sums, shown in percent."""
    measure = report.measures.get(name)
    return bool(measure and measure.is_ratio and measure.unit == "%")


def title_of(name: str) -> str:
    """A figure's name as a heading.

    >>> title_of("cer"), title_of("exact_match"), title_of("segment_f1")
    ('CER', 'Exact match', 'Segment F1')
    """
    if name in TITLES:
        return TITLES[name]
    if len(name) <= 3:
        return name.upper()
    words = name.replace("_", " ").capitalize().split()
    return " ".join(ABBREVIATIONS.get(word.lower(), word) for word in words)


def sample_text(comparison: Comparison) -> str:
    """How much there was to judge by: "300 examples of 12 groups"."""
    rows = comparison.reports[0].rows
    groups = {row.group for row in rows} - {None}
    return f"{len(rows):,} examples" + (f" of {len(groups)} groups" if len(groups) > 1 else "")


def _findings(comparison: Comparison) -> list[Verdict]:
    name = comparison.primary
    if comparison.baseline is not None:
        others = [n for n in comparison.ranking() if n != comparison.baseline]
        if others:
            return [*_count(comparison, others), *(_against_baseline(comparison, n) for n in others)]
    best = comparison.ranking()[0]
    report, label = comparison.reports[best], comparison.labels[best]
    text = f"{label}: {title_of(name)} {figure_text(report, name)}"
    if len(comparison.reports) == 1:
        return [Verdict("note", text, f"95 % interval over {comparison.unit}s, {sample_text(comparison)}")]
    return [
        Verdict("note", f"First of {len(comparison.reports)} runs: {text}", "no baseline given: differences not tested")
    ]


def _count(comparison: Comparison, others: Sequence[int]) -> list[Verdict]:
    """Many runs in one sentence; few speak for themselves."""
    if len(others) <= MANY:
        return []
    counts = Counter(comparison.deltas[n][comparison.primary].verdict for n in others)
    assert comparison.baseline is not None
    baseline = comparison.labels[comparison.baseline]
    text = (
        f"Of {len(others)} runs {counts['better']} are better than {baseline}, {counts['worse']} are worse, and "
        f"{counts['undecided']} cannot be told from it"
    )
    chance = f"of so many runs that are all the same, about {ALPHA * len(others):.0f} would be told apart by chance"
    return [Verdict("note", text, chance)]


def _against_baseline(comparison: Comparison, n: int) -> Verdict:
    assert comparison.baseline is not None
    name, base = comparison.primary, comparison.reports[comparison.baseline]
    report, delta = comparison.reports[n], comparison.deltas[n][comparison.primary]
    mine, theirs = comparison.labels[n], comparison.labels[comparison.baseline]
    percent = is_percent(base, name)
    sentence = {
        "better": f"{mine} is better than {theirs}",
        "worse": f"{mine} is worse than {theirs}",
        "undecided": f"{mine} and {theirs} cannot be told apart",
    }[delta.verdict]
    if delta.interval is None:
        sentence = f"{mine} beside {theirs}, the difference not tested"
    unit = " %" if percent else ""
    figures = (
        f"{number_text(report.metrics[name], percent)}{unit} against {number_text(base.metrics[name], percent)}{unit}"
    )
    gap = f"difference {delta_text(delta, percent, ' points' if percent else '')}"
    how = f"paired over {comparison.unit}s, {sample_text(comparison)}"
    limit = power_text(delta, comparison.unit, percent) if delta.verdict == "undecided" else ""
    how += f"; {limit}" if limit else ""
    if delta.interval is None:
        how = "no paired interval: the runs did not score the same examples, or the figure is no ratio of counts"
    kind: Kind = delta.verdict  # type: ignore[assignment]
    return Verdict(kind, f"{sentence}: {title_of(name)} {figures}", f"{gap}; {how}")


def _ends(interval: Interval, percent: bool, sign: bool = False) -> str:
    return ", ".join(number_text(end, percent, sign) for end in interval)
