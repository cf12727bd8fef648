"""CTC, against the sum over all paths."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from project.contract import Batch, Emissions, InputError
from project.loss.ctc import CTC, frames_needed


def collapse(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(symbol for symbol, _ in itertools.groupby(path) if symbol)


def brute_force(log_probs: list[list[float]], target: tuple[int, ...]) -> float:
    """Minus the log of the summed probability of all paths that spell the target."""
    symbols = range(len(log_probs[0]))
    paths = itertools.product(symbols, repeat=len(log_probs))
    found = [sum(log_probs[t][s] for t, s in enumerate(path)) for path in paths if collapse(path) == target]
    return -math.log(sum(math.exp(one) for one in found))


def batch_of(targets: list[tuple[int, ...]], frames: int) -> Batch:
    longest = max(map(len, targets))
    symbols_BL = torch.tensor([[*target, *[0] * (longest - len(target))] for target in targets])
    lengths_B = torch.tensor([len(target) for target in targets])
    ids = tuple(f"example-{row}" for row in range(len(targets)))
    signals_BTF = torch.zeros(len(targets), frames, 1)
    names = {"symbols": symbols_BL, "symbol_lengths": lengths_B}
    return Batch(ids, signals_BTF, torch.full((len(targets),), frames), names, ("",) * len(targets))


def random_emissions(lengths: list[int], symbols: int) -> Emissions:
    scores_BTV = torch.randn(len(lengths), max(lengths), symbols, generator=torch.Generator().manual_seed(0))
    return Emissions(scores_BTV.log_softmax(dim=2), torch.tensor(lengths))


def test_it_is_the_sum_over_all_paths() -> None:
    targets = [(1, 2), (1, 1), (2,), (), (2, 1, 2)]
    output = random_emissions([5, 4, 1, 3, 5], symbols=3)
    expected = [
        brute_force(output.log_probs_BTV[row, : int(length)].tolist(), target) / max(1, len(target))
        for row, (target, length) in enumerate(zip(targets, output.lengths_B, strict=True))
    ]
    loss = CTC()(output, batch_of(targets, frames=5))
    assert loss.keys() == {"ctc"}
    assert loss["ctc"].item() == pytest.approx(sum(expected) / len(expected), rel=1e-5)


def test_half_precision_is_reckoned_in_single() -> None:
    output = random_emissions([6, 6], symbols=4)
    halved = Emissions(output.log_probs_BTV.bfloat16(), output.lengths_B)
    loss = CTC()(halved, batch_of([(1, 2), (3,)], frames=6))["ctc"]
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(CTC()(output, batch_of([(1, 2), (3,)], frames=6))["ctc"].item(), rel=0.02)


def test_the_fewest_frames_are_the_shortest_path_that_spells_the_target() -> None:
    for target in itertools.product((1, 2), repeat=4):
        shortest = min(
            frames
            for frames in range(1, 8)
            if any(collapse(path) == target for path in itertools.product(range(3), repeat=frames))
        )
        assert frames_needed(torch.tensor([target]), torch.tensor([4])).tolist() == [shortest]


def test_too_few_frames_are_refused_by_name() -> None:
    batch = batch_of([(1, 1), (1, 2), (2, 2, 2)], frames=4)
    with pytest.raises(InputError, match=r"^example-0 \(2 frames for 3\), example-2 \(4 frames for 5\): too few"):
        CTC()(random_emissions([2, 2, 4], symbols=3), batch)


def test_zero_infinity_counts_them_as_nothing() -> None:
    output = random_emissions([2, 4], symbols=3)
    both = CTC(zero_infinity=True)(output, batch_of([(1, 1), (1, 2)], frames=4))["ctc"]
    alone = CTC()(Emissions(output.log_probs_BTV[1:], output.lengths_B[1:]), batch_of([(1, 2)], frames=4))["ctc"]
    assert both.item() == pytest.approx(alone.item() / 2, rel=1e-5)


def test_padding_frames_do_not_matter() -> None:
    output = random_emissions([3, 6], symbols=3)
    batch = batch_of([(1, 2), (2, 1)], frames=6)
    before = CTC()(output, batch)["ctc"]
    output.log_probs_BTV[0, 3:] = -50.0
    assert CTC()(output, batch)["ctc"].item() == before.item()


def test_regularizers_are_those_of_a_library_frame_by_frame() -> None:
    output = random_emissions([3, 6], symbols=4)
    terms = CTC(regularize=["smoothing", "confidence"])(output, batch_of([(1, 2), (2, 1)], frames=6))
    assert set(terms) == {"ctc", "smoothing", "confidence"}
    uniform = torch.distributions.Categorical(torch.ones(4))
    smoothing, confidence = [], []
    for row, length in enumerate([3, 6]):
        frames = [torch.distributions.Categorical(logits=output.log_probs_BTV[row, t]) for t in range(length)]
        kl = [torch.distributions.kl_divergence(uniform, frame).item() for frame in frames]
        smoothing.append(sum(kl) / length)
        confidence.append(-sum(frame.entropy().item() for frame in frames) / length)
    assert terms["smoothing"].item() == pytest.approx(sum(smoothing) / 2, rel=1e-5)
    assert terms["confidence"].item() == pytest.approx(sum(confidence) / 2, rel=1e-5)


def test_an_unknown_regularizer_is_refused() -> None:
    with pytest.raises(InputError, match=r"loss\.regularize: entropy: no such term"):
        CTC(regularize=["entropy"])  # type: ignore[list-item]
