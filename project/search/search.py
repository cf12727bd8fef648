"""A search: how many points, chosen how, from what, and when a hopeless one is stopped. What `search=` configures.

It does not know how a point is trained, nor what its keys mean.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from project.contract import InputError
from project.search.pruner import Pruner
from project.search.sampler import Sampler
from project.search.study import FILE, NAME, library, storage_of
from project.search.trials import Plan, Trials


class Search:
    """Opens the file of all trials, or makes it. One search works at a file at a time, beside its points."""

    def __init__(
        self,
        sampler: Sampler,
        pruner: Pruner | None = None,
        trials: int = 20,
        at_once: int = 1,
        seed: int = 1,
        retry_failed: bool = False,
        space: Mapping[str, Any] | None = None,
    ) -> None:
        if trials < 1:
            raise InputError(f"search.trials={trials}: nothing would be tried: give 1 or more")
        if at_once < 1:
            raise InputError(f"search.at_once={at_once}: nothing would be tried: give 1 or more")
        if not space:
            raise InputError("search.space is empty: say what to choose from, such as 'optimizer.lr=log(1e-5,1e-2)'")
        self.sampler = sampler
        self.pruner = pruner
        self.retry_failed = retry_failed
        self.plan = Plan(dict(space), trials, at_once, seed)

    @contextmanager
    def opened(self, folder: Path, monitor: str, mode: Literal["min", "max"]) -> Iterator[Trials]:
        """While this holds, the trials of the search in that folder, which go by the best of a monitored figure."""
        folder.mkdir(parents=True, exist_ok=True)
        optuna = library()
        with _held(folder):
            file = folder / FILE
            heal(file)
            storage = storage_of(file)
            direction = "minimize" if mode == "min" else "maximize"
            study = optuna.create_study(
                storage=storage, study_name=NAME, direction=direction, load_if_exists=True, pruner=None
            )
            about = {
                "monitor": monitor,
                "mode": mode,
                "space": {key: str(axis) for key, axis in self.plan.space.items()},
            }
            for key, value in about.items():
                known = study.user_attrs.setdefault(key, value)
                if known != value:
                    raise InputError(_changed(folder, key, known, value))
                study.set_user_attr(key, value)
            study.set_user_attr("pruner", self.pruner.rule if self.pruner else None)
            trials = Trials(study, storage, self.plan, self.sampler)
            if self.retry_failed:
                trials.retry_failed()
            yield trials


def heal(file: Path) -> None:
    """Cut off a last line that was not written whole: a disk was full, or a machine was switched off."""
    if not file.is_file():
        return
    with file.open("r+b") as journal:
        content = journal.read()
        if content and not content.endswith(b"\n"):
            journal.truncate(content.rfind(b"\n") + 1)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    with (folder / "search.lock").open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(f"{folder}: another process works at this search: wait for it or stop it") from error
        yield


def _changed(folder: Path, key: str, known: Any, value: Any) -> str:
    name = {"space": "search.space", "monitor": "callbacks.checkpoint.monitor", "mode": "callbacks.checkpoint.mode"}
    if isinstance(known, Mapping):
        differ = [one for one in {**known, **value} if known.get(one) != value.get(one)]
        return (
            f"{name[key]}: {', '.join(differ)} differs from what {folder} began with: restore it, or delete that folder"
        )
    return f"{name[key]}={value}: {folder} began with {known}: restore it, or delete that folder"
