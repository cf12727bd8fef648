"""The table of Morse decoders: scores, choices, and a whole small run of it."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path

import pytest
import torch

from project.benchmark.morse import side_by_side
from project.benchmark.morse.conditions import CONDITIONS, Condition
from project.benchmark.morse.peers import Decoded
from project.benchmark.morse.side_by_side import Column, SideBySide, cer, conditions_with, first_of_each, tidy
from project.build.assemble import build_recognizer, settle
from project.build.compose import compose
from project.contract import InputError
from project.run import Run


def distance(left: str, right: str) -> int:
    """Edit distance by its recursion, row by row."""
    row = list(range(len(right) + 1))
    for i, one in enumerate(left, start=1):
        new = [i]
        for j, other in enumerate(right, start=1):
            new.append(min(row[j] + 1, new[-1] + 1, row[j - 1] + (one != other)))
        row = new
    return row[-1]


def test_cer_against_the_recursion() -> None:
    draw = random.Random(0)
    pairs = [("".join(draw.choices("AB E", k=12)).strip(), "".join(draw.choices("abe ", k=9))) for _ in range(50)]
    for blank, spaces in ((" ", True), ("", False)):
        ready = [(a.replace(" ", blank), " ".join(b.upper().split()).replace(" ", blank)) for a, b in pairs]
        expected = sum(distance(*pair) for pair in ready) / sum(len(a) for a, _ in ready)
        assert cer(pairs, spaces=spaces) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("printed", "scored"),
    [
        ("CQ CQ DE DL1ABC \n", "CQ CQ DE DL1ABC"),
        ("<._____>UST <ERR_6>\n", "*UST *"),
        (" cqde\x00", "CQDE\x00"),
        ("A < B > C", "A < B > C"),
        ("", ""),
    ],
)
def test_what_decoders_print(printed: str, scored: str) -> None:
    assert tidy(printed) == scored


def test_silence_is_every_symbol_wrong_and_no_more() -> None:
    assert cer([("CQ DE", "")]) == 1
    assert cer([("CQ DE", "CQ DE TEST")]) == 1
    assert cer([("CQ", "CQ DE TEST")]) == 4


def test_conditions_are_chosen_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_by_side, "has_ebook2cw", lambda: True)
    assert conditions_with("") == CONDITIONS
    assert {one.wpm for one in conditions_with("ebook2cw 25 WPM")} == {25}
    with pytest.raises(InputError, match=r"benchmark.only.*'bug'.*straight 18 WPM"):
        conditions_with("bug")


def test_without_ebook2cw_scansion_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_by_side, "has_ebook2cw", lambda: False)
    chosen = conditions_with("")
    assert {one.keyer for one in chosen} == {"machine", "straight"}
    assert len(set(chosen)) == len(chosen) == 28
    assert side_by_side.tabulate(chosen, [], []).title.endswith("keyed by scansion alone: ebook2cw is not installed")


def test_without_a_run_nothing_is_measured() -> None:
    table = SideBySide().run()
    assert table.rows == ()
    assert "scansion bench morse run=" in table.notes[0]


def test_a_wrong_run_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such run folder"):
        SideBySide(run=str(tmp_path / "none")).run()


@pytest.fixture
def run(tiny: list[str], tmp_path: Path) -> str:
    """A run that knows nothing: its weights are as they were drawn."""
    config = compose("train", tiny)
    settle(config)
    recognizer = build_recognizer(config, training=False)
    made = Run(tmp_path / "runs" / "morse" / "blank")
    made.prepare(config, recognizer.spelling.alphabet.to_json(), {})
    torch.save({"state_dict": recognizer.system.state_dict()}, made.best)
    return str(made.folder)


def test_the_whole_way(run: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours beside one that answers, one that is absent and one that gets the first recordings only."""
    monkeypatch.setattr(side_by_side, "Fldigi", FirstOnly)
    monkeypatch.setattr(side_by_side, "has_ebook2cw", lambda: True)  # without it more kinds are keyed here
    programs = {"parrot": "echo {file}", "nobody": "no-such-decoder {file}"}
    keep = tmp_path / "kept"
    table = SideBySide(
        run=run, num_files=2, only="machine 25 WPM", live_files=1, python="none", programs=programs, keep=str(keep)
    ).run()
    names = table.columns[2:]
    assert names[0] == "scansion"
    assert {"first only", "parrot"} <= set(names)
    figures = {(row[0], row[1]): dict(zip(names, row[2:], strict=True)) for row in table.rows}
    kinds = [f"machine 25 WPM {channel}" for channel in ("clean", "0 dB", "-8 dB")]
    ways = [("times real time", "one by one"), ("times real time", "in batches of 32")]
    assert list(figures) == [*itertools.product(("CER %", "CER % without spaces"), kinds), *ways]
    assert all(figures["CER %", kind]["first only"] == 0 for kind in kinds)
    assert all(figures["CER %", kind]["parrot"] > 90 for kind in kinds)
    assert figures["times real time", "one by one"]["first only"] == 1
    assert figures["times real time", "in batches of 32"]["parrot"] == ""
    assert figures["times real time", "in batches of 32"]["scansion"] > 10
    notes = "\n".join(table.notes)
    for note in (
        "scansion: run morse/blank",
        "nobody: skipped",
        "morse-audio-decoder: skipped",
        "first only: the first 1",
    ):
        assert note in notes
    assert json.loads(json.dumps(table.to_json()))["rows"]
    lines = [json.loads(line) for line in (keep / "decoded.jsonl").read_text().splitlines()]
    assert len([line for line in lines if line["decoder"] == "scansion"]) == len(list(keep.glob("*.wav"))) == 6
    assert all(line["sent"] == line["wrote"] for line in lines if line["decoder"] == "first only")


class FirstOnly:
    """Knows the texts, and listens in real time."""

    name = "first only"

    def __init__(self, most_files: int) -> None:
        self.most_files = most_files

    def why_absent(self) -> None:
        return None

    def decode(self, recordings: list) -> Decoded:  # type: ignore[type-arg]
        assert len(recordings) == 3
        return Decoded([one.text for one in recordings], {"one by one": sum(one.seconds for one in recordings)})


def test_first_of_each() -> None:
    clean, noisy = Condition("machine", 16, None), Condition("machine", 16, 0)
    some = [_Recorded(clean, 1), _Recorded(noisy, 2), _Recorded(clean, 3), _Recorded(noisy, 4)]
    assert [one.number for one in first_of_each(some, 1)] == [1, 2]  # type: ignore[arg-type, attr-defined]
    assert first_of_each(some, None) == some  # type: ignore[arg-type, comparison-overlap]


class _Recorded:
    def __init__(self, condition: Condition, number: int) -> None:
        self.condition = condition
        self.number = number


def test_figures_are_those_of_the_condition_alone() -> None:
    clean, noisy = Condition("machine", 16, None), Condition("machine", 16, 0)
    some = [_Recorded(clean, 1), _Recorded(noisy, 2)]
    for one in some:
        one.text, one.seconds = "AB CD", 4.0  # type: ignore[attr-defined]
    column = Column("x", some, Decoded(["ab cd", "a"], {"one by one": 0.5}))  # type: ignore[arg-type]
    assert [column.errors(one, spaces=True) for one in (clean, noisy)] == [0, 80]
    assert [column.errors(one, spaces=False) for one in (clean, noisy)] == [0, 75]
    assert (column.speed("one by one"), column.speed("together")) == (16.0, "")
