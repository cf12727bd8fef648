"""Fusion of two recognizers, against sums over all paths and over all answers."""

from __future__ import annotations

import functools
import itertools
import math

import numpy as np
import pytest

from project.evaluation.emission_store import LogProbs
from project.evaluation.fusion import FrameLevel, SequenceLevel, matched, mixed, sequence_log_probs, weighed
from project.evaluation.spikes import peaks, shared, spikes
from project.text.alphabet import Alphabet

ALPHABET = Alphabet(("A", "B", "C"), " ")


def random_emissions(rng: np.random.Generator, frames: int, symbols: int = 4, sharpness: float = 2.0) -> LogProbs:
    logits_TV = sharpness * rng.normal(size=(frames, symbols))
    return (logits_TV - np.log(np.exp(logits_TV).sum(axis=1, keepdims=True))).astype(np.float32)


def by_paths(log_probs_TV: LogProbs) -> dict[tuple[int, ...], float]:
    """p(answer) of all answers, path by path."""
    found: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(log_probs_TV.shape[1]), repeat=len(log_probs_TV)):
        answer = tuple(symbol for symbol, _ in itertools.groupby(path) if symbol)
        chance = math.exp(sum(float(log_probs_TV[t, symbol]) for t, symbol in enumerate(path)))
        found[answer] = found.get(answer, 0.0) + chance
    return found


def peaked(path: list[int], symbols: int = 4, sure: float = 0.9) -> LogProbs:
    """A net that is sure of one symbol in each frame."""
    probs_TV = np.full((len(path), symbols), (1 - sure) / (symbols - 1))
    probs_TV[np.arange(len(path)), path] = sure
    return np.log(probs_TV).astype(np.float32)


def test_candidates_are_scored_over_all_paths() -> None:
    rng = np.random.default_rng(0)
    said = [random_emissions(rng, 5), random_emissions(rng, 3)]
    candidates = [[(), (1,), (1, 2), (2, 2), (3, 1, 3)], [(), (1, 1), (1, 1, 1)]]
    for log_probs_TV, options, scores in zip(said, candidates, sequence_log_probs(said, candidates), strict=True):
        every = by_paths(log_probs_TV)
        wanted = [math.log(every[one]) if one in every else -math.inf for one in options]
        np.testing.assert_allclose(scores, wanted, atol=1e-5)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.8, 1.0])
def test_the_best_of_all_answers_is_found(alpha: float) -> None:
    """With a beam that keeps everything, the fused answer is the best of all there are."""
    rng = np.random.default_rng(1)
    first = {f"e{n}": random_emissions(rng, 4) for n in range(6)}
    second = {name: random_emissions(rng, 4) for name in first}
    found = SequenceLevel(first, second, ALPHABET, size=100)(alpha)
    for name, answer in zip(first, found, strict=True):
        mine, theirs = by_paths(first[name]), by_paths(second[name])
        scores = {one: (1 - alpha) * math.log(mine[one]) + alpha * math.log(theirs[one]) for one in mine}
        assert answer.tokens == max(scores, key=scores.__getitem__)
        assert answer.score == pytest.approx(max(scores.values()), abs=1e-4)
        assert answer.text == ALPHABET.decode(answer.tokens)


def test_the_least_expected_errors() -> None:
    """The likeliest answer stands alone; the others agree with each other nearly, and one of them is the middle."""
    rng = np.random.default_rng(2)
    first = {f"e{n}": random_emissions(rng, 4, sharpness=1.0) for n in range(8)}
    level = SequenceLevel(first, first, ALPHABET, size=50, rule="mbr")
    for options, scores_2C, answer in zip(level.candidates, level.scores, level(0.5), strict=True):
        weights = np.exp(scores_2C[0]) / np.exp(scores_2C[0]).sum()
        risks = [
            sum(w * slow_distance(one, other) for w, other in zip(weights, options, strict=True)) for one in options
        ]
        assert risks[options.index(answer.tokens)] == pytest.approx(min(risks), abs=1e-6)
    plain = SequenceLevel(first, first, ALPHABET, size=50)(0.5)
    assert [one.tokens for one in level(0.5)] != [one.tokens for one in plain], "the two rules differ somewhere"


@functools.cache
def slow_distance(left: tuple[int, ...], right: tuple[int, ...]) -> int:
    if not left or not right:
        return len(left) + len(right)
    rest = slow_distance(left[1:], right[1:]) + (left[0] != right[0])
    return min(rest, slow_distance(left[1:], right) + 1, slow_distance(left, right[1:]) + 1)


def test_frames_are_mixed_as_distributions() -> None:
    rng = np.random.default_rng(3)
    first_TV, second_TV = random_emissions(rng, 7), random_emissions(rng, 7)
    found = np.exp(mixed(first_TV, second_TV, 0.3))
    wanted = np.exp(first_TV) ** 0.7 * np.exp(second_TV) ** 0.3
    np.testing.assert_allclose(found, wanted / wanted.sum(axis=1, keepdims=True), rtol=1e-5)
    assert mixed(first_TV, second_TV, 0.0) is first_TV
    assert mixed(first_TV, second_TV, 1.0) is second_TV


@pytest.mark.parametrize(("frames", "others"), [(4, 8), (8, 4), (5, 7), (3, 10), (6, 6)])
def test_frames_of_two_rates_meet_in_time(frames: int, others: int) -> None:
    """Each frame of the finer one is set against that of the other whose time holds its middle."""
    first_TV, second_TV = (np.arange(n, dtype=np.float32)[:, None] for n in (frames, others))
    pair = matched(first_TV, second_TV)
    for moment in range(max(frames, others)):
        time = (moment + 0.5) / max(frames, others)
        assert [one[moment, 0] for one in pair] == [math.floor(time * frames), math.floor(time * others)]


def test_the_members_alone_are_found_at_the_ends() -> None:
    first = {"a": peaked([0, 1, 0, 2, 0]), "b": peaked([3, 3, 0])}
    second = {"a": peaked([0, 2, 2, 0, 3, 0, 0, 0, 0, 0]), "b": peaked([0, 0, 0, 0, 0, 0])}
    for level in (FrameLevel(first, second, ALPHABET), SequenceLevel(first, second, ALPHABET)):
        assert [one.text for one in level(0.0)] == ["A B", "C"], level.name
        assert [one.text for one in level(1.0)] == ["B C", ""], level.name


def hesitant(path: list[int], symbol: float = 0.6, blank: float = 0.97) -> LogProbs:
    """A net that is sure of blank, and of a symbol only just."""
    rows = []
    for one in path:
        row = [blank, *[(1 - blank) / 3] * 3] if one == 0 else [0.99 - symbol, *[0.005] * 3]
        rows.append([symbol if n == one and one else chance for n, chance in enumerate(row)])
    probs_TV = np.array(rows)
    return np.log(probs_TV / probs_TV.sum(axis=1, keepdims=True)).astype(np.float32)


def test_blank_wins_where_two_peak_apart() -> None:
    """Both hear A B, one frame apart: frame by frame all is lost, as whole answers all is kept."""
    first, second = {"e": hesitant([0, 1, 0, 0, 2, 0])}, {"e": hesitant([0, 0, 1, 0, 0, 2])}
    frame, sequence = FrameLevel(first, second, ALPHABET), SequenceLevel(first, second, ALPHABET)
    assert [frame(alpha)[0].text for alpha in (0.0, 0.5, 1.0)] == ["A B", "", "A B"]
    assert [sequence(alpha)[0].text for alpha in (0.0, 0.5, 1.0)] == ["A B", "A B", "A B"]
    assert (frame.blank_share(0.0), frame.blank_share(0.5)) == (4 / 6, 1.0)
    found = spikes(first, second, {"e": 0.6})
    assert (found.shared, found.disjoint, found.disjoint_share) == (2, 2, 1.0)
    assert found.offset_ms == found.later_ms == pytest.approx(100.0)
    assert found.blank == (4 / 6, 4 / 6)


def test_what_is_impossible_for_one_without_weight_does_not_matter() -> None:
    scores_2C = np.array([[-1.0, -np.inf], [-3.0, -2.0]])
    assert weighed(scores_2C, 1.0).tolist() == [-3.0, -2.0]
    assert weighed(scores_2C, 0.5).tolist() == [-2.0, -np.inf]


def test_peaks_of_one_symbol_are_paired_along_the_alignment() -> None:
    first, second = peaks(peaked([1, 0, 1, 0, 2])), peaks(peaked([1, 0, 2]))
    assert [(one.token, other.token) for one, other in shared(first, second)] in ([(1, 1), (2, 2)],)
    assert spikes({"e": peaked([0, 0])}, {"e": peaked([0, 0])}, {"e": 1.0}).disjoint_share == 0.0
