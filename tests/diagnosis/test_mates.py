"""Batch mates: recognizers that hear the padding, and those that do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from project.contract import Batch, Emissions, Hypothesis
from project.diagnosis.mates import mates_figures

Watch = Callable[..., Any]


def test_a_norm_over_padded_frames(watch: Watch, toy: Any, batch_of: Any) -> None:
    norm = nn.GroupNorm(8, 8, affine=False)

    def hear(signals_BTF: Tensor, _: Batch) -> Tensor:
        heard_BTF: Tensor = norm(signals_BTF.transpose(1, 2)).transpose(1, 2)
        return heard_BTF

    run = watch(toy(hear=hear), dev=[batch_of(98, symbols=(4, 4)), batch_of(99, symbols=(8, 8))])
    assert run.findings["batch_mates"].figures["difference"] > 0.1


def test_a_mean_over_padded_frames(watch: Watch, toy: Any) -> None:
    found = watch(toy(hear=lambda x, _: x / x.square().mean(dim=1, keepdim=True).sqrt().add(0.01))).findings
    assert "batch_mates" in found


def test_a_mean_over_true_frames_is_none_of_it(watch: Watch, toy: Any) -> None:
    run = watch(toy(hear=lambda x, batch: x - x.sum(dim=1, keepdim=True) / batch.lengths_B[:, None, None]))
    assert "batch_mates" not in run.told
    assert run.curves["mates/difference"][-1][1] < 1e-4


def listening(hear: Callable[[Tensor, Tensor], Tensor], lengths: Callable[[Batch], Tensor]) -> Any:
    """A recognizer of two ids that says the second one as loud as it hears it."""

    def predict(batch: Batch) -> tuple[Emissions, list[Hypothesis]]:
        loud_BT = hear(batch.signals_BTF[..., 1], batch.lengths_B)
        probs_BTV = torch.stack([1 - loud_BT, loud_BT], dim=2).clamp(1e-6, 1)
        answers = [Hypothesis((), f"{float(row.sum()):.2f}", 0.0) for row in loud_BT]
        return Emissions(probs_BTV.log(), lengths(batch)), answers

    return predict


def test_by_how_much_the_worst_frame_differs(batch_of: Any) -> None:
    """Loudness here is a tenth for each frame there is, up to 40: longest minus shortest tells."""
    batches = [batch_of(0), batch_of(1)]
    predict = listening(lambda x, _: torch.full_like(x, 0.01 * x.shape[1]), lambda batch: batch.lengths_B)
    rows = [(batch, row) for batch in batches for row in (0, len(batch) - 1)]
    lengths = [int(batch.lengths_B[row]) for batch, row in rows]
    figures = mates_figures(predict, batches)
    assert abs(figures["mates/difference"] - 0.01 * (max(lengths) - min(lengths))) < 1e-5
    assert figures["mates/changed"] == sum(length < max(lengths) for length in lengths) / 4


def test_other_lengths_are_another_result(batch_of: Any) -> None:
    predict = listening(lambda x, _: 0 * x, lambda batch: torch.full_like(batch.lengths_B, batch.signals_BTF.shape[1]))
    assert mates_figures(predict, [batch_of(0), batch_of(1)])["mates/difference"] == 1


def test_one_example_has_no_mates(batch_of: Any) -> None:
    predict = listening(lambda x, _: 0 * x, lambda batch: batch.lengths_B)
    assert mates_figures(predict, [batch_of(0, 1)]) == {}
    assert mates_figures(predict, []) == {}
    assert mates_figures(predict, [batch_of(0, 1), batch_of(1, 1)]) == {"mates/difference": 0, "mates/changed": 0}
