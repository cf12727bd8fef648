"""The terms of spans against loops, and the figures by which the source's countdown drowned all else."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from project.contract import Batch, InputError, SpanOutput
from project.loss.countdown import Countdown
from project.loss.span import Kind, Pointers, SpanLoss
from project.loss.span_inside import Entropy, EntropyDice, Focal, Inside, SoftDice

Windows = Callable[..., Batch]
SPANS = ([(1, 3, 6), (2, 8, 10)], [], [(2, 0, 4)], [(1, 5, 7)])
LENGTHS = (12, 9, 7, 11)
FIRST = {0: (1, 3, 6), 2: (2, 0, 4), 3: (1, 5, 7)}  # row -> kind, start, end
INSIDE = {
    "entropy": Entropy(),
    "weighted": Entropy(pos_weight=3.0, label_smoothing=0.1),
    "focal": Focal(gamma=1.5, alpha=0.7),
    "dice": SoftDice(),
    "both": EntropyDice(Entropy(), SoftDice(0.5), 0.3),
}


def said(batch: Batch, pooled: bool = False, seed: int = 0) -> SpanOutput:
    """A model's answers, drawn at random, that shout beyond the lengths."""
    generator = torch.Generator().manual_seed(seed)
    size, frames = batch.signals_BTF.shape[:2]
    heads_HBT = torch.randn(4, size, frames, generator=generator)
    heads_HBT[:, torch.arange(frames) >= batch.lengths_B[:, None]] = 50.0
    inside_BT, starts_BT, ends_BT, countdown_BT = (head.requires_grad_() for head in heads_HBT.unbind())
    output = SpanOutput(
        inside_BT, batch.lengths_B, torch.randn(size, 3, generator=generator).requires_grad_(),
        countdown_BT=countdown_BT,
    )  # fmt: skip
    if pooled:
        return replace(output, pointers_BP=torch.rand(size, 2, generator=generator).requires_grad_())
    return replace(output, starts_BT=starts_BT, ends_BT=ends_BT)


def unlikely(logits: list[float], right: int, smoothing: float = 0.0) -> float:
    """Cross entropy as the textbook has it, with label smoothing."""
    total = math.log(sum(math.exp(logit) for logit in logits))
    spread = sum(total - logit for logit in logits) / len(logits)
    return (1 - smoothing) * (total - logits[right]) + smoothing * spread


def huber(difference: float, knee: float) -> float:
    small = abs(difference) <= knee
    return difference**2 / 2 if small else knee * (abs(difference) - knee / 2)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_kind(windows: Windows, smoothing: float) -> None:
    batch = windows(SPANS, LENGTHS)
    output = said(batch)
    assert output.kinds_BV is not None
    values = [unlikely(row, FIRST.get(b, (0,))[0], smoothing) for b, row in enumerate(output.kinds_BV.tolist())]
    assert Kind(label_smoothing=smoothing)(output, batch).item() == pytest.approx(sum(values) / 4, rel=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_pointers_are_entropies_over_a_windows_own_bars(windows: Windows, smoothing: float) -> None:
    batch = windows(SPANS, LENGTHS)
    output = said(batch)
    assert output.starts_BT is not None
    assert output.ends_BT is not None
    values = []
    for row, (_, start, end) in FIRST.items():
        for logits_BT, right in ((output.starts_BT, start), (output.ends_BT, end - 1)):
            values.append(unlikely(logits_BT[row, : LENGTHS[row]].tolist(), right, smoothing))
    found = Pointers(label_smoothing=smoothing)(output, batch)
    assert found is not None
    assert found.item() == pytest.approx(sum(values) / 6, rel=1e-5)


@pytest.mark.parametrize("delta", [1.0, 0.1])
def test_pointers_are_numbers_where_the_model_has_those(windows: Windows, delta: float) -> None:
    batch = windows(SPANS, LENGTHS)
    output = said(batch, pooled=True)
    assert output.pointers_BP is not None
    values = []
    for row, (_, start, end) in FIRST.items():
        for number, right in zip(output.pointers_BP[row].tolist(), (start, end - start), strict=True):
            values.append(huber(number - right / LENGTHS[row], delta))
    found = Pointers(delta=delta)(output, batch)
    assert found is not None
    assert found.item() == pytest.approx(sum(values) / 6, rel=1e-5)


def inside_by_hand(name: str, probs: list[float], right: list[float]) -> float:
    pairs = list(zip(probs, right, strict=True))

    def entropy(weight: float, smoothing: float) -> float:
        soft = [(p, y * (1 - smoothing) + smoothing / 2) for p, y in pairs]
        return -sum(weight * y * math.log(p) + (1 - y) * math.log(1 - p) for p, y in soft) / len(soft)

    def dice(smooth: float) -> float:
        return 1 - (2 * sum(p * y for p, y in pairs) + smooth) / (sum(probs) + sum(right) + smooth)

    if name == "focal":
        values = [-0.7 * (1 - p) ** 1.5 * math.log(p) if y else -0.3 * p**1.5 * math.log(1 - p) for p, y in pairs]
        return sum(values) / len(values)
    if name == "both":
        return entropy(1, 0) + 0.3 * dice(0.5)
    return {"entropy": entropy(1, 0), "weighted": entropy(3, 0.1), "dice": dice(1)}[name]


@pytest.mark.parametrize("name", INSIDE)
def test_span_is_a_mean_over_bars_and_windows(windows: Windows, name: str) -> None:
    batch = windows(SPANS, LENGTHS)
    output = said(batch)
    values = []
    for row, length in enumerate(LENGTHS):
        probs = output.inside_BT[row, :length].sigmoid().tolist()
        values.append(inside_by_hand(name, probs, batch.targets["inside"][row, :length].tolist()))
    assert INSIDE[name](output, batch).item() == pytest.approx(sum(values) / 4, rel=1e-5)


def test_focal_without_gamma_and_alpha_is_cross_entropy(windows: Windows) -> None:
    batch = windows(SPANS, LENGTHS)
    output = said(batch)
    torch.testing.assert_close(Focal(gamma=0.0)(output, batch), Entropy()(output, batch))


@pytest.mark.parametrize("name", INSIDE)
def test_sure_heads_give_finite_losses_and_gradients(windows: Windows, name: str) -> None:
    batch = windows(SPANS, LENGTHS)
    for sign in (1, -1):
        logits_BT = (sign * 200 * (2 * batch.targets["inside"] - 1)).requires_grad_()
        INSIDE[name](SpanOutput(logits_BT, batch.lengths_B), batch).backward()
        assert logits_BT.grad is not None
        assert logits_BT.grad.isfinite().all()


@pytest.mark.parametrize(
    "countdown",
    [
        Countdown(limit=3, unit="bar"),
        Countdown(limit=4),
        Countdown(limit=3, unit="bar", knee=2.0),
        Countdown(curve="smooth_l1", limit=5, unit="bar", knee=2.0),
    ],
)
def test_countdown(windows: Windows, countdown: Countdown) -> None:
    batch = windows(SPANS, LENGTHS)
    output = said(batch)
    assert output.countdown_BT is not None
    means = []
    for row, (_, start, _) in FIRST.items():
        values = []
        for bar in range(LENGTHS[row]):
            right = max(-countdown.limit, min(countdown.limit, start - bar))
            right = right / countdown.limit if countdown.unit == "limit" else right
            value = huber(output.countdown_BT[row, bar].item() - right, countdown.knee)
            values.append(value / countdown.knee if countdown.curve == "smooth_l1" else value)
        means.append(sum(values) / len(values))
    found = countdown(output, batch)
    assert found is not None
    assert found.item() == pytest.approx(sum(means) / 3, rel=1e-5)


def of_zero(windows: Windows, countdown: Countdown, start: int) -> float:
    """The countdown's loss for one who always says 0, in a window of 105 bars."""
    batch = windows([[(1, start, start + 7)]], [105])
    zero_BT = torch.zeros(1, 105)
    found = countdown(SpanOutput(zero_BT, batch.lengths_B, countdown_BT=zero_BT), batch)
    assert found is not None
    return found.item()


def test_the_sources_countdown_is_15_7_wherever_the_span_starts(windows: Windows) -> None:
    losses = [of_zero(windows, Countdown(unit="bar"), start) for start in range(15, 86)]
    assert min(losses) == pytest.approx(15.695, abs=5e-4)
    assert max(losses) == pytest.approx(15.790, abs=5e-4)
    assert sum(round(loss, 3) == 15.695 for loss in losses) == 67  # all from 19 to 85


def test_hubers_knee_of_10_makes_it_worse_and_smooth_l1_does_not(windows: Windows) -> None:
    """The source's option 4 as it is written, and as it is meant."""
    raw = of_zero(windows, Countdown(unit="bar"), 50)
    written = of_zero(windows, Countdown(unit="bar", knee=10.0), 50)
    meant = of_zero(windows, Countdown("smooth_l1", unit="bar", knee=10.0), 50)
    assert written == pytest.approx(115.1, abs=0.05)
    assert written / raw == pytest.approx(7.3, abs=0.05)
    assert meant == pytest.approx(11.5, abs=0.05)
    assert of_zero(windows, Countdown(), 50) < 0.5


def test_a_span_head_at_the_base_rate_has_its_entropy_and_all_positives_the_f1_to_beat() -> None:
    """7.2 % of the bars: a loss of 0.26, and about 0.28 with 8 %; and F1 of saying yes to all."""
    for rate, expected, best_f1 in ((0.072, 0.259, 0.134), (0.08, 0.279, 0.148)):
        inside_BT = (torch.arange(10_000) < rate * 10_000).float()[None]
        logits_BT = torch.full_like(inside_BT, math.log(rate / (1 - rate)))
        loss = Entropy().windows(logits_BT, inside_BT, torch.tensor([10_000]))
        assert loss.item() == pytest.approx(expected, abs=5e-4)
        assert loss.item() == pytest.approx(-rate * math.log(rate) - (1 - rate) * math.log(1 - rate), rel=1e-4)
        assert (logits_BT.sigmoid() < 0.5).all()  # so at a threshold of 0.5 nothing is found: F1 is 0
        precision, recall = inside_BT.mean().item(), 1.0
        f1 = 2 * precision * recall / (precision + recall)
        assert f1 == pytest.approx(2 * rate / (1 + rate), rel=1e-4)
        assert f1 == pytest.approx(best_f1, abs=5e-4)


def loss_of(span: Inside | None = None, countdown: bool = True) -> SpanLoss:
    return SpanLoss(Kind(), Pointers(), span or Entropy(), Countdown() if countdown else None)


@pytest.mark.parametrize("pooled", [False, True])
@pytest.mark.parametrize("name", INSIDE)
def test_windows_of_one_length_give_the_same_alone_and_together(windows: Windows, name: str, pooled: bool) -> None:
    """Means of means: in evaluation the loss does not depend on how windows are put into batches."""
    spans = [[(1, 3, 6)], [(2, 0, 4)], [(1, 5, 7), (1, 9, 12)]]
    batch = windows(spans, [12, 9, 12])
    output, loss = said(batch, pooled), loss_of(INSIDE[name])
    together = loss(output, batch)
    alone = []
    for row in range(3):
        targets = {key: value[row : row + 1] for key, value in batch.targets.items()}
        one = replace(batch, signals_BTF=batch.signals_BTF[row : row + 1], targets=targets,
                      lengths_B=batch.lengths_B[row : row + 1])  # fmt: skip
        heads = {key: getattr(output, key) for key in SpanOutput.__dataclass_fields__}
        cut = {key: head[row : row + 1] for key, head in heads.items() if isinstance(head, Tensor)}
        alone.append(loss(replace(output, **cut), one))
    for term, value in together.items():
        assert value.item() == pytest.approx(sum(one[term].item() for one in alone) / 3, rel=1e-5), term


@pytest.mark.parametrize("pooled", [False, True])
def test_what_a_batch_does_not_say_is_left_out_of_evaluation_and_0_in_training(windows: Windows, pooled: bool) -> None:
    batch = windows([[], []], [6, 4])
    output = said(batch, pooled)
    with torch.no_grad():
        assert loss_of()(output, batch).keys() == {"kind", "span"}
    terms = loss_of()(output, batch)
    assert terms.keys() == {"kind", "pointers", "span", "countdown"}
    assert terms["pointers"].item() == terms["countdown"].item() == 0
    torch.stack(list(terms.values())).sum().backward()
    for name in ("inside_BT", "kinds_BV", "countdown_BT", *(["pointers_BP"] if pooled else ["starts_BT", "ends_BT"])):
        grad = getattr(output, name).grad
        assert grad is not None, name
        assert grad.isfinite().all(), name


def test_the_padding_teaches_nothing(windows: Windows) -> None:
    batch = windows(SPANS, LENGTHS)
    output = said(batch)
    for span in INSIDE.values():
        torch.stack(list(loss_of(span)(output, batch).values())).sum().backward()
    beyond_BT = torch.arange(12) >= batch.lengths_B[:, None]
    for name in ("inside_BT", "starts_BT", "ends_BT", "countdown_BT"):
        grad_BT = getattr(output, name).grad
        assert grad_BT[beyond_BT].abs().sum() == 0, name
        assert grad_BT[~beyond_BT].abs().sum() > 0, name


def test_a_loss_and_a_model_that_do_not_fit_are_told_so(windows: Windows) -> None:
    batch = windows(SPANS, LENGTHS)
    output = said(batch)
    with pytest.raises(InputError, match=r"model\.countdown=false"):
        loss_of(countdown=False)(output, batch)
    with torch.no_grad():
        assert "countdown" not in loss_of(countdown=False)(output, batch)
    with pytest.raises(InputError, match=r"model\.countdown=true"):
        loss_of()(replace(output, countdown_BT=None), batch)
    with pytest.raises(InputError, match=r"model\.readout"):
        loss_of()(replace(output, kinds_BV=None), batch)
    with pytest.raises(InputError, match=r"model\.readout"):
        loss_of()(replace(output, starts_BT=None, ends_BT=None), batch)


def test_numbers_without_sense_are_refused() -> None:
    for make in (
        lambda: Entropy(pos_weight=0.0), lambda: Focal(gamma=-1.0), lambda: Focal(alpha=1.0), lambda: SoftDice(0.0),
        lambda: EntropyDice(Entropy(), SoftDice(), -1.0), lambda: Pointers(delta=0.0), lambda: Countdown(limit=0),
        lambda: Countdown(knee=0.0),
    ):  # fmt: skip
        with pytest.raises(InputError, match="loss"):
            make()


def test_half_precision_is_reckoned_in_single(windows: Windows) -> None:
    batch = windows(SPANS, LENGTHS)
    output = said(batch)
    half = replace(
        output,
        **{name: getattr(output, name).bfloat16() for name in ("inside_BT", "kinds_BV", "starts_BT", "ends_BT")},
    )
    for name, term in loss_of()(half, batch).items():
        assert term.dtype == torch.float32, name
