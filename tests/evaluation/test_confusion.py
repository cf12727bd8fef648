from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import jiwer
import pytest

from project.evaluation.comparison import compare
from project.evaluation.confusion import MAX_CONFUSED, MAX_PAIRS, confused, confusion, confusion_grid
from project.evaluation.page.confusion_picture import MAX_SYMBOLS, confusion_map
from project.evaluation.result import Report, Row

Make = Callable[..., Report]
Sound = Callable[[str], str]


def by_words(report: Report) -> Report:
    """The same report, judged by its words."""
    figures = {"wer": report.metrics["wer"]}
    return replace(report, metrics=figures, intervals={}, measures={"wer": report.measures["wer"]})


@pytest.mark.parametrize("unit", ["cer", "wer"])
def test_errors_are_those_that_the_metric_and_jiwer_count(make: Make, unit: str) -> None:
    report = make("a", rate=0.2) if unit == "cer" else by_words(make("a", rate=0.2))
    found = confusion(report)
    assert found is not None
    for kind, counted in (
        ("substitutions", [pair for pair in found.counts.elements() if None not in pair]),
        ("deletions", [pair for pair in found.counts.elements() if pair[1] is None]),
        ("insertions", [pair for pair in found.counts.elements() if pair[0] is None]),
    ):
        assert len(counted) == sum(row.columns[f"{unit}_{kind}"] for row in report.rows)
    texts = [row.reference for row in report.rows], [row.hypothesis for row in report.rows]
    cut = jiwer.Compose([jiwer.ReduceToListOfListOfChars() if unit == "cer" else jiwer.ReduceToListOfListOfWords()])
    theirs = jiwer.process_words(*texts, reference_transform=cut, hypothesis_transform=cut)  # without its stripping
    assert found.num_errors == theirs.substitutions + theirs.deletions + theirs.insertions


@pytest.mark.parametrize("unit", ["cer", "wer"])
def test_errors_lead_from_the_references_to_the_hypotheses(make: Make, unit: str) -> None:
    report = make("a", rate=0.2) if unit == "cer" else by_words(make("a", rate=0.2))
    split: Callable[[str], list[str]] = list if unit == "cer" else str.split
    found = confusion(report)
    assert found is not None
    heard = Counter(found.wanted)
    for (left, right), count in found.counts.items():
        heard[left or ""] -= count
        heard[right or ""] += count
    heard.pop("", None)
    assert +heard == Counter(symbol for row in report.rows for symbol in split(row.hypothesis))


def test_kinds_of_spans(make_spans: Make) -> None:
    """Errors are spans without a partner, as the metric counts them, and partners of another kind."""
    report = make_spans("a")
    found = confusion(report)
    assert found is not None
    alone = sum(count for pair, count in found.counts.items() if None in pair)
    said, wanted, pairs = (
        sum(row.columns[f"segment_f1_{name}"] for row in report.rows) for name in ("said", "wanted", "pairs_50")
    )
    assert alone == said + wanted - 2 * pairs
    assert found.wanted == Counter(text.split()[0] for row in report.rows for text in row.reference.split(", ") if text)
    assert found.counts["retracement", "consolidation"] > 0
    assert found.num_errors > alone


def test_table(make: Make) -> None:
    found = confusion(make("a", rate=0.3))
    assert found is not None
    grid = confusion_grid(found)
    times = [int(row[2]) for row in grid.rows]
    assert times == sorted(found.counts.values(), reverse=True)[:MAX_PAIRS]
    assert grid.notes == (f"{len(found.counts) - MAX_PAIRS} rarer pairs",)
    assert any("␣" in row[:2] for row in grid.rows)


def test_only_where_symbols_are_counted(make: Make) -> None:
    assert confused(compare([make("perfect", rate=1e-9)])) == {}
    report = make("a", num_examples=16)
    rows = tuple(matched(row) for row in report.rows)
    plain = {"metrics": {"match": 0.5}, "intervals": {}, "measures": {}, "rows": rows}
    assert confusion(replace(report, **plain)) is None  # type: ignore[arg-type]
    many = compare([make(f"r{n}", num_examples=16) for n in range(MAX_CONFUSED + 2)])
    assert len(confused(many)) == MAX_CONFUSED


def matched(row: Row) -> Row:
    return replace(row, columns={"match_matches": float(row.reference == row.hypothesis)})


def test_map(make: Make, sound: Sound) -> None:
    report = make("a", rate=0.2)
    found = confusion(report)
    assert found is not None
    svg = sound(confusion_map(found, 0, "a"))
    assert svg.count("fill: var(--series-0)") == len(found.counts)
    for text in ("left out", "put in", "wanted", "recognized", "␣"):
        assert text in svg
    wide = Counter({(f"w{n}", None): 1 for n in range(MAX_SYMBOLS + 1)})
    assert confusion_map(replace(found, counts=wide, wanted={name: 1 for name, _ in wide if name}), 0, "b") == ""
