"""Metrics of single frames against computations over all frames of all examples at once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import logit

from project.build.bind import make
from project.build.compose import compose
from project.contract import Hypothesis, InputError, Track
from project.metric.association import Array
from project.metric.span_calibration import FrameCalibration
from project.metric.span_frames import FrameF1, FrameSeparation
from project.metric.span_ranking import FrameRanking, average_precision
from project.metric.threshold import Histogram, best_threshold

NAMES = ("bar_f1", "bar_ap", "bar_ece", "bar_separation")
THRESHOLD = 0.3
Example = tuple[str, Hypothesis]


def hypothesis(said: Sequence[float], threshold: float = THRESHOLD) -> Hypothesis:
    return Hypothesis((), "", 0.0, track=Track(tuple(said), threshold))


def windows(count: int = 40, frames: int = 30) -> tuple[list[Example], Array, Array]:
    """Examples whose spans are said a little better than by chance; and all their frames, said and true."""
    rng = np.random.default_rng(1)
    examples, said, true = [], [], []
    for _ in range(count):
        start = int(rng.integers(0, frames - 6))
        inside_T = np.zeros(frames)
        inside_T[start : start + 6] = rng.random() < 0.8
        said_T = 1 / (1 + np.exp(1.5 - 2 * inside_T - rng.normal(size=frames)))
        reference = f"retracement {start}-{start + 6}" if inside_T.any() else ""
        examples.append((reference, hypothesis(said_T)))
        said.append(said_T)
        true.append(inside_T)
    return examples, np.concatenate(said), np.concatenate(true) > 0


def columns_of(metric: Any, examples: Sequence[Example]) -> dict[str, list[float]]:
    rows = [metric.score(*example) for example in examples]
    return {name: [row[name] for row in rows] for name in rows[0]}


def figures_of(metric: Any, examples: Sequence[Example]) -> Mapping[str, float]:
    figures: Mapping[str, float] = metric.summarize(columns_of(metric, examples))
    return figures


def built(name: str) -> Any:
    return make(compose("train", [f"metric={name}"])["metric"], "metric")[name]


def f1(said: Array, true: Array) -> float:
    hits = int((said & true).sum())
    precision, recall = hits / said.sum(), hits / true.sum()
    return float(2 * precision * recall / (precision + recall))


def test_f1_of_frames() -> None:
    examples, said, true = windows()
    figures = figures_of(FrameF1("bar_f1"), examples)
    assert next(iter(figures)) == "bar_f1"
    assert figures["bar_f1"] == pytest.approx(f1(said >= THRESHOLD, true))
    assert figures["bar_f1_half"] == pytest.approx(f1(said >= 0.5, true))
    base = true.mean()
    assert figures["bar_f1_all"] == pytest.approx(2 * base / (1 + base))
    assert figures["bar_f1_precision"] == pytest.approx(true[said >= THRESHOLD].mean())
    assert figures["bar_f1_recall"] == pytest.approx((said >= THRESHOLD)[true].mean())


def test_nothing_said_is_no_failure() -> None:
    """As in the first epochs: F1 is 0, and what cannot be known is left out."""
    figures = figures_of(FrameF1("bar_f1"), [("retracement 1-3", hypothesis([0.1] * 5))])
    assert figures == {"bar_f1": 0, "bar_f1_half": 0, "bar_f1_all": pytest.approx(4 / 7), "bar_f1_recall": 0}


def test_separation_and_calibration() -> None:
    examples, said, true = windows()
    separation = figures_of(FrameSeparation("bar_separation"), examples)["bar_separation"]
    assert separation == pytest.approx(said[true].mean() - said[~true].mean())
    figures = figures_of(FrameCalibration("bar_ece", "bar_brier", bins=15), examples)
    assert figures["bar_brier"] == pytest.approx(np.mean((said - true) ** 2))
    error = 0.0
    for low in range(15):
        chosen = (said * 15 >= low) & (said * 15 < low + 1)
        if chosen.any():
            error += chosen.mean() * abs(said[chosen].mean() - true[chosen].mean())
    assert figures["bar_ece"] == pytest.approx(error)


def plain_precision(ranks: Sequence[float], true: Sequence[bool]) -> float:
    """Average precision where no two ranks are equal."""
    order = sorted(range(len(ranks)), key=lambda place: -ranks[place])
    hits, total = 0, 0.0
    for place, frame in enumerate(order, start=1):
        if true[frame]:
            hits += 1
            total += hits / place
    return total / hits


def plain_area(ranks: Array, true: Array) -> float:
    gaps = ranks[true][:, None] - ranks[~true][None, :]
    return float(np.mean((gaps > 0) + 0.5 * (gaps == 0)))


def test_equal_ranks_in_all_their_orders() -> None:
    """What frames of one step count is the mean over all orders they might have."""
    inside_K, outside_K = np.array([1.0, 0, 2, 1, 0]), np.array([2.0, 1, 1, 0, 1])
    blocks = [[True] * int(hits) + [False] * int(others) for hits, others in zip(inside_K, outside_K, strict=True)]
    orders = itertools.product(*(itertools.permutations(block) for block in reversed(blocks)))
    answers = [list(itertools.chain(*order)) for order in orders]
    expected = np.mean([plain_precision(range(len(true), 0, -1), true) for true in answers])
    assert average_precision(inside_K[:, None], outside_K[:, None])[0] == pytest.approx(expected)


def test_average_precision_and_area_of_binned_log_odds() -> None:
    examples, said, true = windows()
    figures = figures_of(FrameRanking("bar_ap", "bar_auroc", step=0.5, limit=7.0), examples)
    steps = np.clip(np.floor(logit(said) / 0.5), -15, 14)
    assert figures["bar_auroc"] == pytest.approx(plain_area(steps, true))
    rng = np.random.default_rng(0)
    orders = [plain_precision((steps + rng.random(len(steps))).tolist(), true.tolist()) for _ in range(300)]
    assert figures["bar_ap"] == pytest.approx(np.mean(orders), abs=4 * np.std(orders) / 300**0.5)


def test_ranking_as_configured_is_near_that_of_the_scores_themselves() -> None:
    examples, said, true = windows(count=80)
    figures = figures_of(built("bar_ap"), examples)
    assert figures["bar_ap"] == pytest.approx(plain_precision(said.tolist(), true.tolist()), abs=0.01)
    assert figures["bar_auroc"] == pytest.approx(plain_area(said, true), abs=0.003)
    assert len(columns_of(built("bar_ap"), examples[:1])) == 116


def test_a_head_that_says_the_base_rate_ranks_by_chance() -> None:
    examples = [("retracement 1-3", hypothesis([0.1] * 20)), ("", hypothesis([0.1] * 10))] * 100
    figures = figures_of(built("bar_ap"), examples)
    assert figures["bar_auroc"] == 0.5
    assert figures["bar_ap"] == pytest.approx(2 / 30, abs=0.01)
    assert figures_of(built("bar_separation"), examples)["bar_separation"] == pytest.approx(0)


@pytest.mark.parametrize("name", NAMES)
class TestEach:
    def test_its_first_figure_bears_its_name_and_is_best_for_a_perfect_track(self, name: str) -> None:
        perfect = [("retracement 2-4", hypothesis([0, 0, 1, 1, 0])), ("", hypothesis([0, 0, 0]))]
        metric = built(name)
        figures = figures_of(metric, perfect)
        assert next(iter(figures)) == metric.name == name
        assert figures[name] == (0 if metric.better == "lower" else 1)

    def test_many_resamples_at_once_are_those_one_by_one(self, name: str, check_resamples: Callable[..., None]) -> None:
        check_resamples(built(name), windows()[0])

    def test_without_a_track_or_with_nonsense_in_it_there_is_no_figure(self, name: str) -> None:
        metric = built(name)
        with pytest.raises(InputError, match=f"metric.{name}: the decoder says nothing of single frames"):
            metric.score("", Hypothesis((), "", 0.0))
        with pytest.raises(InputError, match="is no number: the model has diverged"):
            metric.score("", hypothesis([0.1, float("nan")]))
        with pytest.raises(InputError, match="retracement 1-4 ends behind the 3 frames"):
            metric.score("retracement 1-4", hypothesis([0.1] * 3))

    def test_nothing_wanted_is_an_error(self, name: str) -> None:
        metric = built(name)
        columns = columns_of(metric, [("", hypothesis([]))])
        with pytest.raises(InputError, match=f"metric.{name}: .*: evaluate"):
            metric.summarize(columns)


def test_the_best_threshold_of_all() -> None:
    _, said, true = windows(count=200)
    counts = Histogram()
    probabilities = torch.from_numpy(said).float()
    said = probabilities.double().numpy()
    for part in torch.arange(len(said)).split(1000):
        share = Histogram()
        share.add(probabilities[part], torch.from_numpy(true)[part])
        counts.merge(share)
    threshold, best = best_threshold(counts)
    tried = {k / 200: f1(said >= k / 200, true) for k in range(200) if (said >= k / 200).any()}
    assert best == pytest.approx(max(tried.values()))
    assert tried[threshold] == pytest.approx(best)
    with_all = max(f1(said >= value, true) for value in said)
    assert with_all - best < 0.01


def test_thresholds_at_the_edges() -> None:
    counts = Histogram()
    counts.add(torch.tensor([0.29, 0.0, 1.0], dtype=torch.float64), torch.tensor([1.0, 0.0, 1.0]))
    assert int(counts.inside_K[57:59].sum()) == 1
    threshold, best = best_threshold(counts)
    assert best == 1
    assert 0.1 < threshold < 0.2, "of equally good ones the middle"
    with pytest.raises(InputError, match="no frame lies in a span"):
        best_threshold(Histogram())
    with pytest.raises(InputError, match="has diverged"):
        counts.add(torch.tensor([float("nan")]), torch.tensor([0.0]))
    hopeless = Histogram()
    hopeless.add(torch.full((10,), 0.07), torch.tensor([1.0] + [0.0] * 9))
    assert best_threshold(hopeless)[1] == pytest.approx(2 / 11), "calling all inside"
