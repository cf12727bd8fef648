"""The corpus of bars: windows that hold what their lines say, splits that share nothing, flaws that are told."""

from __future__ import annotations

import json
import os
import time
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from project.contract import InputError
from project.corpus.bars import Bars
from project.corpus.market import market
from project.corpus.market.blocks import Splits
from project.corpus.market.label import Rule, find_expansions
from project.corpus.market.regimes import Regimes, make_series
from project.corpus.market.series import iso
from project.corpus.market.windows import Windows
from project.data.manifest import Manifest
from project.feature.bar_window import read_window
from project.feature.excerpt import split_excerpt
from project.text.span_notation import SpanNotation, read_spans

NAMES = ("aapl", "ibm", "spy")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three instruments of 6,000 bars each as CSV."""
    path = tmp_path_factory.mktemp("prices")
    for number, name in enumerate(NAMES):
        bars = make_series(6000, Regimes(), np.random.default_rng(number))
        lines = [f"{iso(row[0])},{','.join(map(repr, row[1:].tolist()))}" for row in bars]
        (path / f"{name}.csv").write_text("\n".join(["ts,open,high,low,close,volume", *lines]), encoding="utf-8")
    (path / "README.md").write_text("no bars")
    return path


def made(source: Any, out: Path, **given: Any) -> dict[str, list[dict[str, Any]]]:
    """Split -> lines of each manifest."""
    paths = Bars(source if isinstance(source, list) else str(source), **given).make(str(out))
    return {Path(path).stem: lines_of(path) for path in paths}


def lines_of(path: str | Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def rows_of(line: dict[str, Any]) -> range:
    rows = split_excerpt(line["media"])[1]
    assert rows
    return range(*rows)


def labels(line: dict[str, Any]) -> list[tuple[int, int, str]]:
    first = rows_of(line).start
    return [(first + span["start"], first + span["end"], span["kind"]) for span in line["labels"]["spans"]]


@pytest.mark.parametrize("kind", ["one", "any"])
def test_a_line_says_what_is_in_its_window(folder: Path, tmp_path: Path, kind: Any) -> None:
    found = made(folder, tmp_path, windows=Windows(spans=kind))
    expansions = {}
    for name in NAMES:
        bars = make_series(6000, Regimes(), np.random.default_rng(NAMES.index(name)))
        np.testing.assert_array_equal(np.load(tmp_path / f"series/{name}.npy"), bars)
        expansions[name] = find_expansions(bars, Rule())
    lines = [line for lines in found.values() for line in lines]
    assert len({line["id"] for line in lines}) == len(lines) > 50
    for line in lines:
        name, rows = line["instrument"], rows_of(line)
        inside = [span for span in expansions[name] if span.start < rows.stop and span.end > rows.start]
        assert labels(line) == inside
        assert len(inside) == 1 if kind == "one" else inside
        assert any(15 <= span.start - rows.start <= 85 for span in inside)
        assert len(rows) == line["length"] == 105
        assert line["from"] == iso(np.load(tmp_path / f"series/{name}.npy")[rows.start, 0])
        assert line["room"][0] <= rows.start <= line["room"][1]
        assert line["group"].startswith(f"{name} ")
        assert line["media"].startswith(f"series/{name}.npy#")


def test_the_lines_are_read_by_what_reads_them(folder: Path, tmp_path: Path) -> None:
    made(folder, tmp_path)
    notation = SpanNotation(["consolidation", "retracement"])
    manifest = Manifest.open(str(tmp_path / "train.jsonl"))
    assert manifest.unit == "frames"
    for example in manifest:
        (mark,) = read_spans(notation.reference(example))
        window = read_window(example.media, 128)
        assert window.length == example.length == 105
        assert len(window.bars_N6) == min(105 + 128, (split_excerpt(example.media)[1] or (0, 0))[1])
        inside = window.bars_N6[-105:][mark.start : mark.end]
        assert abs(inside[-1, 4] - inside[0, 1]) > 0.6 * (inside[:, 2] - inside[:, 3]).max()


def test_splits_by_time_share_no_bar_that_anything_looks_at(folder: Path, tmp_path: Path) -> None:
    found = made(folder, tmp_path)
    assert [split for split in found if found[split]] == ["train", "dev", "test"]
    bars: dict[str, set[tuple[str, int]]] = {split: set() for split in found}
    times: dict[str, list[str]] = {split: [] for split in found}
    for split, lines in found.items():
        for line in lines:
            low, high = line["room"]  # wherever training may move it
            bars[split] |= {(line["instrument"], row) for row in range(low - 128, high + 105 + 9)}
            times[split].append(line["from"])
    for one, other in combinations(found, 2):
        assert not bars[one] & bars[other]
        assert max(times[one]) < min(times[other])
        assert not {line["group"] for line in found[one]} & {line["group"] for line in found[other]}
    for lines in found.values():
        for line in lines:
            others = [rows_of(other).start for other in lines if other["group"] == line["group"]]
            assert max(others) - min(others) < 1000
    shares = np.array([len(lines) for lines in found.values()]) / sum(map(len, found.values()))
    assert shares == pytest.approx([0.7, 0.15, 0.15], abs=0.08)


def test_splits_by_instrument(folder: Path, tmp_path: Path) -> None:
    found = made(folder, tmp_path / "a", splits=Splits(by="instrument", dev=["aapl"], test=["spy"]))
    assert {split: {line["instrument"] for line in lines} for split, lines in found.items()} == {
        "train": {"ibm"},
        "dev": {"aapl"},
        "test": {"spy"},
    }
    alone = made([str(folder / "spy.csv")], tmp_path / "b", splits=Splits(by="instrument", test=["spy"]))
    assert alone == {"test": found["test"]}, "an acceptance set: no manifest of what is not there"
    assert sorted(file.name for file in (tmp_path / "b").iterdir()) == ["corpus.json", "series", "test.jsonl"]


def test_windows_without_a_span_are_added(folder: Path, tmp_path: Path) -> None:
    plain, mixed = made(folder, tmp_path / "a"), made(folder, tmp_path / "b", windows=Windows(without=0.1))
    for split, lines in mixed.items():
        empty = [line for line in lines if not line["labels"]["spans"]]
        assert [line for line in lines if line not in empty] == plain[split]
        assert len(empty) == round(0.1 * len(plain[split])) > 0
    with pytest.raises(InputError, match=r"windows\.without is 9: .* has .* windows without a span beside .* or less"):
        made(folder, tmp_path / "c", windows=Windows(without=9))


def test_places_are_a_function_of_the_seed(folder: Path, tmp_path: Path) -> None:
    first, other = made(folder, tmp_path / "a"), made(folder, tmp_path / "b", seed=1)
    again = made([str(folder / f"{name}.csv") for name in reversed(NAMES)], tmp_path / "c")
    assert first == again, "the order in which files are named changes nothing"
    moved = [one["media"] != two["media"] for one, two in zip(first["train"], other["train"], strict=True)]
    assert [line["id"] for line in first["train"]] == [line["id"] for line in other["train"]]
    assert sum(moved) > 0.8 * len(moved)


def test_it_is_made_once_and_goes_on_where_it_was_cut_off(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before, told = made(folder, tmp_path), capsys.readouterr().err
    assert f"train: {len(before['train'])} windows, {len(before['train'])} spans (" in told
    (tmp_path / "series/ibm.npy").unlink()
    (tmp_path / "dev.jsonl").unlink()
    written = []
    keep = market.write_series
    monkeypatch.setattr(market, "write_series", lambda path, bars: (written.append(path.stem), keep(path, bars)))
    assert made(folder, tmp_path) == before
    assert written == ["ibm"]
    assert made(folder, tmp_path) == before
    assert written == ["ibm"]
    assert capsys.readouterr().err == told * 2


def test_other_settings_or_bars_are_another_corpus(folder: Path, tmp_path: Path) -> None:
    made(folder, tmp_path)
    for given, words in (
        ({"seed": 1}, "seed"),
        ({"rule": Rule(move=3.0)}, r"rule\.move"),
        ({"windows": Windows(start=(20, 80)), "splits": Splits(embargo=300)}, r"splits\.embargo, windows\.start"),
    ):
        with pytest.raises(InputError, match=rf"holds a corpus made with another {words}: choose another out="):
            made(folder, tmp_path, **given)
    with pytest.raises(InputError, match=r"holds a corpus made with another bars\.aapl"):
        made([str(folder / f"{name}.csv") for name in NAMES[1:]], tmp_path)


def test_progress_is_told(folder: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    Bars(f"{folder}/*.csv").make(str(tmp_path), lambda *where: told.append(where))
    assert told == [(done, 6) for done in range(1, 7)]


def test_annotations_replace_what_the_rule_finds(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    marks = tmp_path / "marks.csv"
    rows = [
        "spy,0,40,47,retracement",
        "spy,0,60,66,consolidation",
        "ibm,500,,,",
        "spy,4000,1,9,mine",
        "aapl,4400,3,5,x",
    ]
    marks.write_text("\n".join(["instrument,window,start,end,kind", *rows]), encoding="utf-8")
    with pytest.raises(InputError, match=r"no window is left for test: give more bars, or other corpus\.splits"):
        made(folder, tmp_path / "a", annotations=str(marks), splits=Splits(dates=("2000-05-01", "2000-08-01")))
    splits = Splits(parts=(0.68, 0.0, 0.32))  # at bar 4080
    found = made(folder, tmp_path / "a", annotations=str(marks), splits=splits)
    assert {split: [line["id"] for line in lines] for split, lines in found.items()} == {
        "train": ["ibm-500", "spy-0"],
        "test": ["aapl-4400"],
    }
    by_id = {line["id"]: line for lines in found.values() for line in lines}
    assert by_id["spy-0"]["labels"]["spans"] == [
        {"kind": "retracement", "start": 40, "end": 47},
        {"kind": "consolidation", "start": 60, "end": 66},
    ]
    assert by_id["ibm-500"]["labels"]["spans"] == []
    assert by_id["spy-0"]["room"] == [0, 0]
    assert "1 annotated windows left out: they lie at a date that divides splits" in capsys.readouterr().err
    marks.write_text("\n".join(["instrument,window,start,end,kind", *rows[1:]]), encoding="utf-8")
    with pytest.raises(InputError, match="holds a corpus made with another annotations"):
        made(folder, tmp_path / "a", annotations=str(marks), splits=splits)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"source": None}, r"corpus\.source is missing: name files of bars"),
        ({"source": "/nowhere/*.csv"}, r"/nowhere/\*\.csv: no file of bars \(\.csv .*\): correct corpus\.source"),
        ({"source": "{folder}", "seed": -1}, r"seed is -1: give 0 or more"),
        ({"source": "{folder}", "splits": Splits(embargo=70)}, r"splits\.embargo is 70: labels look at 71 bars"),
        ({"source": "{folder}", "splits": Splits(by="instrument", test=["dax"])}, "names 'dax': choose from aapl, ibm"),
        ({"source": "{folder}", "splits": Splits(dates=("2040-01-01", "2050-01-01"))}, "no window is left for dev"),
        ({"source": "{folder}", "rule": Rule(move=90.0)}, "no window is left for train"),
        ({"source": "{folder}", "windows": Windows(bars=7000)}, r"aapl\.csv: 6,000 bars: a window needs 7071: add"),
    ],
)
def test_wrong_settings_are_told(folder: Path, tmp_path: Path, given: dict[str, Any], words: str) -> None:
    given = {key: value.format(folder=folder) if isinstance(value, str) else value for key, value in given.items()}
    with pytest.raises(InputError, match=words):
        Bars(**given).make(str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_two_files_of_one_name_are_told(folder: Path, tmp_path: Path) -> None:
    for name, words in (
        ("SPY.csv", r"spy\.csv: .*SPY\.csv is of the same name, and would be the same instrument: rename one"),
        ("s&p 500.csv", r"s&p 500\.csv: the name becomes that of an instrument: rename it"),
    ):
        (tmp_path / name).write_bytes((folder / "spy.csv").read_bytes())
        with pytest.raises(InputError, match=words):
            made([str(tmp_path), str(folder)], tmp_path / "out")
        (tmp_path / name).unlink()


def test_real_bars_hold_about_3600_expansions(tmp_path: Path) -> None:
    """Five instruments, 237,733 hourly bars, read, labelled and written in seconds."""
    shared = Path(os.environ.get("SCANSION_SHARED", Path(__file__).parents[2] / "../shared")) / "data/bars"
    if not shared.is_dir():
        pytest.skip(f"no real bars at {shared}: set SCANSION_SHARED to the folder that holds data/")
    begin = time.monotonic()
    found = made(shared, tmp_path, windows=Windows(spans="any"))
    assert time.monotonic() - begin < 60
    series = {file.stem: np.load(file) for file in (tmp_path / "series").iterdir()}
    assert sum(map(len, series.values())) == 237_733
    counts = {name: len(find_expansions(bars, Rule())) for name, bars in series.items()}
    assert counts == {"aapl_1h": 619, "bac_1h": 543, "eurusd_1h": 1460, "ibm_1h": 536, "spy_1h": 492}
    assert 3500 < sum(map(len, found.values())) < 3700
    assert {line["instrument"] for line in found["train"]} == series.keys()
