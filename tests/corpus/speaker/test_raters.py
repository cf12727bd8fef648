"""Marks lie about the truth, in the steps in which five people can give them."""

from __future__ import annotations

import numpy as np
import pytest

from project.corpus.speaker.raters import judge_phones, judge_utterance


def test_scores_are_means_of_five_marks_about_the_truth() -> None:
    rng = np.random.default_rng(0)
    for quality, low, high in ((2.0, 1.9, 2.0), (1.0, 0.9, 1.1), (0.0, 0.0, 0.1)):
        scores = np.array(judge_phones([quality] * 1000, 0.2, rng))
        assert low <= scores.mean() <= high
        assert np.allclose(scores * 5, np.round(scores * 5))
        assert scores.min() >= 0
        assert scores.max() <= 2


def test_more_noise_more_disagreement() -> None:
    spread = [np.std(judge_phones([1.0] * 500, noise, np.random.default_rng(0))) for noise in (0.1, 0.8)]
    assert spread[1] > 2 * spread[0]


def test_accuracy_grows_with_quality() -> None:
    rng = np.random.default_rng(0)
    means = [np.mean([judge_utterance([quality] * 20, 0.2, rng) for _ in range(200)]) for quality in (0.8, 1.4, 2.0)]
    assert means == pytest.approx([-2.7 + 5.6 * quality for quality in (0.8, 1.4, 2.0)], abs=0.3)
    marks = {judge_utterance([quality] * 20, 0.5, rng) for quality in np.linspace(0, 2, 200)}
    assert marks <= set(range(11))
