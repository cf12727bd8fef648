from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from project.contract import Finding
from project.evaluation.comparison import Comparison, compare
from project.evaluation.example import worst
from project.evaluation.grid import Grid
from project.evaluation.hypotheses.judgement import Judgement
from project.evaluation.page.comparison_page import write_page
from project.evaluation.protocol import hash_ids
from project.evaluation.result import Report
from project.evaluation.run_view import RunView
from project.evaluation.span_report import overlap

Make = Callable[..., Report]
Page = Callable[..., str]
EVIL = "</script><script>alert('x')</script><img src=http://evil.example/x onerror=alert(1)>"
VOID = {"meta", "input", "br", "img", "link"}


class Checker(HTMLParser):
    """Follows tags open and shut; keeps what could load something or run."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.scripts: list[str] = []
        self.loads: list[tuple[str, str | None]] = []
        self.ids: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        if tag == "script":
            self.scripts.append(dict(attrs).get("type") or "javascript")
        self.loads += [
            (name, value) for name, value in attrs if name in ("src", "href", "action") or name.startswith("on")
        ]
        self.ids += [value or "" for name, value in attrs if name == "id"]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open, tag
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def check(html: str) -> Checker:
    checker = Checker()
    checker.feed(html)
    checker.close()
    assert checker.open == []
    assert checker.scripts == ["application/json", "application/json", "application/json", "javascript"]
    assert all(name == "href" and (value or "").startswith("#") for name, value in checker.loads)
    assert len(checker.ids) == len(set(checker.ids))
    style = html[html.index("<style>") : html.index("</style>")]
    assert not re.search(r"url\(|@import|https?:", style)
    return checker


@pytest.fixture
def comparison(make: Make) -> Comparison:
    base, wide, narrow = make("base"), make("wide", 0.02), make("narrow", 0.1)
    return compare([base, wide, narrow], base)


@pytest.fixture
def page_html(tmp_path: Path) -> Callable[..., str]:
    """The page as text, of the same arguments as `write_page` but for the path."""

    def written(*arguments: Any, **settings: Any) -> str:
        return write_page(tmp_path / "page.html", *arguments, **settings).read_text(encoding="utf-8")

    return written


def views(comparison: Comparison) -> list[RunView]:
    curve = [(n, 1.0 / (n + 1)) for n in range(50)]
    return [
        RunView(
            report.run,
            f"runs/{report.run}",
            {"train/loss": curve, "dev/cer": curve},
            {"packages": {"torch": "2"}},
            "scansion train",
        )
        for report in comparison.reports
    ]


def test_everything_stands_on_the_page_in_order(comparison: Comparison, tmp_path: Path) -> None:
    sure = Judgement("demo/wide", "A wide encoder helps.", "supported", ("CER 2 points lower",))
    found = {"wide": [Finding("leakage", "test", "7 clips stand in both", "split anew")]}
    matrix = Grid("Test matrix", ("run", "command"), (("wide", "scansion train"),))
    path = write_page(
        tmp_path / "page.html", comparison, views(comparison), "Is it better?", ["hand"],
        judgements=[sure], matrix=matrix, findings=found,
    )  # fmt: skip
    assert list(tmp_path.iterdir()) == [path]
    html = path.read_text(encoding="utf-8")
    text = " ".join("".join(check(html).text).split())
    for row in worst(comparison.reports[1]):
        assert f"<b>{row.id}</b>" in html
    for name in comparison.reports[0].protocol.flat():
        assert name in text
    for part in (
        "Is it better?",
        "packages.torch",
        "scansion train",
        "split anew",
        "S / D / I",
        "seconds",
        "CER [95 %]",
    ):
        assert part in text
    assert "wpm: 25 in all examples" in text
    assert html.index("<details open><summary>hand") < html.index("<details><summary>snr_db")
    assert html.count("<svg") == 12

    headings = re.findall(r'<h2 id="([a-z]+)-title">', html)
    expected = "result training length drift conditions confusion worst examples diagnosis matrix protocol runs"
    assert headings == expected.split()  # nothing differs between the runs' settings
    first = ["A wide encoder helps.", "wide is better than base", "narrow is worse than base", "wide: 7 clips", "<nav"]
    places = [html.index(part) for part in [*first, *(f'<section id="{name}"' for name in headings)]]
    assert places == sorted(places)


def test_a_page_of_spans_has_the_sections_that_mean_something(make_spans: Make, bars: str, page_html: Page) -> None:
    base, wide = make_spans("base", series=bars), make_spans("wide", 4.0, series=bars)
    curves = {f"train/{name}/share": [(10, part), (20, part)] for name, part in (("span", 0.3), ("countdown", 0.7))}
    html = page_html(compare([base, wide], base), [RunView("base", "", curves)])
    checker = check(html)
    headings = re.findall(r'<h2 id="([a-z]+)-title">', html)
    assert headings == [
        "result",
        "shares",
        "conditions",
        "inside",
        "confusion",
        "worst",
        "examples",
        "protocol",
        "runs",
    ]
    text = " ".join("".join(checker.text).split())
    assert "Confusion of kinds" in text
    for absent in ("substituted", "Errors by length", "Length of hypotheses", "length ratio"):
        assert absent not in text
    data = json.loads(re.findall(r"id=data>(.*?)</script>", html, re.DOTALL)[0])
    for run in data["runs"]:
        assert run["spans"]
        report = {"base": base, "wide": wide}[run["label"]]
        overlaps = {row.id: round(overlap(row), 3) for row in report.rows}
        assert {data["examples"][row[0]][0]: row[5] for row in run["rows"]} == overlaps
    assert len(html) < 1_000_000


def test_a_sweep_is_ranked_over_seeds(make: Make, page_html: Page) -> None:
    reports = [make(f"r{n}", 0.02 + 0.02 * (n // 2), num_examples=16) for n in range(4)]
    settings: list[dict[str, object]] = [{"weighting.mask": n // 2 / 2, "seed": n % 2} for n in range(4)]
    html = page_html(compare(reports), [RunView(f"r{n}", "", settings=settings[n]) for n in range(4)])
    text = " ".join("".join(check(html).text).split())
    assert text.index("weighting.mask=0.0") < text.index("weighting.mask=0.5") < text.index("Each of 4 runs")
    assert "not comparable (weighting.mask differs)" in text


def test_injected_text_stays_text(make: Make, page_html: Page) -> None:
    report = make("base", num_examples=20)
    rows = tuple(
        replace(row, hypothesis=EVIL, id=f"{EVIL}{n}", group=EVIL, location=EVIL, meta={EVIL: f"{EVIL}{n % 2}"})
        for n, row in enumerate(report.rows)
    )
    protocol = replace(report.protocol, manifest_ids_hash=hash_ids(row.id for row in rows), decode={EVIL: EVIL})
    report = replace(report, rows=rows, protocol=protocol, run=EVIL)
    comparison = compare([report])
    view = RunView(EVIL, EVIL, {f"dev/{EVIL}": [(0, 1.0), (1, 2.0)]}, {EVIL: EVIL}, EVIL, {EVIL: EVIL})
    assert page_html(compare([report, replace(report, run="b")]), [view]).count("&lt;script&gt;alert") > 20
    html = page_html(comparison, [view], title=EVIL)
    check(html)
    assert "<script>alert" not in html
    assert "<img" not in html
    data = re.search(r'<script type="application/json" id=data>(.*?)</script>', html, re.DOTALL)
    assert data
    assert json.loads(data[1])["runs"][0]["rows"][0][1] == EVIL


def test_policy_allows_its_own_script_only(make: Make, page_html: Page) -> None:
    html = page_html(compare([make("base", num_examples=16)]))
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', html)
    assert policy
    assert "default-src 'none'" in policy[1]
    assert re.search(r"script-src 'sha256-[\w+/=]+';", policy[1])


@pytest.mark.parametrize("runs", [1, 12])
def test_few_and_many_runs(make: Make, runs: int, page_html: Page) -> None:
    reports = [make(f"r{n}", 0.02 * n + 1e-9, num_examples=16) for n in range(runs)]
    html = page_html(compare(reports, reports[0] if runs > 1 else None))
    check(html)
    assert ("more</summary>" in html) == (runs > 9)
    assert "No errors at all." in html


def test_allowed_differences_are_marked(make: Make, page_html: Page) -> None:
    base = make("base", num_examples=16)
    other = make("other", num_examples=16, decode={"kind": "greedy"})
    html = page_html(compare([base, other], base, allow=["decode"]))
    check(html)
    assert "Compared in spite of decode.kind: beam, and greedy in other" in html
    assert html.count("<tr class=warning>") == 3


def test_colours_of_both_themes_are_the_same_set() -> None:
    style = Path(__file__).parents[3].joinpath("project/evaluation/page/theme.css").read_text(encoding="utf-8")
    blocks = re.findall(r"\{([^{}]*--paper:[^{}]*)\}", style)
    names = [set(re.findall(r"(--[\w-]+):", block)) for block in blocks]
    assert len(names) == 3
    assert names[0] == names[1] == names[2]
    assert blocks[1].split() == blocks[2].replace("color-scheme: dark;", "").split()
