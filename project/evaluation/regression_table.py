"""How well people's scores are told from GOP, in sentences and tables; a row a kind of score and run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from project.evaluation.grid import Grid
from project.evaluation.interval import Interval
from project.evaluation.regression import Score
from project.evaluation.verdict import Verdict, delta_text, number_text

Scores = Mapping[str, Sequence[Score]]  # by run


def sentences(scores: Scores) -> list[Verdict]:
    """One a run: what it tells of phones, or of whatever comes first."""
    found = []
    for run, its in scores.items():
        first = its[0]
        text = f"{run}: {kind(first)}, correlation {number_text(first.pcc, False)}"
        word = {"better": "better than", "worse": "worse than"}.get(first.delta.verdict, "not to be told from")
        evidence = f"{word} GOP alone ({number_text(first.alone, False)}): {delta_text(first.delta, False)}"
        found.append(Verdict("note", text, evidence))
    return found


def grid(scores: Scores, model: str) -> Grid:
    """All figures."""
    rows = tuple(
        (
            f"{run}: {kind(one)}" if len(scores) > 1 else kind(one),
            f"{one.num:,}",
            _text(one.pcc, one.pcc_interval),
            _text(one.mse, one.mse_interval),
            number_text(one.alone, False),
            delta_text(one.delta, False),
        )
        for run, its in scores.items()
        for one in its
    )
    heads = ("score", "number", "PCC [95 %]", "MSE [95 %]", "GOP alone, PCC", "gain [95 %]")
    notes = ("GOP alone: the alignment-free one, its mean over the phones of a word or an utterance",)
    return Grid(f"People's scores from GOP, by {model}", heads, rows, notes)


def csv_rows(scores: Scores) -> list[list[object]]:
    """The same as plain numbers, the header first."""
    head: list[object] = [
        "run",
        "level",
        "aspect",
        "number",
        "pcc",
        "pcc_low",
        "pcc_high",
        "mse",
        "mse_low",
        "mse_high",
    ]
    rows: list[list[object]] = [[*head, "gop_pcc", "gain", "gain_low", "gain_high"]]
    for run, its in scores.items():
        for one in its:
            pcc, mse = (ends or ("", "") for ends in (one.pcc_interval, one.mse_interval))
            gain = (one.alone, one.delta.value, *(one.delta.interval or ("", "")))
            rows.append([run, one.level, one.aspect, one.num, one.pcc, *pcc, one.mse, *mse, *gain])
    return rows


def kind(one: Score) -> str:
    """What is scored."""
    return "phones" if one.level == "phone" else f"{one.level}: {one.aspect}"


def _text(value: float, interval: Interval | None) -> str:
    text = number_text(value, False)
    return f"{text} [{', '.join(number_text(end, False) for end in interval)}]" if interval else text
