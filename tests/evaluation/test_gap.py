"""Where one run is better: against counts made by hand, and with differences that were put in."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from project.contract import Hypothesis, InputError
from project.data.manifest import Manifest
from project.evaluation import gap
from project.evaluation.comparison import compare
from project.evaluation.estimate import make_report
from project.evaluation.gap_table import csv_rows, gap_grid, said, sentences
from project.evaluation.page.gap_page import write_page
from project.evaluation.protocol import Protocol, hash_ids
from project.evaluation.result import Report, Row
from project.evaluation.words import Word, read_words, words_of
from project.metric.text import ErrorRate

METRIC = ErrorRate("per", "word")
WORDS = {"TOMATO": "T AH M EY T OW", "SPRING": "S P R IH NG", "PHOTO": "F OW T OW", "BATH": "B AE TH", "THE": "DH AH"}
NAMES = ("a", "b")


def spoken(run: str, wrong: Callable[[str, random.Random], str], examples: int = 160, speakers: int = 16) -> Report:
    """Readings of three words each, each symbol heard as `wrong` says."""
    texts, ears = random.Random(0), random.Random(run)
    rows = []
    for n in range(examples):
        symbols = " ".join(WORDS[texts.choice(list(WORDS))] for _ in range(texts.randint(2, 5))).split()
        heard = " ".join(symbol for symbol in (wrong(one, ears) for one in symbols) if symbol)
        reference = " ".join(symbols)
        columns = METRIC.score(reference, Hypothesis((), heard, 0.0))
        rows.append(Row(f"e{n}", reference, heard, f"speaker {n % speakers:02d}", 2.0, -1.0, columns, f"e{n}.wav"))
    ids = hash_ids(row.id for row in rows)
    protocol = Protocol("m", ids, examples, "full", {}, {}, "a", {"kind": "greedy"}, "none", "32-true", "0.1")
    return make_report(protocol, run, [METRIC], rows, "2026-02-03", info={"manifest": "gone.jsonl"}, num_resamples=100)


def takes(table: dict[str, tuple[str, float]], rest: float = 0.05) -> Callable[[str, random.Random], str]:
    """Hears a symbol as another one that often, and any symbol as nothing."""

    def wrong(symbol: str, ears: random.Random) -> str:
        other, rate = table.get(symbol, (symbol, 0.0))
        draw = ears.random()
        return other if draw < rate else "" if draw > 1 - rest else symbol

    return wrong


@pytest.fixture(scope="module")
def pair() -> tuple[Report, Report]:
    """The first takes TH and DH for others much less often, and OW a little more often for nothing; else alike."""
    return (
        spoken("a", takes({"TH": ("S", 0.05), "DH": ("D", 0.05), "M": ("N", 0.5)})),
        spoken("b", takes({"TH": ("S", 0.7), "DH": ("D", 0.6), "M": ("N", 0.05)})),
    )


def test_counts_are_those_of_the_alignments() -> None:
    """Two examples of two runs, counted by hand."""
    rows = [("K AE T", "K EH T", "AE T"), ("T AE K", "T AE K S", "T AE K")]
    reports = []
    for side in (1, 2):
        made = [
            Row(f"e{n}", row[0], row[side], None, 1.0, -1.0, METRIC.score(row[0], Hypothesis((), row[side], 0.0)))
            for n, row in enumerate(rows)
        ]
        protocol = Protocol("m", hash_ids(row.id for row in made), 2, "full", {}, {}, "a", {}, "none", "32", "0.1")
        reports.append(make_report(protocol, "ab"[side - 1], [METRIC], made, "2026", num_resamples=10))
    found = gap.sides(*reports, NAMES)
    rates = {one.label: (one.symbols, one.rates) for one in gap.by_symbol(found)}
    assert rates == {
        "AE": (2, (0.5, 0.0)), "K": (2, (0.0, 0.5)), "T": (2, (0.0, 0.0)), "put in": (6, (1 / 6, 0.0)),
    }  # fmt: skip
    assert gap.whole(found).rates == (2 / 6, 1 / 6)
    assert found.heard[0][0].pairs == {("AE", "EH"): 1}
    assert found.heard[1][0].pairs == {("K", None): 1}
    assert found.heard[0][1].pairs == {(None, "S"): 1}
    words = {"e0": [Word("CAT", 0, 3)], "e1": [Word("TACK", 0, 3)]}
    assert {one.label: (one.symbols, one.rates) for one in gap.by_word(found, words)} == {
        "CAT": (3, (1 / 3, 1 / 3)), "TACK": (3, (0.0, 0.0)),
    }  # fmt: skip
    assert gap.furthest(found, 5) == ([], [1])
    assert {said(one, NAMES) for one in gap.by_symbol(found)} == {"too little data"}


def test_what_was_put_in_is_found(pair: tuple[Report, Report]) -> None:
    found = gap.sides(*pair, NAMES)
    winners = {one.label: said(one, NAMES) for one in gap.by_symbol(found)}
    assert [winners[symbol] for symbol in ("TH", "DH", "M")] == ["a", "a", "b"]
    pairs = gap.by_pair(found)
    assert {one.label for one in pairs[:3]} == {"TH → S", "DH → D", "M → N"}
    assert {one.label: one.winner for one in pairs[:3]} == {"TH → S": 0, "DH → D": 0, "M → N": 1}
    assert all(left.errors**2 >= right.errors**2 for left, right in pairwise(pairs))


def test_runs_that_hear_alike_are_seldom_told_apart() -> None:
    """One in twenty parts, which is what chance does."""
    found = [gap.sides(spoken(f"x{n}", takes({})), spoken(f"y{n}", takes({})), NAMES) for n in range(12)]
    parts = [one for its in found for one in gap.by_symbol(its)]
    assert len(parts) == 12 * 16
    assert sum(one.winner is not None for one in parts) <= 0.1 * len(parts)


def test_words_lengths_and_speakers(pair: tuple[Report, Report]) -> None:
    found = gap.sides(*pair, NAMES)
    words = {row.id: list(cut(row.reference.split())) for row in pair[0].rows}
    by_word = {one.label: said(one, NAMES) for one in gap.by_word(found, words)}
    assert (by_word["BATH"], by_word["THE"], by_word["TOMATO"], by_word["PHOTO"]) == ("a", "a", "b", "tie")
    speakers = gap.by_group(found)
    assert len(speakers) == 16
    assert sum(one.examples for one in speakers) == sum(one.examples for one in gap.by_length(found)) == 160
    errors = sum(
        row.columns[f"per_{kind}"] for row in pair[1].rows for kind in ("substitutions", "deletions", "insertions")
    )
    assert sum(one.rates[1] * one.symbols for one in speakers) == pytest.approx(errors)
    ahead, behind = gap.furthest(found, 6)
    gaps = found.errors[0] - found.errors[1]
    assert max(gaps[ahead]) < 0 < min(gaps[behind])
    assert gaps[ahead[0]] == gaps.min()


def cut(symbols: Sequence[str]) -> list[Word]:
    """Which words these symbols spell."""
    words, start = [], 0
    while start < len(symbols):
        text = next(t for t, w in WORDS.items() if w.split() == list(symbols[start : start + len(w.split())]))
        words.append(Word(text, start, start + len(WORDS[text].split())))
        start = words[-1].end
    return words


def test_words_are_read_from_the_manifest_that_was_scored(pair: tuple[Report, Report], tmp_path: Path) -> None:
    file = tmp_path / "test.jsonl"
    lines = []
    for row in pair[0].rows:
        words = [
            {"text": word.text.lower(), "start": word.start, "end": word.end, "accuracy": 8}
            for word in cut(row.reference.split())
        ]
        lines.append({"id": row.id, "media": row.location, "duration": 2.0, "labels": {"words": words}})
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    report = replace(pair[0], info={"manifest": str(file)})
    assert words_of(report) == f"no words: {file} has changed since it was scored"
    known = replace(report, protocol=replace(report.protocol, manifest_hash=Manifest.open(str(file)).hash))
    found = words_of(known)
    assert isinstance(found, dict)
    first = pair[0].rows[0]
    assert [(word.text, word.start, word.end) for word in found[first.id]] == [
        (word.text, word.start, word.end) for word in cut(first.reference.split())
    ]
    assert found[first.id][0].scores == {"accuracy": 8.0}
    assert words_of(pair[0]) == "no words: the manifest gone.jsonl is not there any more"
    assert read_words([{"text": "A", "start": 0, "end": 9}], 3) == [], "places that are not there"


def test_the_page_tells_it_all(pair: tuple[Report, Report], tmp_path: Path) -> None:
    found = gap.sides(*pair, NAMES)
    parts = [
        ("symbol", gap.by_symbol(found)),
        ("confusion", gap.by_pair(found)),
        ("word", []),
        ("group", gap.by_group(found)),
    ]
    verdicts = sentences(gap.whole(found), parts, NAMES)
    assert verdicts[0].text == "a is better than b on the whole"
    assert any(one.text.startswith("a is better by symbol: TH, DH") for one in verdicts)
    page = write_page(tmp_path / "gap.html", compare(pair, pair[1]), found, parts, verdicts, ["no words: gone"])
    text = page.read_text(encoding="utf-8")
    for part in (
        "By symbol",
        "Confusions that come and go",
        "Examples furthest apart",
        "TH → S",
        "no words: gone",
        "tie",
    ):
        assert part in text
    assert "By word" not in text
    rows = csv_rows(parts, NAMES)
    assert {len(row) for row in rows} == {len(rows[0])}
    assert gap_grid("By word", "word", [], NAMES) is None


def test_equal_runs_are_tied(pair: tuple[Report, Report]) -> None:
    found = gap.sides(pair[0], pair[0], NAMES)
    assert {said(one, NAMES) for one in [*gap.by_symbol(found), gap.whole(found), *gap.by_length(found)]} == {"tie"}
    assert gap.furthest(found, 5) == ([], [])


def test_other_examples_are_refused(pair: tuple[Report, Report]) -> None:
    rows = tuple(replace(row, id=f"x{row.id}") for row in pair[1].rows)
    protocol = replace(pair[1].protocol, manifest_ids_hash=hash_ids(row.id for row in rows))
    with pytest.raises(InputError, match="a and b were evaluated on other examples"):
        gap.sides(pair[0], replace(pair[1], rows=rows, protocol=protocol), NAMES)
