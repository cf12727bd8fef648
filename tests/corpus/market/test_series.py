"""Files of bars: read in many forms to the same numbers, or refused with the place of the flaw."""

from __future__ import annotations

import importlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from project.contract import InputError
from project.corpus.market.series import iso, read_series, seconds_of, write_series

BEGIN = datetime(2015, 3, 2, 9, tzinfo=UTC)
BARS = np.column_stack(
    [
        BEGIN.timestamp() + 3600.0 * np.arange(6),
        [10, 11, 12, 11.5, 11, 12],
        [11.5, 12.25, 12.5, 12, 12.5, 12.5],
        [9.5, 10.75, 11, 10.5, 10.5, 11.75],
        [11, 12, 11.5, 11, 12, 12],
        [100, 0, 250, 3, 4, 5.0],
    ]
)


def rows(times: list[str], columns: tuple[int, ...] = (1, 2, 3, 4, 5)) -> list[list[str]]:
    return [[time, *(f"{bar[column]:g}" for column in columns)] for time, bar in zip(times, BARS, strict=True)]


def stamps(form: str) -> list[str]:
    return [(BEGIN + timedelta(hours=hour)).strftime(form) for hour in range(6)]


def write(path: Path, header: str, lines: list[list[str]], sign: str = ",") -> Path:
    path.write_text("\n".join([header.replace(",", sign), *(sign.join(line) for line in lines)]) + "\n", "utf-8")
    return path


FULL = "ts,open,high,low,close,volume"


@pytest.mark.parametrize(
    ("header", "times", "sign"),
    [
        (FULL, stamps("%Y-%m-%d %H:%M:%S"), ","),
        ("Date,Open,HIGH,Low,Close,Volume", stamps("%Y-%m-%dT%H:%M"), ";"),
        ("datetime, Open, High, Low, Close, Vol", stamps("%Y-%m-%dT%H:%M:%SZ"), "\t"),
        ("\ufeffTimestamp,open,high,low,close,tickvol", stamps("%Y/%m/%d %H:%M"), ","),
        ("time,open,high,low,close,volume", [f"{second:.0f}" for second in BARS[:, 0]], ","),
        ("time,open,high,low,close,volume", [f"{1000 * second:.0f}" for second in BARS[:, 0]], ","),
        ("time,open,high,low,close,volume", [f"{second:.1f}" for second in BARS[:, 0]], ","),
        ("ts,open,high,low,close,volume", stamps("%Y-%m-%dT%H:%M:%S+00:00"), ","),
        ("<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<VOL>", stamps("%Y.%m.%d\t%H:%M:%S"), "\t"),
    ],
)
def test_many_forms_of_csv_hold_the_same_bars(header: str, times: list[str], sign: str, tmp_path: Path) -> None:
    path = write(tmp_path / "spy.csv", header, rows(times), sign)
    np.testing.assert_array_equal(read_series(path, 6), BARS)


def test_volume_may_be_missing_and_other_columns_are_passed_over(tmp_path: Path) -> None:
    lines = [[*row, "x", "y"] for row in rows(stamps("%Y-%m-%d %H:%M"), (4, 3, 2, 1))]
    path = write(tmp_path / "spy.csv", "date,close,low,high,open,adjusted,source", lines)
    np.testing.assert_array_equal(read_series(path, 6), BARS * [1, 1, 1, 1, 1, 0])
    lines = rows(stamps("%Y-%m-%d %H:%M"))
    lines[2][5] = ""
    assert read_series(write(path, FULL, lines), 6)[:, 5].tolist() == [100, 0, 0, 3, 4, 5]


def test_decimal_commas_and_blank_lines(tmp_path: Path) -> None:
    lines = [[row[0], *(cell.replace(".", ",") for cell in row[1:])] for row in rows(stamps("%Y-%m-%d %H:%M"))]
    path = write(tmp_path / "dax.csv", FULL, [*lines[:3], ["", ""], *lines[3:]], ";")
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    np.testing.assert_array_equal(read_series(path, 6), BARS)


def parquet(path: Path, **changes: Any) -> Path:
    columns: dict[str, Any] = dict(zip(FULL.split(","), BARS.T, strict=True)) | changes
    pq.write_table(pa.table({name: column for name, column in columns.items() if column is not None}), path)
    return path


@pytest.mark.parametrize(
    "times",
    [
        pa.array([BEGIN + timedelta(hours=hour) for hour in range(6)], pa.timestamp("us")),
        pa.array([BEGIN + timedelta(hours=hour) for hour in range(6)], pa.timestamp("ns", tz="America/New_York")),
        pa.array((BARS[:, 0] * 1000).astype(np.int64)),
        pa.array(BARS[:, 0]),
        pa.array(stamps("%Y-%m-%d %H:%M")),
    ],
)
def test_parquet_holds_the_same_bars(times: pa.Array, tmp_path: Path) -> None:
    np.testing.assert_array_equal(read_series(parquet(tmp_path / "spy.parquet", ts=times), 6), BARS)
    renamed = parquet(tmp_path / "aapl.parquet", ts=None, Date=times, odd=pa.array([[1]] * 6))
    np.testing.assert_array_equal(read_series(renamed, 6), BARS)
    whole_days = parquet(tmp_path / "ibm.parquet", ts=pa.array(np.arange(6, dtype=np.int32), pa.date32()))
    assert read_series(whole_days, 6)[:, 0].tolist() == [86400.0 * day for day in range(6)]


@pytest.mark.parametrize(
    ("column", "row", "cell", "words"),
    [
        (0, 3, "2015-03-02 09:30", r":5: the time is before that of the bar before: sort the rows"),
        (0, 3, "2015-03-02 11:00", r":5: the time is that of the bar before: take one of the two out"),
        (0, 1, "31/12/2014 10:00", r":3: '31/12/2014 10:00' is no time: write it as 2015-01-31 14:00"),
        (0, 1, "", r":3: '' is no time"),
        (1, 2, "", r":4: a price is missing: fill it in"),
        (4, 5, "nan", r":7: a price is missing"),
        (2, 2, "inf", r":4: a price is missing"),
        (3, 0, "0", r":2: a price is 0 or less"),
        (3, 4, "-3", r":6: a price is 0 or less"),
        (2, 1, "11.9", r":3: the high is below open or close: correct the row"),
        (3, 1, "11.1", r":3: the low is above open or close"),
        (5, 1, "-1", r":3: the volume is below 0"),
        (4, 1, "null", r":3: close is 'null', no number: correct it"),
    ],
)
def test_a_flaw_is_told_with_its_line(column: int, row: int, cell: str, words: str, tmp_path: Path) -> None:
    lines = rows(stamps("%Y-%m-%d %H:%M"))
    lines[row][column] = cell
    with pytest.raises(InputError, match=rf"spy\.csv{words}"):
        read_series(write(tmp_path / "spy.csv", FULL, lines), 6)


def test_of_many_flaws_the_first_is_told_and_the_others_counted(tmp_path: Path) -> None:
    lines = rows(stamps("%Y-%m-%d %H:%M"))
    lines[1][2], lines[3][2] = "9", "9"
    with pytest.raises(InputError, match=r"spy\.csv:3: the high is below .* \(1 more such rows\)"):
        read_series(write(tmp_path / "spy.csv", FULL, lines), 6)
    path = parquet(tmp_path / "spy.parquet", high=BARS[:, 2] * [1, 1, 1, 0.5, 1, 1])
    with pytest.raises(InputError, match=r"spy\.parquet: row 3 from 0: the high is below"):
        read_series(path, 6)
    with pytest.raises(InputError, match="row 5 from 0: a price is missing"):
        read_series(parquet(path, close=pa.array([11, 12, 11.5, 11, 12, None])), 6)
    times = pa.array([BEGIN, None, *[BEGIN + timedelta(hours=hour) for hour in range(2, 6)]], pa.timestamp("us"))
    with pytest.raises(InputError, match="row 1 from 0: the time is missing"):
        read_series(parquet(path, ts=times), 6)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", r"no column open, high, low, close among none"),
        ("ts,open,high\n1,2,3\n", r"no column low, close among ts, open, high: name them in the first line"),
        ("when,open,high,low,close\n1,2,3,2,3\n", r"no column of times \(ts, timestamp, datetime, date, time\)"),
        ("ts,open,high,low,close\n", r"0 bars: a window needs 6: add bars"),
        ("ts,open,high,low,close\n1,2,3,2\n", r"spy\.csv:2: 4 cells, and 5 in the first line: mend the line"),
        ("ts,open,high,low,close,Close\n1,2,3,2,2,2\n", r"two columns are called close: rename one"),
    ],
)
def test_files_that_are_no_series_are_told(content: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "spy.csv").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=words):
        read_series(tmp_path / "spy.csv", 6)


def test_unreadable_files_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv").write_bytes("ts,öpen".encode("utf-16"))
    with pytest.raises(InputError, match=r"a\.csv: not readable as UTF-8 text"):
        read_series(tmp_path / "a.csv", 6)
    (tmp_path / "a.parquet").write_bytes(b"no parquet")
    with pytest.raises(InputError, match=r"a\.parquet: no readable Parquet"):
        read_series(tmp_path / "a.parquet", 6)

    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(InputError, match=r"Parquet needs pyarrow: pip install pyarrow, or save the table as CSV"):
        read_series(parquet(tmp_path / "b.parquet"), 6)


def test_what_is_written_is_what_was_read(tmp_path: Path) -> None:
    write_series(tmp_path / "spy.npy", BARS)
    np.testing.assert_array_equal(np.load(tmp_path / "spy.npy"), BARS)
    assert [file.name for file in tmp_path.iterdir()] == ["spy.npy"]


def test_times_come_back_as_they_were() -> None:
    for second in (0.0, 915181200.0, 1425286800.0):
        assert seconds_of(iso(second)) == second
    assert seconds_of("20150302") == seconds_of("2015-03-02") == datetime(2015, 3, 2, tzinfo=UTC).timestamp()
    assert seconds_of("2015-03-02T09:00:00+01:00") == BEGIN.timestamp() - 3600
