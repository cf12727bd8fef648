"""What losses of spans guess of windows nobody looked at: no other constant does notably better."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor

from project.contract import Batch, SpanOutput
from project.loss.countdown import Countdown
from project.loss.span import Kind, Pointers, SpanLoss
from project.loss.span_inside import Entropy, EntropyDice, Focal, Inside, SoftDice

Windows = Callable[..., Batch]
FRAMES, MANY = 40, 1000
INSIDE = {
    "entropy": Entropy(),
    "weighted": Entropy(pos_weight=5.0),
    "smoothed": Entropy(label_smoothing=0.1),
    "focal": Focal(),
    "focal_weighted": Focal(gamma=1.0, alpha=0.8),
    "dice": SoftDice(),
    "both": EntropyDice(Entropy(), SoftDice()),
    "mostly_dice": EntropyDice(Entropy(), SoftDice(), 10.0),
}
COUNTDOWN = {
    "raw": Countdown(limit=10, unit="bar"),
    "unit": Countdown(limit=10),
    "straight": Countdown(limit=10, unit="bar", knee=0.1),
    "smooth_l1": Countdown("smooth_l1", limit=10, unit="bar", knee=5.0),
}


@pytest.fixture(scope="module")
def batch(windows: Windows) -> Batch:
    """Many windows, one in eight without a span, starts rather late than early; some windows end sooner."""
    rng = np.random.default_rng(0)
    spans, lengths = [], []
    for _ in range(MANY):
        start = int(5 + 25 * rng.beta(2.0, 1.2))
        end = start + int(rng.integers(3, 9))
        spans.append([] if rng.random() < 0.125 else [(1 + int(rng.random() < 0.3), start, end)])
        lengths.append(FRAMES if rng.random() < 0.7 else FRAMES - int(rng.integers(0, 3)))
    return windows(spans, lengths)


def loss_of(span: Inside | None = None, countdown: Countdown | None = None) -> SpanLoss:
    return SpanLoss(Kind(num_symbols=3), Pointers(), span or Entropy(), countdown or Countdown())


FIELDS = {
    "inside_T": "inside_BT", "kinds_V": "kinds_BV", "starts_T": "starts_BT", "ends_T": "ends_BT",
    "pointers_P": "pointers_BP", "countdown_T": "countdown_BT",
}  # fmt: skip


def terms_of(loss: SpanLoss, guess: dict[str, Tensor], batch: Batch, pooled: bool = False) -> dict[str, float]:
    """The terms of one who says this of all windows."""
    heads = {FIELDS[name]: value.expand(len(batch), -1) for name, value in guess.items()}
    output = SpanOutput(lengths_B=batch.lengths_B, **heads)
    if pooled:
        output = replace(output, starts_BT=None, ends_BT=None)
    with torch.no_grad():
        return {name: term.item() for name, term in loss(output, batch).items()}


def best_elsewhere(loss: SpanLoss, guess: dict[str, Tensor], batch: Batch, name: str, term: str) -> float:
    """The smallest that a search along lines from the guess finds: all numbers shifted, scaled, or one of them moved;
    and all of them equal.
    """
    value = guess[name]
    lines: list[Callable[[float], Tensor]] = [
        lambda x: value + x,
        lambda x: value * (1 + x),
        lambda x: torch.full_like(value, 2 * x),
    ]
    places = range(0, len(value), max(1, len(value) // 8))
    lines += [lambda x, place=place: value + x * (torch.arange(len(value)) == place) for place in places]
    found = []
    for line in lines:

        def along(x: float, line: Callable[[float], Tensor] = line) -> float:
            return terms_of(loss, guess | {name: line(x)}, batch, pooled=name == "pointers_P")[term]

        found.append(minimize_scalar(along, bounds=(-5, 5), method="bounded", options={"maxiter": 10}).fun)
    return min(found)


def assert_is_best(loss: SpanLoss, batch: Batch, name: str, term: str) -> None:
    guess = loss.guess(batch)
    mine = terms_of(loss, guess, batch, pooled=name == "pointers_P")[term]
    assert math.isfinite(mine)
    assert best_elsewhere(loss, guess, batch, name, term) >= 0.99 * mine


@pytest.mark.parametrize("name", INSIDE)
def test_no_other_answer_for_bars_is_notably_better(batch: Batch, name: str) -> None:
    assert_is_best(loss_of(INSIDE[name]), batch, "inside_T", "span")


@pytest.mark.parametrize("name", COUNTDOWN)
def test_no_other_countdown_is_notably_better(batch: Batch, name: str) -> None:
    assert_is_best(loss_of(countdown=COUNTDOWN[name]), batch, "countdown_T", "countdown")


@pytest.mark.parametrize(
    ("name", "term"),
    [("kinds_V", "kind"), ("starts_T", "pointers"), ("ends_T", "pointers"), ("pointers_P", "pointers")],
)
def test_no_other_kind_or_pointer_is_notably_better(batch: Batch, name: str, term: str) -> None:
    assert_is_best(loss_of(), batch, name, term)


def test_closed_forms(batch: Batch) -> None:
    """Frequencies and odds with a half added, and means and medians."""
    guess = loss_of(countdown=COUNTDOWN["straight"]).guess(batch)
    first = [int(kind) for kind in batch.targets["kinds"][:, 0]]
    counts = torch.tensor([first.count(kind) + 0.5 for kind in range(3)])
    torch.testing.assert_close(guess["kinds_V"].softmax(dim=0), counts / counts.sum())
    whole = [row for row in range(MANY) if batch.targets["kind_lengths"][row]]
    starts = [int(batch.targets["starts"][row, 0]) for row in whole]
    assert guess["starts_T"].exp()[20].item() == pytest.approx((starts.count(20) + 0.5) / (len(starts) + FRAMES / 2))
    parts = torch.tensor([start / int(batch.lengths_B[row]) for row, start in zip(whole, starts, strict=True)])
    assert guess["pointers_P"][0].item() == pytest.approx(parts.mean().item(), rel=1e-4)
    median = np.median([np.clip(start - 20, -10, 10) for start in starts])
    assert guess["countdown_T"][20].item() == pytest.approx(median, abs=0.2)
    rate = batch.targets["inside"][:, 20].sum().item() / MANY
    assert guess["inside_T"].sigmoid()[20].item() == pytest.approx(rate, rel=0.02)
    weighted = loss_of(INSIDE["weighted"]).guess(batch)["inside_T"] - guess["inside_T"]
    torch.testing.assert_close(weighted, torch.full_like(weighted, math.log(5)))


def test_the_base_rate_of_the_guess_is_about_that_of_the_bars(batch: Batch) -> None:
    rate = batch.targets["inside"].sum().item() / int(batch.lengths_B.sum())
    assert loss_of().guess(batch)["inside_T"].sigmoid().mean().item() == pytest.approx(rate, rel=0.02)


def test_dice_says_yes_where_spans_are_most_often(windows: Windows) -> None:
    """Against all sets of places there are."""
    spans = [[(1, 1, 3)], [(1, 2, 4)], [(1, 2, 5)], [(1, 0, 2)], []]
    batch, dice = windows(spans, [6] * 5), SoftDice()
    losses = []
    for chosen in range(2**6):
        logits_T = torch.tensor([20.0 if chosen >> place & 1 else -20.0 for place in range(6)])
        losses.append(dice.windows(logits_T.expand(5, -1), batch.targets["inside"], batch.lengths_B).mean().item())
    guess_T = dice.guess(batch)["inside_T"]
    mine = dice.windows(guess_T.expand(5, -1), batch.targets["inside"], batch.lengths_B).mean().item()
    assert mine == pytest.approx(min(losses), abs=1e-3)


@pytest.mark.parametrize("name", INSIDE)
def test_windows_without_spans_are_guessed_too(windows: Windows, name: str) -> None:
    guess = loss_of(INSIDE[name]).guess(windows([[]] * 30, [5] * 29 + [4]))
    assert guess.keys() == {"inside_T", "kinds_V"}
    assert all(value.isfinite().all() for value in guess.values())
    assert (guess["inside_T"] < 0).all()


def test_guessing_works_where_gradients_are_off(windows: Windows) -> None:
    batch = windows([[(1, 2, 4)], [(2, 3, 5)]], [8, 8])
    with torch.no_grad():
        guess = loss_of(Focal()).guess(batch)
    assert guess.keys() == FIELDS.keys()
    assert not any(value.requires_grad for value in guess.values())
