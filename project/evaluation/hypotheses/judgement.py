"""What became of a claim: supported, refuted or undecided, and the sentences that say why.

An interval decides, not a figure: it must lie wholly beyond the smallest change that matters, or wholly short of it.
What speaks against judging at all comes first: Reports that are missing or cover a part, too few examples or seeds, a
run so much worse than its baseline that something is broken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from rich.text import Text

from project.contract import InputError
from project.evaluation.comparison import better
from project.evaluation.grid import SPECIAL
from project.evaluation.hypotheses.answer import answers_ruling
from project.evaluation.hypotheses.claim import ANSWERS, Claim
from project.evaluation.hypotheses.ruling import Duel, Outcome, Ruling, figure_words, primary_ruling, secondary_ruling
from project.evaluation.hypotheses.trial import Trial, confounders, trials
from project.evaluation.result import Report
from project.evaluation.shelf import Entrant, choose, pick
from project.evaluation.verdict import is_percent, title_of
from project.metric.direction import shortfall

MIN_EXAMPLES = 20  # with fewer, an interval over examples says little
COLOURS = {"supported": "green", "refuted": "red", "undecided": "yellow"}
MAX_SENTENCES = 12  # of a sweep with many settings; the rest is counted


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one claim, as terminal, Markdown and page show it."""

    name: str  # of its YAML file: "morse/mask_weight"
    statement: str  # the claim itself, a sentence
    outcome: Outcome
    evidence: tuple[str, ...]  # sentences with figures, the one that decided first


@dataclass(frozen=True, slots=True)
class Exhibit:
    """The Reports of one manifest that a claim is judged by, trial by trial, or what stands in the way."""

    manifest: str | None
    duels: tuple[tuple[Duel, ...], ...] = ()
    obstacles: tuple[str, ...] = ()


def judge(name: str, claim: Claim, entrants: Sequence[Entrant], allow: Sequence[str] = ()) -> Judgement:
    """The verdict on a claim, of these runs; fields named in `allow` or by the claim may differ between Protocols."""
    made = trials(claim, entrants)
    allowed = (*claim.allow, *allow)
    primary = _exhibit(made, claim.primary.manifest, claim.primary.metric, claim, allowed)
    obstacles = [*primary.obstacles, *dict.fromkeys(() if primary.obstacles else _insanities(claim, primary))]
    short = claim.agreement.seeds - max(len(trial.pairs) for trial in made)
    if short > 0:
        have = f"{claim.agreement.seeds - short} of {claim.agreement.seeds} seeds that must agree are there"
        obstacles.append(f"{have}: train and evaluate {short} more.")
    notes = list(_notes(claim, made, primary))
    if obstacles:
        return Judgement(name, claim.statement, "undecided", (*obstacles, *notes))
    rule = answers_ruling if claim.primary.metric == ANSWERS else primary_ruling
    rulings = [[rule(claim, trial, duels, len(made))] for trial, duels in zip(made, primary.duels, strict=True)]
    for margin in claim.secondary:
        exhibit = _exhibit(made, margin.manifest, margin.metric, claim, allowed)
        for n, trial in enumerate(made):
            rulings[n].append(
                Ruling("undecided", f"{title_of(margin.metric)}: {exhibit.obstacles[0]}")
                if exhibit.obstacles
                else secondary_ruling(margin, trial, exhibit.duels[n], len(made))
            )
    outcomes = [together([ruling.outcome for ruling in found], "every") for found in rulings]
    outcome = together(outcomes, claim.agreement.settings)
    ordered = [ruling for n in sorted(range(len(made)), key=lambda n: outcomes[n] != outcome) for ruling in rulings[n]]
    sentences = [ruling.text for ruling in sorted(ordered, key=lambda ruling: ruling.outcome != outcome)]
    more = len(sentences) - MAX_SENTENCES
    cut = [f"And {more} sentences more, of other settings."] if more > 0 else []
    return Judgement(name, claim.statement, outcome, (*sentences[:MAX_SENTENCES], *cut, *notes))


def terminal(judgements: Sequence[Judgement]) -> Text:
    """The judgements for rich to print, each with its evidence below it."""
    text = Text()
    for n, one in enumerate(judgements):
        text.append("\n" if n else "")
        text.append(one.outcome.upper(), style=f"bold {COLOURS[one.outcome]}")
        text.append(f"  {one.statement}  ({one.name})\n")
        text.append("".join(f"  {sentence}\n" for sentence in one.evidence))
    return text


def markdown(judgements: Sequence[Judgement]) -> str:
    """The same as a Markdown list."""
    lines = []
    for one in judgements:
        lines.append(f"- **{one.outcome}**: {one.statement.translate(SPECIAL)} ({one.name.translate(SPECIAL)})")
        lines += [f"  - {sentence.translate(SPECIAL)}" for sentence in one.evidence]
    return "\n".join(lines) + "\n"


def together(outcomes: Sequence[Outcome], settings: Literal["every", "some"]) -> Outcome:
    """One outcome of many.

    >>> together(["supported", "undecided"], "every"), together(["supported", "refuted"], "every")
    ('undecided', 'refuted')
    >>> together(["supported", "refuted"], "some"), together(["undecided", "refuted"], "some")
    ('supported', 'undecided')
    """
    strong: tuple[Outcome, Outcome] = ("refuted", "supported") if settings == "every" else ("supported", "refuted")
    any_is, all_are = strong
    if any_is in outcomes:
        return any_is
    return all_are if set(outcomes) == {all_are} else "undecided"


def _exhibit(made: Sequence[Trial], manifest: str | None, metric: str, claim: Claim, allow: Sequence[str]) -> Exhibit:
    """The Reports of all runs of a claim on one manifest, made alike."""
    sides = [
        [(getattr(pair, side), selection.protocol) for trial in made for pair in trial.pairs]
        for side, selection in (("treatment", claim.treatment), ("baseline", claim.baseline))
    ]
    found = [[run.on(manifest, protocol) for run, protocol in side] for side in sides]
    missing = dict.fromkeys(
        str(run.folder)
        for side, reports in zip(sides, found, strict=True)
        for (run, _), of_run in zip(side, reports, strict=True)
        if not of_run
    )
    if missing:
        return Exhibit(manifest, obstacles=(_missing(list(missing), manifest),))
    key = choose(found[0], found[1], allow)
    reports = [[pick(of_run, key, allow).read() for of_run in side] for side in found]
    duels = iter(zip(*reports, strict=True))
    grouped = tuple(tuple(next(duels) for _ in trial.pairs) for trial in made)
    first = grouped[0][0][1]
    for duel in (duel for group in grouped for duel in group):
        for report in duel:
            _check_metric(report, metric)
    return Exhibit(manifest, grouped, tuple(_weaknesses(first)))


def _weaknesses(report: Report) -> Iterator[str]:
    """What forbids to decide anything by Reports like this one."""
    if not report.protocol.is_complete:
        yield (
            f"Scored {report.protocol.coverage}: a part of a manifest decides nothing: "
            f"evaluate the whole, without max_samples."
        )
    if len(report.rows) < MIN_EXAMPLES:
        yield (
            f"Only {len(report.rows)} examples: nothing is decided by fewer than {MIN_EXAMPLES}, "
            f"and small differences need thousands: evaluate on a larger manifest."
        )


def _insanities(claim: Claim, exhibit: Exhibit) -> Iterator[str]:
    """Runs that are broken rather than worse, and baselines that cannot be beaten."""
    name, bound = claim.primary.metric, claim.sanity
    if name == ANSWERS:  # different ones are neither better nor worse
        return
    for mine, theirs in (duel for group in exhibit.duels for duel in group):
        figures, direction = [report.metrics[name] for report in (mine, theirs)], better(theirs, name)
        more, less = figures[::-1] if direction == "higher" else (abs(shortfall(one, direction)) for one in figures)
        texts = [figure_words(figure, is_percent(theirs, name)) for figure in figures]
        if bound is not None and less > 0 and more > bound * less:
            yield (
                f"{mine.run} is more than {bound:g} times worse than {theirs.run}, {title_of(name)} {texts[0]} against "
                f"{texts[1]}: something is broken there, and nothing is judged before it is mended."
            )
        if direction == "lower" == claim.primary.direction and figures[1] == 0:
            yield f"{theirs.run} makes no errors at all: nothing can be gained: evaluate on a harder manifest."


def _notes(claim: Claim, made: Sequence[Trial], exhibit: Exhibit) -> Iterator[str]:
    """What the reader must know beside the figures."""
    if len(made) > 1:
        holds = {"every": "it must hold for each", "some": "it is enough if it holds for one"}
        yield f"Intervals are widened for {len(made)} settings looked at; {holds[claim.agreement.settings]}."
    for mine, theirs in exhibit.duels[0][:1] if exhibit.duels else ():
        differing = [name for name, *_ in mine.protocol.differences(theirs.protocol)]
        if differing:
            yield f"Compared in spite of other {', '.join(differing)}."
    others = confounders(claim, made)
    if others:
        shown = ", ".join(others[:4]) + (f" and {len(others) - 4} more" if len(others) > 4 else "")
        yield f"The runs also differ in {shown}: the effect may be theirs."


def _missing(folders: Sequence[str], manifest: str | None) -> str:
    of = f" of {manifest}" if manifest else ""
    command = f"scansion evaluate {folders[0]}" + (f" data.manifest={manifest}" if manifest else "")
    if len(folders) == 1:
        return f"{folders[0]} has no Report{of} as the claim wants it: {command}"
    return f"{len(folders)} runs have no Report{of} as the claim wants it, {folders[0]} for one: {command}"


def _check_metric(report: Report, name: str) -> None:
    if name not in report.metrics and name != ANSWERS:
        near = get_close_matches(name, list(report.metrics), n=1)
        hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join(report.metrics)}"
        raise InputError(f"metric: {name} is no figure of {report.run}: {hint}")
