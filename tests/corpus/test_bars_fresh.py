"""Windows at other places in each epoch: the same spans, moved as the bars are, and none of another split's bars."""

from __future__ import annotations

import json
import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from project.contract import InputError
from project.corpus.bars_fresh import BarsFresh
from project.corpus.bars_synthetic import BarsSynthetic
from project.corpus.market.label import Rule, find_expansions
from project.corpus.market.windows import Windows
from project.feature.bars import Bars
from project.feature.excerpt import split_excerpt
from project.part import Source
from project.text.span_notation import SpanNotation, read_spans


@pytest.fixture(scope="module", params=["one", "any"])
def corpus(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(str(request.param))
    windows = Windows(spans=request.param, without=0.1)
    BarsSynthetic(num_instruments=2, num_bars=6000, windows=windows).make(str(folder))
    return folder


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_it_is_a_source_with_plain_settings(corpus: Path) -> None:
    manifest = str(corpus / "train.jsonl")
    source: Source = BarsFresh(manifest)
    assert json.loads(json.dumps(dict(source.settings)))["history"] == 128
    assert source.lengths.tolist() == [105.0] * len(lines_of(corpus / "train.jsonl"))
    assert source.lengths.dtype == np.float32
    others = [BarsFresh(str(corpus / "dev.jsonl")), BarsFresh(manifest, seed=1), BarsFresh(manifest, history=64)]
    assert len({source.hash, BarsFresh(manifest).hash, *(other.hash for other in others)}) == 4


def test_a_moved_window_holds_what_its_labels_say(corpus: Path) -> None:
    source, notation = BarsFresh(str(corpus / "train.jsonl"), seed=3), SpanNotation(["consolidation", "retracement"])
    feature = Bars(history=128)
    lines = lines_of(corpus / "train.jsonl")
    first_test = min(line["room"][0] for line in lines_of(corpus / "dev.jsonl"))
    spans = {
        name: find_expansions(np.load(corpus / f"series/{name}.npy"), Rule()) for name in ("synthetic_0", "synthetic_1")
    }
    for index, line in enumerate(lines):
        for epoch in (0, 7):
            example, window = source.draw(index, epoch)
            file, rows = split_excerpt(example.media)
            assert rows
            assert Path(file) == corpus / "series" / f"{line['instrument']}.npy"
            begin, end = rows
            assert end - begin == example.length == window.length == 105
            assert line["room"][0] <= begin <= line["room"][1]
            assert end + 9 < first_test - 128
            touched = [one for one in spans[line["instrument"]] if one.start < end and one.end > begin]
            marks = read_spans(notation.reference(example))
            assert [(mark.start + begin, mark.end + begin, mark.kind) for mark in marks] == touched
            assert len(touched) == len(line["labels"]["spans"])
            assert example.group == line["group"]
            read = feature.read(example.media)
            np.testing.assert_array_equal(window.bars_N6, read.bars_N6)
            assert window.length == read.length


def test_an_example_is_a_function_of_seed_epoch_and_number(corpus: Path) -> None:
    manifest = str(corpus / "train.jsonl")
    first, second = BarsFresh(manifest), pickle.loads(pickle.dumps(BarsFresh(manifest)))
    second.draw(5, 1)
    for index, epoch in ((0, 0), (3, 0), (3, 5)):
        (one, window), (again, same) = first.draw(index, epoch), second.draw(index, epoch)
        assert one == again
        np.testing.assert_array_equal(window.bars_N6, same.bars_N6)
    other = BarsFresh(manifest, seed=1)
    assert sum(first.draw(index, 0)[0].media != other.draw(index, 0)[0].media for index in range(20)) > 10
    assert len({first.draw(2, epoch)[0].id for epoch in range(9)}) == 9


def test_all_places_are_equally_likely(corpus: Path) -> None:
    source = BarsFresh(str(corpus / "train.jsonl"))
    lines = lines_of(corpus / "train.jsonl")
    index = next(index for index, line in enumerate(lines) if 5 <= line["room"][1] - line["room"][0] <= 20)
    low, high = lines[index]["room"]
    draws = [(split_excerpt(source.draw(index, epoch)[0].media)[1] or (0, 0))[0] for epoch in range(1000)]
    counts, places = Counter(draws), range(low, high + 1)
    assert set(counts) == set(places)
    expected = 1000 / len(places)
    assert sum((counts[place] - expected) ** 2 / expected for place in places) < 50  # 20 degrees of freedom at most


def test_a_window_that_has_one_place_stays_there(corpus: Path, tmp_path: Path) -> None:
    lines = lines_of(corpus / "train.jsonl")[:3]
    for line in lines:
        line["room"] = [(split_excerpt(line["media"])[1] or (0, 0))[0]] * 2
    (tmp_path / "series").symlink_to(corpus / "series")
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    source = BarsFresh(str(tmp_path / "train.jsonl"))
    for index, line in enumerate(lines):
        example, _ = source.draw(index, 4)
        assert (example.labels or {})["spans"] == line["labels"]["spans"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"room": None}, r"train\.jsonl:2: .*: `room` is None, within which its spans cannot be moved: make"),
        ({"room": [10]}, r"`room` is \[10\]"),
        ({"room": ["a", "b"]}, r"`room` is \['a', 'b'\]"),
        ({"room": [0, 1]}, r"`room` is \[0, 1\]"),
        ({"room": [62, 5000]}, r"`room` is \[62, 5000\]"),
        ({"media": "series/synthetic_0.npy"}, r"within which its spans cannot be moved"),
        ({"labels": {}}, r"or learn from it as it is, without data\.fresh"),
    ],
)
def test_lines_that_cannot_be_moved_are_told(corpus: Path, tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    lines = lines_of(corpus / "train.jsonl")[:3]
    lines[1] |= changes
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    with pytest.raises(InputError, match=words):
        BarsFresh(str(tmp_path / "train.jsonl"))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"manifest": None}, r"data\.fresh\.manifest is missing: name the training manifest"),
        ({"manifest": "x.jsonl", "seed": -1}, r"data\.fresh: seed -1"),
        ({"manifest": "x.jsonl", "history": -1}, r"history -1: give 0 or more"),
        ({"manifest": "/nowhere/train.jsonl"}, r"no such manifest"),
    ],
)
def test_wrong_settings_are_told(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        BarsFresh(**given)
