"""When a point is hopeless, so that it is stopped before its end: rules of Optuna, in validations.

A rule is plain data here. The processes of the points read it from the search's file, and apply it there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from project.contract import InputError


class Pruner(Protocol):
    """A rule."""

    rule: tuple[str, Mapping[str, Any]]  # its class in optuna.pruners, and what that is made with


class Median:
    """Stops a point whose best figure so far is worse than the median of the others after as many validations."""

    def __init__(self, warmup: int = 1, startup: int = 4) -> None:
        _require_positive(startup=startup)
        self.rule = ("MedianPruner", {"n_startup_trials": startup, "n_warmup_steps": _first(warmup)})


class Halving:
    """Lets the best of so many points go on, from rung to rung; each rung is that many times as long."""

    def __init__(self, warmup: int = 1, factor: int = 3) -> None:
        _require_factor(factor)
        self.rule = ("SuccessiveHalvingPruner", {"min_resource": _first(warmup), "reduction_factor": factor})


class Hyperband:
    """Several halvings side by side, of which some stop early and some late."""

    def __init__(self, longest: int | None = None, warmup: int = 1, factor: int = 3) -> None:
        _require_factor(factor)
        if longest is not None and longest <= warmup:
            raise InputError(f"search.pruner.longest={longest}: no validation is left after warmup={warmup}")
        limits = {"min_resource": _first(warmup), "max_resource": "auto" if longest is None else longest}
        self.rule = ("HyperbandPruner", {**limits, "reduction_factor": factor})


def _first(warmup: int) -> int:
    """The first validation after which a point may be stopped; they count from 1."""
    if warmup < 0:
        raise InputError(f"search.pruner.warmup={warmup}: validations are counted: give 0 or more")
    return warmup + 1


def _require_factor(factor: int) -> None:
    if factor < 2:
        raise InputError(f"search.pruner.factor={factor}: one of so many goes on: give 2 or more")


def _require_positive(startup: int) -> None:
    if startup < 1:
        raise InputError(f"search.pruner.startup={startup}: there must be points to compare with: give 1 or more")
