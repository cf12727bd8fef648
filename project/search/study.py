"""The file that a search and the processes of its points share: all trials, and the rule by which points are stopped.

A journal of Optuna's: many processes on many machines may append, on NFS as well. It does not know how points are
chosen, nor what they train.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from project.contract import InputError

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.storages import JournalStorage
    from optuna.study import Study

NAME = "search"  # of the one study in a file
FILE = "search.journal"


def library() -> Any:
    """The package, quiet; or one clear line where it is missing."""
    try:
        import optuna
    except ImportError as error:
        raise InputError("search: needs the package optuna: pip install 'scansion[search]'") from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def storage_of(file: Path) -> JournalStorage:
    """The file as Optuna sees it; made if it is not there."""
    library()
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    return JournalStorage(JournalFileBackend(str(file), JournalFileOpenLock(str(file))))


def pruner_of(study: Study) -> BasePruner:
    """The rule that the search wrote down."""
    from optuna import pruners

    name, settings = study.user_attrs["pruner"] or ("NopPruner", {})
    made: BasePruner = getattr(pruners, name)(**settings)
    return made


class Candidate:
    """One trial as the process that runs it sees it: it reports figures, and asks whether it is hopeless."""

    def __init__(self, file: str, number: int) -> None:
        if not Path(file).is_file():
            raise InputError(
                f"callbacks.pruning.study={file}: no such file: searches set it, scansion train search=..."
            )
        self._storage = storage_of(Path(file))
        from optuna.samplers import RandomSampler

        # one that does nothing unless it is asked: this process chooses no points
        self._study: Study = library().load_study(study_name=NAME, storage=self._storage, sampler=RandomSampler())
        if number not in {trial.number for trial in self._study.get_trials(deepcopy=False)}:
            raise InputError(f"callbacks.pruning.trial={number}: {file} has no such trial: searches set it")
        study_id = self._storage.get_study_id_from_name(NAME)
        self._id = self._storage.get_trial_id_from_study_id_trial_number(study_id, number)
        self._study.pruner = pruner_of(self._study)
        self.monitor: str = self._study.user_attrs["monitor"]

    def is_hopeless(self, validation: int, value: float) -> bool:
        """Report the figure of a validation, counted from 1, and ask; what was reported before stands as it was."""
        trial = self._storage.get_trial(self._id)
        if trial.state.is_finished():
            return False
        if validation not in trial.intermediate_values:
            self._storage.set_trial_intermediate_value(self._id, validation, value)
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", message="All-NaN"
            )  # numpy's, of a run that has gone wrong: it is hopeless
            return bool(self._study.pruner.prune(self._study, self._storage.get_trial(self._id)))
