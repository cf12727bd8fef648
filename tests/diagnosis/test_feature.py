"""Features of training and validation: sums against numpy, and a validation that hears something else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from project.contract import Batch
from project.diagnosis.evidence import Evidence
from project.diagnosis.feature import FeatureSums, feature_figures

Watch = Callable[..., Any]


def summed(batches: list[Batch]) -> FeatureSums:
    sums = FeatureSums()
    for batch in batches:
        sums.add(batch)
    return sums


def frames_of(batches: list[Batch]) -> np.ndarray:
    rows = [(batch.signals_BTF[row, :length]) for batch in batches for row, length in enumerate(batch.lengths_B)]
    return torch.cat(rows).double().numpy()


def test_figures_against_numpy(batch_of: Any) -> None:
    train, dev = [batch_of(0), batch_of(1, 3)], [batch_of(2)]
    dev[0].signals_BTF[..., 3] = 2 * dev[0].signals_BTF[..., 3] + 0.7
    heard, other = frames_of(train), frames_of(dev)
    shifts = abs(other.mean(axis=0) - heard.mean(axis=0)) / heard.std(axis=0)
    stretches = np.exp(abs(np.log(other.std(axis=0) / heard.std(axis=0))))
    assert feature_figures(summed(train), summed(dev)) == pytest.approx(
        {
            "feature/train/mean": heard.mean(), "feature/train/spread": heard.std(axis=0).mean(),
            "feature/dev/mean": other.mean(), "feature/dev/spread": other.std(axis=0).mean(),
            "feature/shift": shifts.max(), "feature/shift_of": 3, "feature/stretch": stretches.max(),
        }
    )  # fmt: skip


def test_halves_merged_are_the_whole(batch_of: Any) -> None:
    whole, first = summed([batch_of(0), batch_of(1)]), summed([batch_of(0)])
    first.merge(summed([batch_of(1)]).state())
    first.merge(FeatureSums().state())  # a process that had no batch
    for mine, theirs in zip(first.moments(), whole.moments(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-12)
    assert feature_figures(FeatureSums(), FeatureSums()) == {}


def changed(batch: Batch, gain: float = 1.0, level: float = 0.0) -> Batch:
    return replace(batch, signals_BTF=gain * batch.signals_BTF + level)


@pytest.mark.parametrize(("gain", "level"), [(1.0, 2.0), (8.0, 0.0), (0.1, 0.0)], ids=["level", "loud", "quiet"])
def test_a_validation_that_hears_something_else(watch: Watch, batch_of: Any, gain: float, level: float) -> None:
    run = watch(dev=[changed(batch_of(98), gain, level), changed(batch_of(99), gain, level)], steps=40)
    assert run.findings["feature_drift"].subject.startswith("feature ")
    assert "standard deviations" in run.findings["feature_drift"].text


def test_a_feature_that_never_changes_and_then_does(checks: Any, batch_of: Any) -> None:
    """Its spread in training is 0: any change is drift, and rounding is none."""
    train, dev = batch_of(0), batch_of(1)
    train.signals_BTF[..., 7] = dev.signals_BTF[..., 7] = 0.5

    def found() -> list[Any]:
        figures = feature_figures(summed([train]), summed([dev]))
        return list(checks["feature_drift"](Evidence({name: [(0, value)] for name, value in figures.items()})))

    dev.signals_BTF[..., 7] += 1e-7
    assert found() == []
    dev.signals_BTF[..., 7] = 0.0
    (finding,) = found()
    assert finding.subject == "feature 7"
