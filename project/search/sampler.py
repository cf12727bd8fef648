"""Which point comes next: the methods of Optuna that a search may use.

Each is made anew for every point, from a seed of that point: a search that was stopped goes on as if it had not been.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from project.contract import InputError

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


class Sampler(Protocol):
    """Makes what chooses the next point."""

    def __call__(self, seed: int) -> BaseSampler: ...


@dataclass(frozen=True, slots=True)
class Tpe:
    """A tree of Parzen estimators: near to what was good, far from what was not; keys together, not one by one."""

    startup: int = 8  # points by chance before it begins

    def __post_init__(self) -> None:
        _require_startup(self.startup)

    def __call__(self, seed: int) -> BaseSampler:
        from optuna.samplers import TPESampler

        return TPESampler(seed=seed, n_startup_trials=self.startup, multivariate=True)


@dataclass(frozen=True, slots=True)
class Gaussian:
    """A Gaussian process: the slower choice, and often the better one of few points over a few numbers."""

    startup: int = 8

    def __post_init__(self) -> None:
        _require_startup(self.startup)

    def __call__(self, seed: int) -> BaseSampler:
        from optuna.samplers import GPSampler

        return GPSampler(seed=seed, n_startup_trials=self.startup)


@dataclass(frozen=True, slots=True)
class Chance:
    """Points by chance: what other methods have to be better than."""

    def __call__(self, seed: int) -> BaseSampler:
        from optuna.samplers import RandomSampler

        return RandomSampler(seed=seed)


def _require_startup(startup: int) -> None:
    if startup < 1:
        raise InputError(f"search.sampler.startup={startup}: the first points are by chance: give 1 or more")
