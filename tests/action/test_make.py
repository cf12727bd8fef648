"""`prepare corpus=...`: makes a corpus and says where it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from project.action.make import Make
from project.contract import InputError
from project.corpus.keyer.texts import Texts
from project.corpus.morse import Morse


def small(seed: int = 0) -> Morse:
    return Morse(num_train=2, num_dev=1, num_test=1, seed=seed, texts=Texts(num_symbols=(3, 4)))


def test_it_prints_the_manifests_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert Make(small(), str(tmp_path)).run() == 0
    printed = capsys.readouterr().out
    assert printed.splitlines() == [str(tmp_path / f"{split}.jsonl") for split in ("train", "dev", "test")]


def test_another_corpus_takes_its_place_only_when_told_to(tmp_path: Path) -> None:
    Make(small(), str(tmp_path)).run()
    before = (tmp_path / "train.jsonl").read_bytes()
    with pytest.raises(InputError, match="seed"):
        Make(small(seed=1), str(tmp_path)).run()
    assert (tmp_path / "train.jsonl").read_bytes() == before
    Make(small(seed=1), str(tmp_path), overwrite=True).run()
    assert (tmp_path / "train.jsonl").read_bytes() != before


def test_what_is_missing_is_named() -> None:
    with pytest.raises(InputError, match="corpus=morse"):
        Make(None, "a")
    with pytest.raises(InputError, match="out="):
        Make(small(), None)


def test_a_corpus_is_not_made_over_what_it_reads(tmp_path: Path) -> None:
    class Reads:
        sources = (str(tmp_path / "a" / "train.jsonl"),)

        def make(self, out: str, progress: object) -> list[str]:
            raise AssertionError("nothing is made")

    with pytest.raises(InputError, match="which is read, lies in it"):
        Make(Reads(), str(tmp_path / "a"), overwrite=True).run()
