"""Further columns of a Report's table: what is written is read again, whichever rows have it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from project.contract import Assessment, InputError, Track
from project.evaluation.result import Report, load
from project.evaluation.row_cells import cells, head, parts_in, parts_of, read

Make = Callable[..., Report]

WHOLE = Assessment(
    ("T", "AH", "M"), (7.25, -100.0, 0.5), (-1.5e-07, -100.0, -0.125), -2.03125, (2.0, 0.4, 1.8),
    {"accuracy": 8.0, "fluency": 7.5}, {"free<0.5": -4.5, "aligned<1": -1.0}, (1.75, 0.0625),
)  # fmt: skip
BARE = Assessment(("T", "AH"), (), (), -3.5)
EMPTY = Assessment(())
TRACK = Track((0.5, 0.0625), 1 / 3)


@pytest.mark.parametrize("assessment", [WHOLE, BARE, EMPTY, None])
@pytest.mark.parametrize("track", [TRACK, None])
def test_round_trip(track: Track | None, assessment: Assessment | None) -> None:
    for rows in ([(track, assessment)], [(TRACK, WHOLE), (track, assessment)]):
        parts = parts_of(rows)
        assert parts_in(["id", "score", *head(parts)]) == parts
        texts = cells(parts, track, assessment)
        assert len(texts) == len(head(parts))
        found, its = read(parts, texts)
        assert its == assessment
        assert found == (Track((0.5, 0.0625), 1 / 3) if track else None)


def with_assessments(report: Report, *found: Assessment | None) -> Report:
    rows = [replace(row, assessment=one) for row, one in zip(report.rows, found, strict=True)]
    return replace(report, rows=tuple(rows))


def test_reports_keep_what_was_said_of_phones(make: Make, tmp_path: Path) -> None:
    report = with_assessments(make("a", num_examples=4), WHOLE, BARE, None, EMPTY)
    folder = report.save(tmp_path)
    assert load(folder) == report
    with (folder / "predictions.csv").open(newline="", encoding="utf-8") as stream:
        first, second, third, _ = csv.DictReader(stream)
    assert list(first)[-8:] == head(("assessment",))
    assert (first["phones"], first["gop_free"], first["gop_aligned"]) == (
        "T AH M",
        "-1.5e-07 -100 -0.125",
        "7.25 -100 0.5",
    )
    assert (first["scores"], first["gop_thresholds"]) == ("accuracy=8 fluency=7.5", "free<0.5=-4.5 aligned<1=-1")
    assert (second["gop_free"], second["phone_scores"], second["gop_calibration"]) == ("", "", "")
    assert {third[name] for name in head(("assessment",))} == {""}


def test_what_is_said_of_phones_is_a_number(make: Make) -> None:
    wrong = replace(WHOLE, free=(float("nan"), 0.0, 0.0))
    with pytest.raises(InputError, match="clip-0001: what is said of its phones is no number: the model has diverged"):
        with_assessments(make("a", num_examples=2), WHOLE, wrong)
