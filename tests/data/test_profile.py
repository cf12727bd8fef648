"""A profile's figures against ones counted by hand; tables and pictures say them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from rich.table import Table

from project.contract import InputError
from project.data.leakage import find_shared
from project.data.manifest import Manifest
from project.data.profile import Profile, Survey, profile, rates_of, survey
from project.data.profile_picture import draw, require_picture
from project.data.profile_table import profile_table, shared_table, symbol_table
from project.text.spelling import Spelling

LINES: list[dict[str, Any]] = [
    {"id": "a", "media": "a.wav", "duration": 4.0, "text": "ab  A", "group": "anna"},
    {"id": "b", "media": "b.wav", "duration": 5.0, "text": "AB a", "group": "bert"},
    {"id": "c", "media": "a.wav", "duration": 9.0, "symbols": ["A", "C"], "group": "anna"},
    {"id": "d", "media": "d.wav", "duration": 12.0, "labels": {"x": 1}},
]


@pytest.fixture
def open_lines(tmp_path: Path) -> Callable[..., Manifest]:
    def open_lines(lines: list[dict[str, Any]], name: str = "m") -> Manifest:
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        return Manifest.open(str(tmp_path / f"{name}.jsonl"))

    return open_lines


def profiled(columns: Survey) -> Profile:
    return profile("m", columns, columns.media)


def printed(table: Table) -> str:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def test_figures(open_lines: Callable[..., Manifest]) -> None:
    steps: list[int] = []
    found = profiled(
        survey(open_lines(LINES), Spelling("ABC ", normalize=["upper", "squeeze_spaces"]), lambda: steps.append(1))
    )
    assert (found.examples, found.total, found.unit, len(steps)) == (4, 30.0, "seconds", 4)
    assert [(one.limit, one.examples, one.total) for one in found.thresholds] == [
        (5.0, 2, 9.0), (8.0, 2, 9.0), (10.0, 3, 18.0), (15.0, 4, 30.0), (20.0, 4, 30.0),
    ]  # fmt: skip
    assert (found.lengths[0], found.lengths[50], found.lengths[100]) == (4.0, 7.0, 12.0)
    assert {name: (group.examples, group.total) for name, group in found.groups.items()} == {
        "anna": (2, 13.0),
        "bert": (1, 5.0),
    }
    assert list(found.groups) == ["anna", "bert"]
    assert found.ungrouped == 1
    assert found.targets == {"text": 2, "symbols": 1, "labels": 1}
    assert found.symbols == {"A": 5, "B": 2, " ": 2, "C": 1}
    assert found.rates[100] == 1.0  # "AB A" in four seconds
    assert (found.repeated_texts.values, found.repeated_texts.examples, found.repeated_texts.sample) == (
        1,
        2,
        ("AB A",),
    )
    assert (found.repeated_media.values, found.repeated_media.examples) == (1, 2)


def test_rates_leave_out_what_has_no_symbols(open_lines: Callable[..., Manifest]) -> None:
    rates = rates_of(survey(open_lines(LINES), Spelling("ABC ", normalize=["upper", "squeeze_spaces"])))
    assert rates.tolist() == [4 / 4, 4 / 5, 2 / 9]


def test_without_a_spelling_symbols_are_characters(open_lines: Callable[..., Manifest]) -> None:
    found = profiled(survey(open_lines(LINES[:2]), None))
    assert found.symbols == {" ": 3, "a": 2, "A": 2, "b": 1, "B": 1}
    assert found.repeated_texts.sample == ("ab a",)


def test_frames_have_no_thresholds(open_lines: Callable[..., Manifest]) -> None:
    found = profiled(survey(open_lines([{"id": "a", "media": "a.npz", "length": 300, "symbols": ["X"]}]), None))
    assert (found.unit, found.total, found.thresholds) == ("frames", 300.0, ())
    assert "300 frames" in printed(profile_table([found]))


def test_json_holds_everything(open_lines: Callable[..., Manifest]) -> None:
    content = json.loads(json.dumps(profiled(survey(open_lines(LINES), None)).to_json()))
    assert content["lengths"]["50"] == 7.0
    assert content["groups"]["anna"] == {"examples": 2, "total": 13.0}
    assert content["thresholds"][0] == {"limit": 5.0, "examples": 2, "total": 9.0}
    assert content["repeated_media"]["values"] == 1


def test_a_bad_line_is_named(open_lines: Callable[..., Manifest]) -> None:
    with pytest.raises(InputError, match=r"m.jsonl:2: z: "):
        survey(open_lines([LINES[0], {"id": "z"}]), None)


def test_tables_say_the_figures(open_lines: Callable[..., Manifest]) -> None:
    profiles = [profiled(survey(open_lines(lines), None)) for lines in (LINES, LINES[3:])]
    text = printed(profile_table(profiles))
    for figure in ("30.00 s", "2 (50%), 9.00 s", "anna: 43%", "2, 1 examples in none", "1 in 2 examples"):
        assert figure in text
    text = printed(symbol_table(profiles))
    assert "␣" in text
    many = [dict(LINES[0], symbols=[f"s{number}" for number in range(50)])]
    assert "30 more" in printed(symbol_table([profiled(survey(open_lines(many), None))]))


def test_the_table_tells_shared_not_shared_and_not_known() -> None:
    found = find_shared("group", {"x": ["a", "a"], "y": ["a"], "z": ["b"], "none": [None]})
    rows = [line for line in printed(shared_table(found)).splitlines() if " / " in line]
    words = ["1 ", "none", "not known", "none", "not known", "not known"]
    assert [word for word, row in zip(words, rows, strict=True) if word in row] == words


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_pictures_are_drawn(open_lines: Callable[..., Manifest], tmp_path: Path, suffix: str) -> None:
    generator = np.random.default_rng(0)
    lines = [
        {"id": f"{n}", "media": "a.wav", "duration": float(generator.lognormal(2, 0.5)), "text": "$A_鳥\n" * (n % 5)}
        for n in range(40)
    ]
    surveys = {"_train$": survey(open_lines(lines), None), "labels": survey(open_lines(LINES[3:], "l"), None)}
    path = tmp_path / "new" / f"p.{suffix}"
    draw(path, surveys)
    assert path.stat().st_size > 5000
    if suffix == "png":
        pixels = np.asarray(Image.open(path).convert("RGB"))
        assert pixels.shape[1] > 1500
        assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 50
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_picture_of_nothing_but_labels_is_drawn(open_lines: Callable[..., Manifest], tmp_path: Path) -> None:
    draw(tmp_path / "p.svg", {"m": survey(open_lines(LINES[3:]), None)})
    assert (tmp_path / "p.svg").read_text().startswith("<?xml")


def test_picture_formats() -> None:
    require_picture(Path("a.PNG"))
    with pytest.raises(InputError, match=r"picture=a.gif.*\.png"):
        require_picture(Path("a.gif"))
