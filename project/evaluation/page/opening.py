"""What the page says first: what became of the claims, how the runs compare, and what speaks against believing it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from project.evaluation.grid import typeset
from project.evaluation.hypotheses.judgement import Judgement
from project.evaluation.page.findings import Shared
from project.evaluation.verdict import Verdict

MAX_VERDICTS = 8  # of comparisons, shown at once; the others open on demand
MAX_WARNINGS = 6
MARKS = {"better": "✓", "worse": "✕", "undecided": "≈", "note": "–", "warning": "!"}
OUTCOMES = {"supported": "better", "refuted": "worse", "undecided": "undecided"}


@dataclass(frozen=True, slots=True)
class _Item:
    kind: str
    html: str


def opening(judgements: Sequence[Judgement], verdicts: Sequence[Verdict], findings: Sequence[Shared]) -> str:
    """Claims, comparisons, findings of the diagnosis, and what else limits all that, in this order."""
    sentences = [_of_verdict(verdict) for verdict in verdicts if verdict.kind != "warning"]
    doubts = [_of_finding(one) for one in findings]
    doubts += [_of_verdict(verdict) for verdict in verdicts if verdict.kind == "warning"]
    return (
        _list("What became of the claims", [_of_judgement(judgement) for judgement in judgements])
        + _list("Verdicts", sentences[:MAX_VERDICTS])
        + _folded(sentences[MAX_VERDICTS:], "more")
        + _list("Warnings", doubts[:MAX_WARNINGS])
        + _folded(doubts[MAX_WARNINGS:], "more warnings")
    )


def _of_judgement(judgement: Judgement) -> _Item:
    evidence = "".join(f"<small>{typeset(sentence)}</small>" for sentence in judgement.evidence)
    text = (
        f"<p><span class=outcome>{judgement.outcome}</span> {typeset(judgement.statement)}"
        f"{evidence}<small><code>{escape(judgement.name)}</code></small></p>"
    )
    return _Item(f"{OUTCOMES[judgement.outcome]} claim", text)


def _of_verdict(verdict: Verdict) -> _Item:
    small = f"<small>{typeset(verdict.evidence)}</small>" if verdict.evidence else ""
    return _Item(verdict.kind, f"<p>{typeset(verdict.text)}{small}</p>")


def _of_finding(found: Shared) -> _Item:
    text = f"<p>{typeset(f'{found.who}: {found.finding.text}')}<small>{typeset(found.finding.remedy)}</small></p>"
    return _Item("warning", text)


def _list(name: str, items: Sequence[_Item]) -> str:
    if not items:
        return ""
    marks = (f"<span class=mark aria-hidden=true>{MARKS[item.kind.split()[0]]}</span>" for item in items)
    lines = "".join(f'<li class="{item.kind}">{mark}{item.html}</li>' for mark, item in zip(marks, items, strict=True))
    return f'<ul class=verdicts aria-label="{escape(name)}">{lines}</ul>'


def _folded(items: Sequence[_Item], name: str) -> str:
    return f"<details><summary>{len(items)} {name}</summary>{_list(name, items)}</details>" if items else ""
