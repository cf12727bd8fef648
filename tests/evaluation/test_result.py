from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from project import atomic
from project.contract import InputError, Track
from project.evaluation.protocol import hash_ids
from project.evaluation.result import Report, Row, check_rows, load

Make = Callable[..., Report]


def with_row(report: Report, place: int, **changes: object) -> tuple[Row, ...]:
    rows = list(report.rows)
    rows[place] = replace(rows[place], **changes)  # type: ignore[arg-type]
    return tuple(rows)


def test_round_trip(make: Make, tmp_path: Path) -> None:
    report = make("a", num_examples=20)
    hard = {"reference": 'a "b", c;\r\n d\te', "hypothesis": "=é\n", "group": None, "location": "s3://x/ü.wav"}
    hard["meta"] = {"hand": 'a, "b"', "snr_db": -1 / 3, "new": "3"}
    report = replace(report, rows=with_row(report, 3, score=float("-inf"), length=1 / 3, **hard), run="ü/a b")
    folder = report.save(tmp_path)
    assert folder == tmp_path / report.protocol.hash
    assert sorted(path.name for path in folder.iterdir()) == ["predictions.csv", "report.json"]
    assert load(folder) == load(folder / "report.json") == report


def test_table_has_the_documented_header(make: Make, tmp_path: Path) -> None:
    report = make("a", num_examples=5)
    with (report.save(tmp_path) / "predictions.csv").open(newline="", encoding="utf-8") as stream:
        lines = list(csv.DictReader(stream))
    assert list(lines[0])[:6] == ["id", "reference", "hypothesis", "group", "length", "location"]
    assert list(lines[0])[-1] == "score"
    assert [line["id"] for line in lines] == [row.id for row in report.rows]
    errors = sum(int(line[f"cer_{kind}"]) for line in lines for kind in ("substitutions", "deletions", "insertions"))
    assert errors / sum(int(line["cer_length"]) for line in lines) == pytest.approx(report.metrics["cer"])


def test_conditions_are_columns(make: Make, tmp_path: Path) -> None:
    report = make("a", num_examples=5)
    with (report.save(tmp_path) / "predictions.csv").open(newline="", encoding="utf-8") as stream:
        lines = list(csv.DictReader(stream))
    assert [float(line["meta.snr_db"]) for line in lines] == [row.meta["snr_db"] for row in report.rows]
    assert [line["meta.hand"] for line in lines] == [row.meta["hand"] for row in report.rows]
    mixed = replace(report, rows=with_row(report, 1, meta={"snr_db": "clean"}))
    assert [row.meta["snr_db"] for row in load(mixed.save(tmp_path)).rows][1:3] == ["clean", lines[2]["meta.snr_db"]]


def test_reports_from_before_conditions_load(make: Make, tmp_path: Path) -> None:
    report = make("a", num_examples=5)
    report = replace(report, rows=tuple(replace(row, meta={}) for row in report.rows))
    file = report.save(tmp_path) / "report.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    assert content.pop("meta") == {}
    file.write_text(json.dumps(content), encoding="utf-8")
    assert load(file) == report


def test_what_is_said_of_frames_is_kept(make_spans: Make, tmp_path: Path) -> None:
    report = make_spans("a", num_examples=5)
    some = replace(report, rows=with_row(with_rowless(report), 3, track=Track((), 0.25)))
    for one in (report, some):
        assert load(one.save(tmp_path)) == one
    with (report.save(tmp_path) / "predictions.csv").open(newline="", encoding="utf-8") as stream:
        lines = list(csv.DictReader(stream))
    assert list(lines[0])[-3:] == ["score", "inside", "threshold"]
    for line, row in zip(lines, report.rows, strict=True):
        assert row.track is not None
        assert [float(text) for text in line["inside"].split(" ")] == list(row.track.inside)
        assert float(line["threshold"]) == row.track.threshold


def with_rowless(report: Report) -> Report:
    """The same report, nothing being said of the second example's frames."""
    return replace(report, rows=with_row(report, 1, track=None))


def test_probabilities_are_numbers(make_spans: Make) -> None:
    report = make_spans("a", num_examples=3)
    with pytest.raises(InputError, match="walk-0002: what is said of its frames is no number"):
        replace(report, rows=with_row(report, 2, track=Track((0.5, float("nan")), 0.5)))


def test_interrupted_save_keeps_the_old_report(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = make("a", num_examples=10)
    folder = old.save(tmp_path)

    def stop(path: Path, data: bytes) -> None:
        if path.name == "report.json":
            raise KeyboardInterrupt
        write(path, data)

    write = atomic.write
    monkeypatch.setattr(atomic, "write", stop)
    with pytest.raises(KeyboardInterrupt):
        replace(old, rows=with_row(old, 0, score=-1.0)).save(tmp_path)
    with pytest.raises(InputError, match="changed since the report was made"):
        load(folder)


@pytest.mark.parametrize("damage", ["missing", "cut", "list", "format", "key", "table"])
def test_damage_is_named(make: Make, tmp_path: Path, damage: str) -> None:
    folder = make("a", num_examples=5).save(tmp_path)
    file, text = folder / "report.json", (folder / "report.json").read_text(encoding="utf-8")
    content = json.loads(text)
    if damage == "missing":
        file.unlink()
    elif damage == "cut":
        file.write_text(text[:100], encoding="utf-8")
    elif damage == "table":
        (folder / "predictions.csv").unlink()
    else:
        new = {"list": [], "format": {**content, "format": 99}, "key": {k: v for k, v in content.items() if k != "run"}}
        file.write_text(json.dumps(new[damage]), encoding="utf-8")
    with pytest.raises(InputError, match=r"report.*evaluate the run") as caught:
        load(folder)
    assert "\n" not in str(caught.value)


def test_every_example_counts_once(make: Make) -> None:
    report = make("a", num_examples=6)
    with pytest.raises(InputError, match="clip-0002 is there twice"):
        replace(report, rows=with_row(report, 4, id="clip-0002"))
    with pytest.raises(InputError, match="5 rows, and its Protocol speaks of 6"):
        replace(report, rows=report.rows[:5])
    with pytest.raises(InputError, match="not in the manifest's order"):
        replace(report, rows=report.rows[::-1])
    with pytest.raises(InputError, match="not the examples its Protocol speaks of"):
        replace(report, protocol=replace(report.protocol, manifest_ids_hash=hash_ids(["x"])))


def test_what_could_not_be_computed_is_refused(make: Make) -> None:
    report = make("a", num_examples=6)
    for value in (float("nan"), float("inf")):
        with pytest.raises(InputError, match=r"cer is (nan|inf): it could not be computed"):
            replace(report, metrics={**report.metrics, "cer": value})
    with pytest.raises(InputError, match="no figure at all"):
        replace(report, metrics={}, intervals={}, measures={})
    columns = report.rows[1].columns
    not_a_number = with_row(report, 1, columns={**columns, "cer_length": float("nan")})
    with pytest.raises(InputError, match="clip-0001: cer_length is nan"):
        replace(report, rows=not_a_number)
    lacking = with_row(report, 1, columns={name: columns[name] for name in columns if name != "cer_length"})
    with pytest.raises(InputError, match=r"clip-0001: has other columns .* cer_length"):
        replace(report, rows=lacking)
    measures = {"cer": replace(report.measures["cer"], above=("nothing",))}
    with pytest.raises(InputError, match="no column nothing"):
        replace(report, measures=measures)


def test_the_example_is_named_before_the_figure_that_it_spoilt(make: Make) -> None:
    report = make("a", num_examples=6)
    rows = with_row(report, 4, columns={**report.rows[4].columns, "wer_length": float("nan")})
    for refuse in (lambda: check_rows(rows), lambda: replace(report, rows=rows, metrics={"wer": float("nan")})):
        with pytest.raises(InputError, match="clip-0004: wer_length is nan"):
            refuse()
    check_rows(report.rows)


def test_empty_hypothesis_counts_as_deletions(make: Make) -> None:
    report = make("a", num_examples=6)
    kept = {**report.rows[0].columns, "cer_deletions": 0.0}
    with pytest.raises(InputError, match="clip-0000: nothing was recognized, and cer_deletions is 0 of"):
        replace(report, rows=with_row(report, 0, hypothesis="", columns=kept))
    empty = {**kept, "cer_deletions": kept["cer_length"], "wer_deletions": kept["wer_length"]}
    assert replace(report, rows=with_row(report, 0, hypothesis="", columns=empty)).rows[0].hypothesis == ""
