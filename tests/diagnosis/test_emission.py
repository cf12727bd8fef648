"""Emissions and answers: figures against loops in numpy, and recognizers that fail as they did for weeks unseen."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from project.contract import Batch, Emissions, Hypothesis
from project.diagnosis.emission import BlankCollapse, EmissionSums, ProbabilityCollapse, TemporalCollapse, WrongLength
from project.diagnosis.evidence import Evidence
from project.loss.ctc import CTC, frames_needed

Watch = Callable[..., Any]
IDS = 5


def random_batch(seed: int, size: int, longest: int = 12) -> tuple[Emissions, list[Hypothesis], Batch]:
    generator = torch.Generator().manual_seed(seed)
    lengths_B = torch.randint(3, longest + 1, (size,), generator=generator)
    scores_BTV = 3 * torch.randn(size, longest, IDS, generator=generator)
    num_B = torch.randint(1, 7, (size,), generator=generator)
    symbols_BL = torch.randint(1, IDS, (size, 6), generator=generator) * (torch.arange(6) < num_B[:, None])
    answers = [
        Hypothesis(tuple(torch.randint(1, IDS, (n,), generator=generator).tolist()), "", 0.0)
        for n in torch.randint(0, 6, (size,), generator=generator).tolist()
    ]
    targets = {"symbols": symbols_BL, "symbol_lengths": num_B}
    batch = Batch(tuple(map(str, range(size))), torch.zeros(size, longest, 1), lengths_B, targets, ("",) * size)
    return Emissions(scores_BTV.log_softmax(dim=2), lengths_B), answers, batch


def by_loops(parts: list[tuple[Emissions, list[Hypothesis], Batch]]) -> dict[str, float]:
    """The figures, frame by frame and example by example."""
    frames, over_time, means, said, wanted = [], [], [], Counter[int](), Counter[int]()
    empty = infeasible = examples = 0
    for output, answers, batch in parts:
        for row, length in enumerate(output.lengths_B.tolist()):
            own = np.exp(output.log_probs_BTV[row, :length].double().numpy())
            frames += list(own)
            means.append(own.mean(axis=0))
            over_time.append(np.sqrt(np.mean([np.sum((frame - means[-1]) ** 2) for frame in own])))
            symbols = batch.targets["symbols"][row, : batch.targets["symbol_lengths"][row]].tolist()
            needed = len(symbols) + sum(a == b for a, b in itertools.pairwise(symbols))
            infeasible += needed > length
            assert needed == frames_needed(torch.tensor([symbols]), torch.tensor([len(symbols)])).item()
            wanted.update(symbols)
            said.update(answers[row].tokens)
            empty += not answers[row].tokens
            examples += 1
    middle = np.mean(means, axis=0)
    symbol, count = said.most_common(1)[0]
    return {
        "probability/blank": np.mean([frame[0] for frame in frames]),
        "probability/blank_frames": np.mean([frame.argmax() == 0 for frame in frames]),
        "probability/entropy": np.mean([-sum(p * np.log(p) for p in frame) for frame in frames]),
        "probability/over_time": np.mean(over_time),
        "probability/over_examples": np.sqrt(np.mean([np.sum((mean - middle) ** 2) for mean in means])),
        "text/empty": empty / examples,
        "text/length_ratio": said.total() / wanted.total(),
        "text/infeasible": infeasible / examples,
        "text/top_symbol": count / said.total() - wanted[symbol] / wanted.total(),
    }


def summed(parts: list[tuple[Emissions, list[Hypothesis], Batch]]) -> EmissionSums:
    sums = EmissionSums()
    for part in parts:
        sums.add(*part)
    return sums


PARTS = [random_batch(seed, size) for seed, size in ((0, 4), (1, 7), (2, 1))]


def test_figures_against_loops() -> None:
    assert summed(PARTS).figures() == pytest.approx(by_loops(PARTS), rel=1e-5)


def test_halves_merged_are_the_whole() -> None:
    """What two processes saw, added up, is what one would have seen."""
    first, second = summed(PARTS[:1]), summed(PARTS[1:])
    first.merge(second.state())
    assert first.figures() == pytest.approx(summed(PARTS).figures(), rel=1e-12)
    nothing = EmissionSums()
    nothing.merge(summed(PARTS).state())
    assert nothing.figures() == pytest.approx(summed(PARTS).figures(), rel=1e-12)
    assert EmissionSums().figures() == {}


def test_what_stands_beyond_a_length_does_not_matter() -> None:
    output, answers, batch = PARTS[0]
    beyond_BT = torch.arange(output.log_probs_BTV.shape[1]) >= output.lengths_B[:, None]
    assert beyond_BT.any()
    torn = replace(output, log_probs_BTV=output.log_probs_BTV.masked_fill(beyond_BT[..., None], float("nan")))
    assert summed([(torn, answers, batch)]).figures() == summed([PARTS[0]]).figures()


def test_one_example_alone_differs_from_none() -> None:
    """Of one example nobody can say whether the output depends on the input."""
    assert "probability/over_examples" not in summed([PARTS[2]]).figures()


# Broken recognizers, trained for real.


def test_one_that_says_blank_everywhere(watch: Watch, toy: Any) -> None:
    found = watch(toy(say=lambda x, _: x.clamp(-5, 5) + 30 * torch.eye(6)[0])).findings
    assert found.keys() >= {"blank_collapse"}
    assert "wrong_length" not in found, "all is empty: nothing is cut"
    assert "nothing at all in 100% of the examples" in found["blank_collapse"].text


def test_one_whose_time_axis_is_pooled_away(watch: Watch, toy: Any) -> None:
    found = watch(toy(hear=lambda x, _: x.mean(dim=1, keepdim=True).expand_as(x))).findings
    assert "temporal_collapse" in found
    assert "probability_collapse" not in found, "it still hears which symbols there are"


def test_one_that_ignores_its_input(watch: Watch, toy: Any, batch_of: Any) -> None:
    """It knows the clock alone: its output varies over time, and is the same for all examples."""

    def clock(signals_BTF: Tensor, _: Batch) -> Tensor:
        waves_TF = torch.sin(torch.arange(signals_BTF.shape[1])[:, None] / torch.arange(1, 9))
        return 3 * waves_TF.expand_as(signals_BTF)

    run = watch(toy(hear=clock), dev=[batch_of(99, 20, symbols=(8, 8))])
    assert run.findings["probability_collapse"].subject == "output"
    assert "temporal_collapse" not in run.findings
    assert run.curves["probability/over_examples"][-1][1] < 1e-6


def test_one_that_hears_nothing(watch: Watch, toy: Any) -> None:
    found = watch(toy(hear=lambda x, _: torch.zeros_like(x))).findings
    assert {"temporal_collapse", "probability_collapse", "blank_collapse", "prior_only"} <= found.keys()
    assert found["prior_only"].figures["skill"] == pytest.approx(0, abs=0.05)


def test_one_that_learned_from_wrong_references(watch: Watch, batch_of: Any) -> None:
    """Every training text is AAAA: one symbol is nearly all it says."""

    def all_a(batch: Batch) -> Batch:
        symbols_BL = batch.targets["symbols"].clamp(max=1)
        return replace(batch, targets={**batch.targets, "symbols": symbols_BL})

    run = watch(train=[all_a(batch_of(seed)) for seed in range(20)], steps=200)
    assert run.findings["probability_collapse"].subject == "symbols"
    assert 0.5 < run.findings["probability_collapse"].figures["top_symbol"] <= 1


def test_one_that_takes_padding_for_signal(watch: Watch, toy: Any) -> None:
    def shout(scores_BTV: Tensor, batch: Batch) -> Tensor:
        places_T = torch.arange(scores_BTV.shape[1])
        chatter_TV = 20 * torch.eye(6)[1 + places_T % 2]
        return torch.where((places_T < batch.lengths_B[:, None])[..., None], scores_BTV, chatter_TV)

    run = watch(toy(say=shout, lengths=lambda n, batch: torch.full_like(n, batch.signals_BTF.shape[1])))
    assert run.findings["wrong_length"].subject == "flood"
    assert "batch_mates" in run.findings, "alone an example has no padding"
    assert run.findings["wrong_length"].figures["length_ratio"] > 1.5


def test_one_whose_answers_are_cut(watch: Watch, toy: Any) -> None:
    """In evaluation it is told a third of each length."""
    cut = toy(lengths=lambda n, _: n if torch.is_grad_enabled() else n // 3)
    run = watch(cut, loss=CTC(zero_infinity=True))
    assert run.findings["wrong_length"].subject == "truncation"


def test_too_few_frames_counted_as_zero(watch: Watch, toy: Any, batch_of: Any) -> None:
    """What happened: the loss falls by what fits, the error stays with what does not."""
    mixed = [
        [
            batch_of(seed, 2, symbols=(1, 1)),
            batch_of(50 + seed, 2, symbols=(1, 1)),
            batch_of(100 + seed, 8, symbols=(40, 40)),
        ]
        for seed in range(10)
    ]
    short = toy(lengths=lambda n, _: n.clamp(max=3))
    train, dev = [batch for three in mixed[1:] for batch in three], mixed[0][1:]
    run = watch(short, loss=CTC(zero_infinity=True), train=train, dev=dev)
    assert {"infeasible", "without_gain"} <= run.findings.keys()
    assert run.findings["infeasible"].figures["infeasible"] == pytest.approx(0.8)
    assert "cer is 0.9" in run.findings["without_gain"].text
    assert run.curves["data/infeasible"][-1][1] in {0.0, 1.0}


def test_frames_that_are_too_few_now_and_then_in_training(checks: Any) -> None:
    """Not every batch that was looked at had them, the last one neither."""
    curves = {"data/infeasible": [(20, 0.0), (100, 0.25), (200, 0.0), (300, 0.0)], "text/infeasible": [(300, 0.0)]}
    (finding,) = checks["infeasible"](Evidence(curves))
    assert finding.subject == "the training examples"
    assert finding.figures["infeasible"] == pytest.approx(0.0625)


@pytest.mark.parametrize(
    ("check", "curves"),
    [
        (BlankCollapse(), {"probability/blank_frames": [1.0, 1.0], "text/empty": [1.0, 0.9]}),
        (TemporalCollapse(), {"probability/over_time": [0.001, 0.0]}),
        (ProbabilityCollapse(), {"probability/over_examples": [0.0, 0.0001]}),
        (ProbabilityCollapse(), {"text/top_symbol": [0.7, 0.6]}),
        (WrongLength(), {"text/length_ratio": [3.0, 2.0]}),
        (WrongLength(), {"text/length_ratio": [0.38, 0.4], "text/empty": [0.0, 0.1]}),
    ],
)
def test_what_stays_is_told_and_what_passes_is_not(check: Any, curves: dict[str, list[float]]) -> None:
    """Early in training all of them are usual; of an evaluation there is one value, and it counts."""
    points = {name: list(enumerate(values)) for name, values in curves.items()}
    first = {name: values[:1] for name, values in points.items()}
    assert len(list(check(Evidence(points)))) == 1
    assert list(check(Evidence(first))) == []
    assert len(list(check(Evidence(first, final=True)))) == 1
    good = {name: 0.5 if "examples" in name or "time" in name else 0.0 for name in points} | {"text/length_ratio": 1.0}
    passed = {name: [*values[:1], (1, good[name])] for name, values in points.items()}
    assert list(check(Evidence(passed))) == []


def test_a_net_on_its_way_is_left_alone() -> None:
    """It says blank while its loss falls, and then more and more: so does every good run."""
    blank = {"probability/blank_frames": [(1, 1.0), (2, 0.99)], "text/empty": [(1, 1.0), (2, 0.9)]}
    assert list(BlankCollapse()(Evidence(blank | {"dev/loss": [(1, 4.0), (2, 3.0)]}))) == []
    assert len(list(BlankCollapse()(Evidence(blank | {"dev/loss": [(1, 9.0), (2, 3.0), (3, 2.99)]})))) == 1
    more = {"text/length_ratio": [(1, 0.2), (2, 0.4)]}
    assert list(WrongLength()(Evidence(more))) == []
    assert len(list(WrongLength()(Evidence(more | {"text/length_ratio": [(1, 0.2), (2, 0.4), (3, 0.41)]})))) == 1
