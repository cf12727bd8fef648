"""Ranges from which made corpora draw numbers: [low, high], checked once and drawn from evenly."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from project.contract import InputError


def between(limits: Sequence[float], rng: np.random.Generator) -> float:
    """A number from a range, all equally likely."""
    return float(rng.uniform(limits[0], limits[1]))


def between_log(limits: Sequence[float], rng: np.random.Generator) -> float:
    """A number from a range, all ratios equally likely."""
    return float(np.exp(rng.uniform(np.log(limits[0]), np.log(limits[1]))))


def check_range(name: str, limits: Sequence[float], least: float, most: float = math.inf) -> None:
    """A range is two numbers in order.

    >>> check_range("keying.wpm", [30, 20], 1)
    Traceback (most recent call last):
    project.contract.InputError: corpus: keying.wpm is [30, 20]: give [low, high] with 1 <= low <= high
    """
    if len(limits) != 2 or not least <= limits[0] <= limits[1] <= most:
        end = "" if most == math.inf else f" <= {most:g}"
        raise InputError(f"corpus: {name} is {list(limits)}: give [low, high] with {least:g} <= low <= high{end}")
