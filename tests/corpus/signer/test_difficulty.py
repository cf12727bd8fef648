"""How hard the corpus is for those who only look up: signs can be told apart one by one, sentences cannot be found."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from project.corpus.signer.camera import Camera
from project.corpus.signer.lexicon import GLOSSES
from project.corpus.signer.performance import body, plan, render
from project.corpus.signer.sentence import draw_sentence
from project.corpus.signer.style import Signing, draw_signer
from project.corpus.splits import SPLITS
from project.feature.landmark_layout import BLOCKS
from project.feature.landmarks import normalized
from project.metric.edit import distance

HANDS = np.arange(BLOCKS["left_hand"].start, BLOCKS["right_hand"].stop)
BROW, LIPS = BLOCKS["face"].start + 105, BLOCKS["face"].start + np.array([13, 14, 61])
WATCHED = np.concatenate([[0, 15, 16, BROW], LIPS, HANDS])


def pooled(points_TPX: NDArray[np.float32], parts: int) -> NDArray[np.float64]:
    """(parts * columns,) the means of so many parts of a sequence, lost hands at rest."""
    columns = np.nan_to_num(normalized(points_TPX)[:, WATCHED], nan=0.0).reshape(len(points_TPX), -1)
    edges = np.linspace(0, len(columns), parts + 1).astype(int)
    return np.concatenate([columns[a : max(b, a + 1)].mean(axis=0) for a, b in pairwise(edges)])


def test_most_signs_can_be_told_apart_by_the_nearest_template() -> None:
    """Signs of five training signers against those of two test signers, all alone and seen clearly."""

    def looks(split: str, number: int) -> NDArray[np.float64]:
        signer, rows = draw_signer(split, number, Signing(left_handed=0), 0), []
        for row, gloss in enumerate(GLOSSES):
            rng = np.random.default_rng([SPLITS.index(split), number, row])
            performance = plan([gloss], signer, rng)
            start, end = np.round(25 * np.concatenate([performance.timing.starts_S, performance.timing.ends_S]))
            rows.append(pooled(body(performance, 25, rng)[int(start) : int(end) + 1], 8))
        return np.stack(rows)

    templates = np.concatenate([looks("train", number) for number in range(5)])
    right = []
    for number in range(2):
        found = np.linalg.norm(looks("test", number)[:, None] - templates, axis=2).argmin(axis=1)
        right.append(float((found % len(GLOSSES) == np.arange(len(GLOSSES))).mean()))
    assert np.mean(right) > 0.7


def test_the_nearest_training_sentence_is_wrong_nearly_everywhere() -> None:
    """Word errors of taking, for a test sentence, the glosses of the training sentence that looks most like it."""

    def made(split: str, count: int) -> tuple[list[tuple[str, ...]], NDArray[np.float64]]:
        sentences, rows = [], []
        for number in range(count):
            rng = np.random.default_rng([SPLITS.index(split), number])
            signer = draw_signer(split, number, Signing(), 0)
            sentence = draw_sentence(split, 5, rng)
            sentences.append(sentence)
            rows.append(pooled(render(plan(sentence, signer, rng), Camera(), 25, rng), 10))
        return sentences, np.stack(rows)

    known, train = made("train", 160)
    wanted, test = made("test", 40)
    nearest = np.linalg.norm(test[:, None] - train, axis=2).argmin(axis=1)
    errors = sum(
        distance(reference=sentence, hypothesis=known[row]) for sentence, row in zip(wanted, nearest, strict=True)
    )
    assert errors / (5 * len(wanted)) > 0.85
