"""How the media of examples are read, as a value: what is kept on disk between readings, and how many may be bad."""

from __future__ import annotations

from dataclasses import dataclass

from project.contract import InputError


@dataclass(frozen=True, slots=True)
class Reading:
    """What happens to media. None of it changes what a sound example looks like.

    `max_bad`: so many different examples of training that cannot be read are each stood in for by another one; the next
    one stops the run. What is scored is never replaced.
    """

    cache: str | None = None  # folder for what was decoded; several processes may share it
    cache_gb: float | None = None  # nothing is added to a cache of that size; null: no limit
    max_bad: int = 0

    def __post_init__(self) -> None:
        if self.max_bad < 0:
            raise InputError(f"data.max_bad is {self.max_bad}: give a number of examples, 0 to stop at the first")
        if self.cache_gb is not None and self.cache_gb <= 0:
            raise InputError(f"data.cache_gb is {self.cache_gb:g}: give a size above 0, or null for no limit")
