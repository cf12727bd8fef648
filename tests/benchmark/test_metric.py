"""The benchmarks of metrics and of the bootstrap: every way has its row, and equal figures are called equal."""

from __future__ import annotations

import json

import jiwer
import pytest

from project.benchmark import metric
from project.benchmark.bootstrap import Bootstrap
from project.benchmark.metric import ErrorRates, sentences


def test_error_rates() -> None:
    table = ErrorRates(num_utterances=30, words=8, rounds=2, most_slow=10).run()
    rows = {(row[0], row[1]): row for row in table.rows}
    assert {("wer", "scansion"), ("wer", "jiwer"), ("cer", "scansion"), ("cer", "jiwer")} <= rows.keys()
    assert {row[-1] for row in table.rows} == {"yes"}
    assert all(rows[rate, "scansion"][3] == "1.0" for rate in ("wer", "cer"))
    assert all(float(row[2]) >= 0 for row in table.rows)
    json.dumps(table.to_json())


def test_another_figure_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jiwer, "wer", lambda references, hypotheses: 0.5)
    table = ErrorRates(num_utterances=20, words=5, rounds=1, most_slow=5).run()
    assert [row[-1] for row in table.rows if row[:2] == ("wer", "jiwer")] == ["NO"]


def test_what_is_not_installed_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metric, "find_spec", lambda name: None)
    table = ErrorRates(num_utterances=5, words=5, rounds=1).run()
    assert [row[1] for row in table.rows] == ["scansion", "scansion"]
    assert "not installed: torchmetrics" in table.notes


def test_texts_are_wrong_as_often_as_said() -> None:
    references, hypotheses = sentences(500, 20, 0.1, seed=0)
    assert jiwer.wer(references, hypotheses) == pytest.approx(0.1, abs=0.01)
    assert sentences(5, 4, 0.0, seed=1)[0] == sentences(5, 4, 0.0, seed=1)[1]


def test_bootstrap() -> None:
    table = Bootstrap(num_utterances=60, num_resamples=200, part=10, rounds=2, num_scores=40).run()
    figures = list(dict.fromkeys(row[0] for row in table.rows))
    assert figures == [
        "rate, words", "pair, words", "test, words", "rate, characters", "pair, characters", "test, characters",
        "Pearson", "Spearman", "AUC",
    ]  # fmt: skip
    assert all(len([row for row in table.rows if row[0] == figure]) >= 2 for figure in figures)
    assert all(row[3] == "1.0" for row in table.rows if row[1] == "scansion")
    json.dumps(table.to_json())
