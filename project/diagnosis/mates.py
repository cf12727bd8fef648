"""Whether an example's result depends on its batch mates: padding that is not masked, statistics of a batch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from project.contract import Batch, Emissions, Finding, Hypothesis, Output, SpanOutput, TokenOutput, UnitOutput
from project.diagnosis.evidence import Evidence

Predict = Callable[[Batch], tuple[Output, list[Hypothesis]]]


def mates_figures(predict: Predict, batches: Sequence[Batch], each: int = 2) -> dict[str, float]:
    """Some examples of each batch predicted alone and together: `mates/difference` is the most by which a frame's
    distribution differs (half the sum of absolute differences: 0 the same, 1 nothing in common), `mates/changed`
    the part of the examples whose text is another.
    """
    alone = [one for batch in batches for one in _singles(batch, each)]
    if len(alone) < 2:
        return {}
    together, texts = predict(_joined(alone))
    worst, changed = 0.0, 0
    for row, one in enumerate(alone):
        output, (answer,) = predict(one)
        frames = int(output.lengths_B[0])
        same = frames == int(together.lengths_B[row])
        if isinstance(output, TokenOutput):  # what it hears is seen in what it writes of it
            apart = unsure(answer, texts[row])
        else:
            apart = 1.0 if not same else difference(output, 0, together, row, frames) if frames else 0.0
        worst = max(worst, apart)
        changed += answer.text != texts[row].text
    return {"mates/difference": worst, "mates/changed": changed / len(alone)}


def unsure(one: Hypothesis, other: Hypothesis) -> float:
    """By how much the mean probability of a token differs, whichever tokens were written: texts that are nearly as
    likely as each other change places where arithmetic is short.

    >>> unsure(Hypothesis((5, 6), "", -0.2), Hypothesis((5, 7), "", -0.2))
    0.0
    """
    mean, other_mean = (math.exp(answer.score / (len(answer.tokens) + 1)) for answer in (one, other))
    return abs(mean - other_mean)


def difference(one: Output, row: int, other: Output, its_row: int, frames: int) -> float:
    """The largest difference of a frame's distribution, 0 to 1, between two outputs about the same example."""
    if isinstance(one, SpanOutput):
        assert isinstance(other, SpanOutput)
        apart_T = one.inside_BT[row, :frames].sigmoid() - other.inside_BT[its_row, :frames].sigmoid()
        return float(apart_T.abs().max())
    if isinstance(one, UnitOutput):
        assert isinstance(other, UnitOutput)
        apart_TK = one.logits_BTK[row, :frames].softmax(dim=1) - other.logits_BTK[its_row, :frames].softmax(dim=1)
        return float(apart_TK.abs().sum(dim=1).max()) / 2
    assert isinstance(one, Emissions)
    assert isinstance(other, Emissions)
    apart_TV = one.log_probs_BTV[row, :frames].exp() - other.log_probs_BTV[its_row, :frames].exp()
    return float(apart_TV.abs().sum(dim=1).max()) / 2


def _singles(batch: Batch, each: int) -> Iterator[Batch]:
    """The first and the last examples of a batch, each by itself and as long as it is."""
    for row in sorted({*range(min(each - each // 2, len(batch))), *range(max(0, len(batch) - each // 2), len(batch))}):
        part = slice(row, row + 1)
        yield Batch(
            batch.ids[part],
            batch.signals_BTF[part, : int(batch.lengths_B[row])],
            batch.lengths_B[part],
            {},
            batch.references[part],
        )


def _joined(singles: Sequence[Batch]) -> Batch:
    longest = max(one.signals_BTF.shape[1] for one in singles)

    def padded(signals_BTF: Tensor) -> Tensor:
        return functional.pad(signals_BTF, (0, 0, 0, longest - signals_BTF.shape[1]))

    return replace(
        singles[0],
        ids=tuple(one.ids[0] for one in singles),
        signals_BTF=torch.cat([padded(one.signals_BTF) for one in singles]),
        lengths_B=torch.cat([one.lengths_B for one in singles]),
        references=tuple(one.references[0] for one in singles),
    )


class BatchMates:
    """Results that depend on batch mates: evaluation then depends on how batches were cut."""

    def __init__(self, difference: float = 0.1, changed: float = 0.5) -> None:
        self.difference = difference
        self.changed = changed

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        difference, changed = evidence.last("mates/difference"), evidence.last("mates/changed") or 0.0
        if difference is None or (difference <= self.difference and changed <= self.changed):
            return
        yield Finding(
            "", "", f"Outputs change by up to {difference:.2f} with what else is in the batch, {changed:.0%} of texts",
            "Mask padding in every layer that looks over time; group or batch norms over padded frames need a layer "
            "norm instead, or batches without padding: data.batching.max_batch_size=1 when scoring",
            {"difference": difference, "changed": changed},
        )  # fmt: skip
