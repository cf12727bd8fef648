"""The trials of a search: which points to run next, and what became of those that ran. All of it lies in one file.

What is asked for before a stop is asked for again after it, so nothing is run twice and nothing is left out.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from project import stop
from project.search.sampler import Sampler
from project.search.space import Axis
from project.search.study import pruner_of

if TYPE_CHECKING:
    from optuna.storages import JournalStorage
    from optuna.study import Study
    from optuna.trial import FrozenTrial

TOLD = 12  # trials that ended by themselves, from which on importances are worth a look
BETTER_HALF = 0.5  # of the trials, which are set against all of them: a tenth, Optuna's own, is too few of few


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be tried, and how much of it."""

    space: Mapping[str, Axis]
    trials: int
    at_once: int
    seed: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a point."""

    run: str  # its run's folder
    state: str  # done | pruned | failed; anything else has not ended
    value: float | None = None  # the best of the monitored figure; of those that are done
    error: str | None = None  # of those that failed
    code: int = stop.CODE  # what a process exits with, of those that have not ended

    @property
    def has_ended(self) -> bool:
        return self.state in ("done", "pruned", "failed")


@dataclass(frozen=True, slots=True)
class Proposal:
    """A point to run: a trial's number, and the values of its keys as on the command line."""

    number: int
    values: Mapping[str, str]

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(f"{key}={value}" for key, value in self.values.items())


@dataclass(frozen=True, slots=True)
class Row:
    """One trial in the table."""

    proposal: Proposal
    outcome: Outcome
    facts: Mapping[str, Any] = field(default_factory=dict)  # retry_of, same_as: the number of another trial


class Trials:
    """All trials of one search."""

    def __init__(self, study: Study, storage: JournalStorage, plan: Plan, sampler: Sampler) -> None:
        self.study = study
        self.plan = plan
        self._storage = storage
        self._sampler = sampler
        self._distributions = {key: axis.distribution() for key, axis in plan.space.items()}
        study.pruner = pruner_of(study)  # hyperband divides the trials among samplers, too

    def propose(self) -> list[Proposal]:
        """The points to run now: those begun and not ended first, then new ones; none when all are done."""
        begun = [self._proposal(trial) for trial in self._begun()]
        proposals = begun[: self.plan.at_once]
        while len(proposals) < self.plan.at_once and self.count_ended() + len(begun) < self.plan.trials:
            begun.append(self._ask())
            proposals.append(begun[-1])
        return proposals

    def tell(self, proposal: Proposal, outcome: Outcome, **facts: Any) -> Outcome:
        """Write down what became of a point; the outcome as it was understood."""
        from optuna.trial import TrialState

        assert outcome.has_ended, outcome
        if outcome.state == "done" and (outcome.value is None or not math.isfinite(outcome.value)):
            monitor = self.study.user_attrs["monitor"]
            outcome = replace(outcome, state="failed", value=None, error=f"{monitor} was never a finite number")
        facts = {"run": outcome.run, "error": outcome.error, **facts}
        study_id = self._storage.get_study_id_from_name(self.study.study_name)
        trial_id = self._storage.get_trial_id_from_study_id_trial_number(study_id, proposal.number)
        for key, value in facts.items():
            self._storage.set_trial_user_attr(trial_id, key, value)
        state = {"done": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}[outcome.state]
        self.study.tell(proposal.number, outcome.value if outcome.state == "done" else None, state=state)
        return outcome

    def twin(self, proposal: Proposal) -> Row | None:
        """A trial of the very same point that has ended; none for one that is tried again on purpose."""
        if "retry_of" in self.study.get_trials(deepcopy=False)[proposal.number].user_attrs:
            return None
        return next((row for row in self.rows() if row.proposal.values == proposal.values), None)

    def rows(self) -> list[Row]:
        """All trials that have ended."""
        names = {"COMPLETE": "done", "PRUNED": "pruned", "FAIL": "failed"}
        rows = []
        for trial in self._ended():
            known = dict(trial.user_attrs)
            value = trial.value if trial.value is None or math.isfinite(trial.value) else None
            outcome = Outcome(known.pop("run"), names[trial.state.name], value, known.pop("error"))
            rows.append(Row(self._proposal(trial), outcome, known))
        return rows

    def best(self) -> list[Row]:
        """The best trial, and those that are exactly as good, in the order in which they were tried."""
        done = [row for row in self.rows() if row.outcome.state == "done" and "same_as" not in row.facts]
        if not done:
            return []
        pick = min if self.study.user_attrs["mode"] == "min" else max
        best = pick(float(row.outcome.value or 0.0) for row in done)
        return [row for row in done if row.outcome.value == best]

    def importances(self) -> dict[str, float]:
        """How much each key decides whether a point is in the better half, in parts of 1; of too few trials nothing."""
        from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

        values = {row.outcome.value for row in self.rows() if row.outcome.state == "done"}
        if len(values) < TOLD or len(self.plan.space) < 2:
            return {}
        evaluator = PedAnovaImportanceEvaluator(target_quantile=BETTER_HALF)
        return get_param_importances(self.study, evaluator=evaluator)

    def count_ended(self) -> int:
        """Trials that ended, those apart that were tried again."""
        ended = self._ended()
        return len(ended) - sum("retry_of" in trial.user_attrs for trial in self._all())

    def retry_failed(self) -> None:
        """Have each failed point tried once more; its run goes on where it stopped."""
        again = {trial.user_attrs.get("retry_of") for trial in self._all()}
        for trial in self._ended():
            if trial.state.name == "FAIL" and trial.number not in again:
                self.study.enqueue_trial(trial.params, user_attrs={"retry_of": trial.number})

    def _ask(self) -> Proposal:
        self.study.sampler = self._sampler(seed_of(self.plan.seed, len(self._all())))
        trial = self.study.ask(self._distributions)
        return self._proposal(self._all()[trial.number])

    def _proposal(self, trial: FrozenTrial) -> Proposal:
        return Proposal(trial.number, {key: axis.spell(trial.params[key]) for key, axis in self.plan.space.items()})

    def _all(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False)

    def _begun(self) -> list[FrozenTrial]:
        """Trials that run, or ran when the search was stopped. One stopped before it had all its values is dropped."""
        from optuna.trial import TrialState

        begun = [trial for trial in self._all() if trial.state == TrialState.RUNNING]
        for trial in begun:
            if trial.params.keys() != self.plan.space.keys():
                self.study.tell(trial.number, state=TrialState.FAIL)
        return [trial for trial in begun if trial.params.keys() == self.plan.space.keys()]

    def _ended(self) -> list[FrozenTrial]:
        """Trials that were told: one that was dropped has no run."""
        return [trial for trial in self._all() if trial.state.is_finished() and "run" in trial.user_attrs]


def seed_of(seed: int, number: int) -> int:
    """The seed of one trial's choice: that of the search would give a search that goes on its first points again."""
    return int.from_bytes(hashlib.sha256(f"{seed} {number}".encode()).digest()[:4], "big")
