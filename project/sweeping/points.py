"""The points of a sweep as Hydra names them: each is put down, and all of them are run when the last one is known."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

from project.contract import Config, InputError
from project.sweeping.sweep_run import Asked, Train, key_of, sweep


class Points:
    """What a sweep asks for, point by point as Hydra composes them."""

    def __init__(self, train: Train) -> None:
        self.train = train
        self._asked: list[Asked] = []
        self.axes: list[str] = []  # the keys that vary
        self.choice: str | None = None  # the file of conf/sweep that says so, if one does

    @property
    def asked(self) -> Sequence[Asked]:
        """The points so far."""
        return self._asked

    def add(self, config: Config, words: list[str], hydra: Any) -> None:
        """One point."""
        if not hydra.launcher._target_.endswith(".BasicLauncher"):
            raise InputError(
                f"hydra/launcher: {hydra.launcher._target_} would run points past the ledger: choose launcher=local, "
                "parallel or slurm"
            )
        if not self._asked:
            self.axes = swept_keys(sys.argv[1:], hydra.sweeper.get("params") or {}, words)
            self.choice = hydra.runtime.choices.get("sweep")
        self._asked.append((config, words))

    def run(self) -> int:
        """Run them; the exit code."""
        return sweep(self._asked, self.axes, self.choice, self.train)


def swept_keys(argv: Sequence[str], params: Iterable[str], words: Sequence[str]) -> list[str]:
    """The keys that a sweep varies: those of its file, and those given several values on the command line.

    >>> swept_keys(["-m", "seed=1,2", "epochs=3", "hydra.verbose=true"], ["a.b"], ["a.b=1", "seed=1", "epochs=3"])
    ['a.b', 'seed']
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser

    said = [word for word in argv if "=" in word and not word.startswith("-")]
    overrides = OverridesParser.create().parse_overrides(said)
    keys = [*params, *(one.get_key_element().lstrip("+~") for one in overrides if one.is_sweep_override())]
    present = {key_of(word) for word in words}
    return [key for key in dict.fromkeys(keys) if key in present]
