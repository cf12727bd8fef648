"""What searches are compared with: all alignments counted one by one, and a prefix search written with dictionaries."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch

from project.contract import Emissions

Texts = Mapping[tuple[int, ...], float]  # log-probability of each


def emissions_of(*lengths: int, ids: int, sharpness: float = 2.0, seed: int = 0, blank: float = 0.0) -> Emissions:
    """Random distributions, the more uneven the sharper; what is beyond a length shouts."""
    generator = torch.Generator().manual_seed(seed)
    scores_BTV = sharpness * torch.randn(len(lengths), max(lengths), ids, generator=generator)
    scores_BTV[..., 0] += blank
    for row, length in enumerate(lengths):
        scores_BTV[row, length:, -1] += 30
    return Emissions(scores_BTV.log_softmax(dim=2), torch.tensor(lengths))


def enumerated(log_probs_TV: np.ndarray, once: int | None = None) -> Texts:
    """Every text that some path through the frames spells; of the symbol `once` several in a row are one."""
    total: dict[tuple[int, ...], float] = defaultdict(float)
    frames, ids = log_probs_TV.shape
    for path in itertools.product(range(ids), repeat=frames):
        text = tuple(symbol for symbol, _ in itertools.groupby(path) if symbol)
        text = tuple(
            symbol for place, symbol in enumerate(text) if symbol != once or text[place - 1 : place] != (once,)
        )
        total[text] += math.exp(sum(float(log_probs_TV[frame, symbol]) for frame, symbol in enumerate(path)))
    return {text: math.log(value) for text, value in total.items()}


def searched(log_probs_TV: np.ndarray, size: int, cut: float) -> list[tuple[tuple[int, ...], float]]:
    """The plain prefix beam search: beams in a dictionary, symbols below the cut left out but for the likeliest."""
    beams: dict[tuple[int, ...], tuple[float, float]] = {(): (1.0, 0.0)}
    scale = 0.0
    for row in np.exp(log_probs_TV.astype(np.float64)):
        least = min(cut, row.max())
        grown: dict[tuple[int, ...], list[float]] = defaultdict(lambda: [0.0, 0.0])
        for text, (blank, symbol) in beams.items():
            for token, value in enumerate(row):
                if value < least:
                    continue
                if token == 0:
                    grown[text][0] += (blank + symbol) * value
                elif text and token == text[-1]:
                    grown[text][1] += symbol * value
                    grown[(*text, token)][1] += blank * value
                else:
                    grown[(*text, token)][1] += (blank + symbol) * value
        best = sorted(grown.items(), key=lambda one: -sum(one[1]))[:size]
        total = sum(best[0][1])
        scale += math.log(total)
        beams = {text: (parts[0] / total, parts[1] / total) for text, parts in best if sum(parts) > 0}
    return [(text, math.log(sum(parts)) + scale) for text, parts in beams.items()]


@pytest.fixture
def emissions() -> Callable[..., Emissions]:
    return emissions_of


@pytest.fixture
def enumerate_texts() -> Callable[..., Texts]:
    return enumerated


@pytest.fixture
def plain_search() -> Callable[..., list[tuple[tuple[int, ...], float]]]:
    return searched
