"""Made-up bars as a corpus: what comes of it is as of real ones, a function of the seed, and there at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from project.contract import InputError
from project.corpus.bars_synthetic import BarsSynthetic
from project.corpus.market.label import Rule
from project.corpus.market.regimes import Regimes
from project.corpus.market.windows import Windows


def made(out: Path, **given: Any) -> dict[str, list[dict[str, Any]]]:
    paths = BarsSynthetic(**{"num_instruments": 2, "num_bars": 4000, **given}).make(str(out))
    return {Path(path).stem: [json.loads(line) for line in Path(path).read_bytes().splitlines()] for path in paths}


def test_a_corpus_of_hundreds_of_expansions(tmp_path: Path) -> None:
    found = made(tmp_path, num_instruments=5, num_bars=20_000, windows=Windows(spans="any"))
    assert [len(lines) > count for lines, count in zip(found.values(), (900, 150, 150), strict=True)] == [True] * 3
    assert {line["instrument"] for line in found["dev"]} == {f"synthetic_{number}" for number in range(5)}
    assert {span["kind"] for line in found["test"] for span in line["labels"]["spans"]} == {
        "consolidation",
        "retracement",
    }


def test_it_is_a_function_of_the_seed(tmp_path: Path) -> None:
    first = made(tmp_path / "a")
    assert made(tmp_path / "b") == first
    assert made(tmp_path / "a") == first
    assert made(tmp_path / "c", seed=1) != first
    made(tmp_path / "d", num_instruments=3)
    for number in range(2):
        same, other = (np.load(tmp_path / name / f"series/synthetic_{number}.npy") for name in ("a", "d"))
        np.testing.assert_array_equal(same, other)


def test_other_settings_are_another_corpus(tmp_path: Path) -> None:
    made(tmp_path)
    for given, words in (
        ({"regimes": Regimes(tails=4)}, r"bars\.synthetic_0, bars\.synthetic_1, regimes\.tails"),
        ({"rule": Rule(quiet=1.1)}, r"rule\.quiet"),
        ({"num_instruments": 3}, r"bars\.synthetic_2, num_instruments"),
    ):
        with pytest.raises(InputError, match=rf"holds a corpus made with another {words}"):
            made(tmp_path, **given)


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    BarsSynthetic(num_instruments=2, num_bars=4000).make(str(tmp_path), lambda *where: told.append(where))
    assert told == [(done, 4) for done in range(1, 5)]


@pytest.mark.parametrize("given", [{"num_instruments": 0}, {"num_bars": 100}])
def test_wrong_settings_are_told(given: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"corpus: num_instruments .*, num_bars .*: give 1 or more, and 176 or more"):
        BarsSynthetic(**given)
