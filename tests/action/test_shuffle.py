"""shuffle: the same lines, and nobody keeps what was wanted of them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from project.action.shuffle import Shuffle, exchanged
from project.contract import InputError
from project.data.manifest import Manifest

TARGET = ("text", "symbols", "labels")


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Forty-five lines of which the longer say more; one answer is frequent."""
    lengths = np.random.default_rng(1).uniform(1, 9, 45).round(3).tolist()
    lines: list[dict[str, Any]] = [
        {"id": f"e{n}", "media": f"{n}.wav", "duration": length, "text": "yes" if n % 5 == 0 else f"{length} words",
         "symbols": ["Y", str(n)], "labels": {"scores": [n]}, "group": f"g{n % 3}", "extra": {"n": n}}
        for n, length in enumerate(lengths)
    ]  # fmt: skip
    (tmp_path / "m.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path / "m.jsonl"


def read(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_targets_move_together_and_all_else_stays(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert Shuffle([str(manifest)], neighbours=9).run() == 0
    before, after = read(manifest), read(manifest.with_name("m.shuffled.jsonl"))
    assert [{key: value for key, value in line.items() if key not in TARGET} for line in after] == [
        {key: value for key, value in line.items() if key not in TARGET} for line in before
    ]
    packs = [Counter(json.dumps([line[key] for key in TARGET]) for line in lines) for lines in (before, after)]
    assert packs[0] == packs[1], "each target once, text, symbols and labels together"
    assert all(one["symbols"] != other["symbols"] for one, other in zip(before, after, strict=True))
    rank = np.argsort(np.argsort([line["duration"] for line in before]))
    givers = [int(line["symbols"][1]) for line in after]
    assert max(abs(rank - rank[givers])) < 9, "from neighbours in length"
    assert "45 examples with what others wanted" in capsys.readouterr().out


def test_it_is_a_function_of_the_seed(manifest: Path, tmp_path: Path) -> None:
    files = [tmp_path / f"{n}.jsonl" for n in range(3)]
    for file, seed in zip(files, (1, 1, 2), strict=True):
        Shuffle([str(manifest)], str(file), seed=seed).run()
    one, again, other = (file.read_bytes() for file in files)
    assert one == again
    assert one != other
    assert len(Manifest.open(str(files[0]))) == 45


def test_few_get_the_same_words_again() -> None:
    """A third of the texts are alike: as many of them as can are given to others."""
    targets = ["yes" if n % 3 == 0 else f"text {n}" for n in range(300)]
    lengths = np.arange(300.0)
    givers = exchanged(targets, lengths, neighbours=20, seed=1)
    assert sorted(givers) == list(range(300))
    assert all(giver != taker for taker, giver in enumerate(givers))
    same = sum(targets[giver] == targets[taker] for taker, giver in enumerate(givers))
    assert same < 15, "by chance a third of a hundred"
    assert np.abs(lengths - lengths[givers]).max() < 20


def test_what_is_asked_may_be_wrong(manifest: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="it is what is shuffled"):
        Shuffle([str(manifest)], str(manifest), overwrite=True).run()
    with pytest.raises(InputError, match="neighbours=1"):
        Shuffle([str(manifest)], neighbours=1)
    manifest.with_name("m.shuffled.jsonl").write_text("mine")
    with pytest.raises(InputError, match="overwrite=true"):
        Shuffle([str(manifest)]).run()
    with pytest.raises(InputError, match="say out="):
        Shuffle([str(manifest), str(manifest.with_name("m.s*.jsonl"))]).run()
    (tmp_path / "one.jsonl").write_text(manifest.read_text().splitlines()[0] + "\n")
    with pytest.raises(InputError, match="1 examples have nothing to exchange"):
        Shuffle([str(tmp_path / "one.jsonl")]).run()
