"""Masked learning's terms, against loops and enumeration."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from project.contract import Batch, Emissions, InputError
from project.loss.ctc import CTC
from project.loss.masked import Masked, masked_entropy, unlikely_timing

LENGTHS = (12, 9)


def batch_of(seed: int = 0) -> Batch:
    """Two examples with hidden spans, random states and two symbols each; zero beyond each length."""
    generator = torch.Generator().manual_seed(seed)
    inside_BT = torch.arange(12) < torch.tensor(LENGTHS)[:, None]
    hidden_BT = torch.zeros(2, 12, dtype=torch.bool)
    hidden_BT[0, 3:8] = hidden_BT[1, 5:9] = True
    targets = {
        "symbols": torch.tensor([[1, 2], [2, 1]]),
        "symbol_lengths": torch.tensor([2, 2]),
        "hidden": hidden_BT,
        "states": (torch.rand(2, 12, generator=generator) < 0.5) * inside_BT.float(),
        "trust": torch.rand(2, 12, generator=generator) * inside_BT,
    }
    return Batch(("a", "b"), torch.zeros(2, 12, 1), torch.tensor(LENGTHS), targets, ("", ""))


def output_of(seed: int = 1) -> Emissions:
    generator = torch.Generator().manual_seed(seed)
    log_probs_BTV = torch.randn(2, 6, 3, generator=generator).log_softmax(dim=2)
    return Emissions(log_probs_BTV, torch.tensor([6, 5]), torch.randn(2, 12, generator=generator))


def entropy(logit: float, state: float) -> float:
    """Binary cross entropy as the textbook has it."""
    on = 1 / (1 + math.exp(-logit))
    return -math.log(on if state else 1 - on)


def test_the_mask_term_is_the_mean_over_hidden_frames_and_examples() -> None:
    batch, output = batch_of(), output_of()
    assert output.states_BT is not None
    means = []
    for row in range(2):
        frames = batch.targets["hidden"][row].nonzero()[:, 0].tolist()
        weights = [batch.targets["trust"][row, frame].item() for frame in frames]
        values = [entropy(output.states_BT[row, t].item(), batch.targets["states"][row, t].item()) for t in frames]
        means.append(sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights))
    terms = Masked()(output, batch)
    assert terms.keys() == {"mask"}
    assert terms["mask"].item() == pytest.approx(sum(means) / 2, rel=1e-5)


def test_balanced_lets_both_states_count_half() -> None:
    logits_BT = torch.tensor([[0.3, -1.0, 2.0, 0.5, 9.0], [1.0, 2.0, 3.0, 9.0, 9.0]])
    states_BT = torch.tensor([[1.0, 0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0, 0.0]])
    weights_BT = torch.tensor([[1.0, 1.0, 1.0, 1.0, 0.0], [1.0, 1.0, 1.0, 0.0, 0.0]])
    off = sum(entropy(logit, 0) for logit in (-1.0, 2.0, 0.5)) / 3
    first = (entropy(0.3, 1) + off) / 2
    second = sum(entropy(logit, 0) for logit in (1.0, 2.0, 3.0)) / 3  # only one state is there: it counts whole
    found = masked_entropy(logits_BT, states_BT, weights_BT, balanced=True)
    assert found.item() == pytest.approx((first + second) / 2, rel=1e-5)


def test_hidden_frames_alone_carry_the_mask_term() -> None:
    batch, output = batch_of(), output_of()
    before = Masked()(output, batch)["mask"].item()
    for row, frame in itertools.product(range(2), range(12)):
        changed = {name: target.clone() for name, target in batch.targets.items()}
        changed["states"][row, frame] = 1 - changed["states"][row, frame]
        other = Batch(batch.ids, batch.signals_BTF, batch.lengths_B, changed, batch.references)
        same = Masked()(output, other)["mask"].item() == before
        assert same != bool(batch.targets["hidden"][row, frame])


def test_no_hidden_frame_is_no_loss_and_no_nan() -> None:
    logits_BT = torch.randn(2, 5, requires_grad=True)
    for balanced in (False, True):
        value = masked_entropy(logits_BT, torch.zeros(2, 5), torch.zeros(2, 5), balanced)
        assert value.item() == 0.0
        value.backward()
    assert logits_BT.grad is not None
    assert torch.equal(logits_BT.grad, torch.zeros(2, 5))


def test_ctc_stands_beside_it() -> None:
    batch, output = batch_of(), output_of()
    terms = Masked(ctc=CTC(regularize=["smoothing"]))(output, batch)
    assert set(terms) == {"ctc", "smoothing", "mask"}
    assert terms["ctc"].item() == CTC()(output, batch)["ctc"].item()


def enumerate_runs(on: list[float], hidden: list[bool], marks: list[float], gaps: list[float]) -> tuple[float, float]:
    """Expected sum of log-densities, and expected number, of inner runs that a hidden frame is in or beside."""
    expected = count = 0.0
    frames = len(on)
    for states in itertools.product((0, 1), repeat=frames):
        probability = math.prod(p if state else 1 - p for p, state in zip(on, states, strict=True))
        start = 0
        for state, group in itertools.groupby(states):
            length = len(list(group))
            end = start + length
            if start > 0 and end < frames and any(hidden[start - 1 : end + 1]):
                expected += probability * (marks if state else gaps)[length - 1]
                count += probability
            start = end
    return expected, count


def test_the_timing_term_is_the_expectation_over_all_sequences() -> None:
    generator = torch.Generator().manual_seed(0)
    on_BT = torch.rand(3, 9, generator=generator) * 0.98 + 0.01
    hidden_BT = torch.zeros(3, 9, dtype=torch.bool)
    hidden_BT[0, 4] = hidden_BT[1, 2:5] = True  # nothing is hidden in the third
    lengths = [9, 7, 9]
    marks_BD, gaps_BD = torch.randn(3, 8, generator=generator), torch.randn(3, 8, generator=generator)
    found = unlikely_timing(on_BT, hidden_BT, torch.tensor(lengths), marks_BD, gaps_BD)
    means = []
    for row in range(2):
        on, hidden = on_BT[row, : lengths[row]].tolist(), hidden_BT[row, : lengths[row]].tolist()
        expected, count = enumerate_runs(on, hidden, marks_BD[row].tolist(), gaps_BD[row].tolist())
        means.append(-expected / count)
    assert found.item() == pytest.approx(sum(means) / 2, rel=1e-4)


def rhythm() -> Tensor:
    """(T,) States of tones and gaps of 6, 18 and 42 frames."""
    units = (9, 3, 1, 1, 1, 1, 3, 3, 1, 1, 3, 1, 1, 7, 1, 1, 1, 1, 3, 9)
    return torch.cat([torch.full((6 * unit,), float(place % 2)) for place, unit in enumerate(units)])


def timing_of(logits_T: Tensor, states_T: Tensor) -> Tensor:
    hidden_T = torch.zeros(len(states_T), dtype=torch.bool)
    hidden_T[70:150] = True
    targets = {"hidden": hidden_T[None], "states": states_T[None], "trust": torch.ones(1, len(states_T))}
    lengths_B = torch.tensor([len(states_T)])
    batch = Batch(("a",), torch.zeros(1, len(states_T), 1), lengths_B, targets, ("",))
    output = Emissions(torch.zeros(1, 1, 2), torch.tensor([1]), logits_T[None])
    return Masked(timing=True)(output, batch)["timing"]


def test_what_keeps_the_rhythm_is_likelier() -> None:
    states_T = rhythm()
    right = timing_of(20 * states_T - 10, states_T)
    generator = torch.Generator().manual_seed(0)
    unsure = timing_of(torch.randn(len(states_T), generator=generator), states_T)
    flickering = timing_of(20 * (torch.arange(len(states_T)) % 4 < 2).float() - 10, states_T)
    assert right < unsure - 1
    assert right < flickering - 1


def test_the_timing_term_has_a_gradient_in_hidden_frames_alone() -> None:
    states_T = rhythm()
    logits_T = (2 * states_T - 1).requires_grad_()
    timing_of(logits_T, states_T).backward()
    assert logits_T.grad is not None
    assert torch.isfinite(logits_T.grad).all()
    assert logits_T.grad[70:150].abs().sum() > 0
    assert logits_T.grad[:70].abs().sum() == logits_T.grad[150:].abs().sum() == 0


def test_what_is_missing_is_named() -> None:
    batch, output = batch_of(), output_of()
    with pytest.raises(InputError, match=r"model\.mask_head=true"):
        Masked()(Emissions(output.log_probs_BTV, output.lengths_B), batch)
    bare = Batch(batch.ids, batch.signals_BTF, batch.lengths_B, {}, batch.references)
    with pytest.raises(InputError, match="SpanMask"):
        Masked()(output, bare)
