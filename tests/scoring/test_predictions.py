"""Scoring in one process and several: the same batches, each example once, and what goes wrong is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from project.contract import Example, Hypothesis, InputError, WorkError
from project.data.manifest import Manifest, write_manifest
from project.data.module import Batching, DataModule
from project.data.scoring_order import SortedBatchSampler
from project.feature.fbank import Fbank
from project.scoring import predictions
from project.scoring.processes import in_processes
from project.system.base import Scored
from project.text.spelling import Spelling


def test_the_arithmetic_of_a_device_stands_in_the_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("highest")
        assert predictions.arithmetic_of("32-true", "cuda") == "32-true on cuda"
        torch.set_float32_matmul_precision("high")
        assert predictions.arithmetic_of("32-true", "cuda") == "32-true on cuda with tf32"
        assert predictions.arithmetic_of("32-true", "cpu") == "32-true on cpu"
    finally:
        torch.set_float32_matmul_precision(before)


@pytest.mark.parametrize("shares", [1, 2, 3, 9])
def test_shares_make_the_batches_that_one_process_makes(shares: int, tmp_path: Path) -> None:
    lengths = [1.0, 3.5, 2.0, 2.0, 9.0, 0.5, 4.0, 4.0, 1.5, 7.0, 2.0]
    lines = [Example(f"e{n}", f"{tmp_path}/{n}.wav", length, text="E") for n, length in enumerate(lengths)]
    write_manifest(tmp_path / "m.jsonl", lines)
    whole, batching = Manifest.open(str(tmp_path / "m.jsonl")), Batching(batch_length=8.0, max_batch_size=3)

    def batches(manifest: Manifest) -> list[tuple[str, ...]]:
        if not len(manifest):
            return []
        sampler = SortedBatchSampler(manifest.lengths, 8.0, max_batch_size=3)
        return [tuple(manifest[draw.index].id for draw in batch) for batch in sampler]

    data = DataModule({}, Fbank(), Spelling("E"), batching)
    parts = [predictions.share_of(whole, data, share, shares) for share in range(shares)]
    assert sorted(batch for part in parts for batch in batches(part)) == sorted(batches(whole))


def test_an_example_that_is_missing_or_twice_is_named() -> None:
    def found(*ids: str) -> dict[str, Scored]:
        return {name: Scored(name, "A", Hypothesis((), "A", 0.0), {}) for name in ids}

    assert list(predictions.each_once([found("b"), found("a", "c")], ["a", "b", "c"])) == ["a", "b", "c"]
    for shares, ids, line in (
        ([found("a"), found("a", "b")], ["a", "b"], "a: scored more than once"),
        ([found("a"), {}], ["a", "b"], "b: not scored"),
        ([found("a", "b")], ["a"], "b: not in the manifest"),
        ([found("a")], ["a", "a"], "a: there twice"),
        ([{}], [f"e{n}" for n in range(9)], "e0 e1 e2 e3 e4 and 4 more: not scored"),
    ):
        with pytest.raises(InputError, match=line):
            predictions.each_once(shares, ids)


def test_what_goes_wrong_in_a_process_is_told() -> None:
    def fails(share: int) -> predictions.Outcome:
        if share == 0:
            os._exit(3)
        return predictions.Outcome({})

    def refuses(share: int) -> predictions.Outcome:
        raise InputError(f"line {share}: bad: mend it")

    if torch.cuda.is_available():
        pytest.skip("processes are spawned there, which these functions cannot follow")
    with pytest.raises(WorkError, match="died with exit code 3"):
        in_processes(2, fails)
    with pytest.raises(InputError, match=r"line \d: bad: mend it"):
        in_processes(2, refuses)
