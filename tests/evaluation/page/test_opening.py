from __future__ import annotations

from project.contract import Finding
from project.evaluation.hypotheses.judgement import Judgement
from project.evaluation.page.findings import Shared
from project.evaluation.page.opening import MAX_VERDICTS, MAX_WARNINGS, opening
from project.evaluation.verdict import Verdict


def test_claims_first_then_verdicts_then_warnings() -> None:
    claims = [
        Judgement("a/b", "Beams <help>.", "supported", ("by 0.3 points",)),
        Judgement("a/c", "Masks help.", "refuted", ()),
        Judgement("a/d", "Width helps.", "undecided", ("one seed of three",)),
    ]
    verdicts = [Verdict("warning", "Coverage 20 of 300"), Verdict("better", "wide is better", "paired")]
    found = [Shared(Finding("leakage", "test", "7 clips stand in both", "split anew"), ("wide",))]
    html = opening(claims, verdicts, found)
    order = ["Beams &lt;help&gt;.", "by 0.3", "Masks", "Width", "wide is better", "wide: 7 clips", "split", "Coverage"]
    places = [html.index(text) for text in order]
    assert places == sorted(places)
    assert [html.index(f">{outcome}</span>") for outcome in ("supported", "refuted", "undecided")] == sorted(
        html.index(f">{outcome}</span>") for outcome in ("supported", "refuted", "undecided")
    )


def test_many_are_folded() -> None:
    verdicts = [Verdict("undecided", f"r{n}") for n in range(MAX_VERDICTS + 2)]
    warnings = [Verdict("warning", f"w{n}") for n in range(MAX_WARNINGS + 1)]
    html = opening([], [*verdicts, *warnings], [])
    assert "<summary>2 more</summary>" in html
    assert "<summary>1 more warnings</summary>" in html
    assert opening([], [], []) == ""
