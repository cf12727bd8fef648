"""Hopeless points of a search stop: after a validation, on all ranks, once, and resumably."""

from __future__ import annotations

import statistics
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from project import train
from project.callbacks.pruning import Pruning, was_pruned
from project.contract import Config, InputError
from project.run import Run, find, signature
from project.search.pruner import Halving, Hyperband, Median, Pruner
from project.search.sampler import Chance
from project.search.search import Search
from project.search.space import Interval
from project.search.study import FILE, Candidate, storage_of

optuna = pytest.importorskip("optuna")

CURVES = [(0.9, 0.5, 0.3, 0.1), (0.8, 0.6, 0.2, 0.2), (0.7, 0.7, 0.4, 0.3), (0.9, 0.4, 0.35, 0.3)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return study_of(tmp_path, Median(warmup=1, startup=4))


def study_of(folder: Path, rule: Pruner | None, mode: Any = "min", monitor: str = "dev/cer", ended: int = 4) -> Path:
    """The file of a search with some trials that ended, and one that runs."""
    with Search(Chance(), rule, space={"x": Interval(0, 1)}).opened(folder, monitor, mode) as trials:
        for curve in CURVES[:ended]:
            trial = trials.study.ask()
            for place, value in enumerate(curve, 1):
                trial.report(value, place)
            trials.study.tell(trial, min(curve))
        trials.study.ask()
    return folder / FILE


def trainer_of(callback: Pruning, step: int, ranks: int = 1, epochs: int = 9) -> Any:
    strategy = SimpleNamespace(reduce_boolean_decision=lambda answer, all: answer)
    return SimpleNamespace(
        state=SimpleNamespace(fn="fit"), sanity_checking=False, global_step=step, max_steps=-1, max_epochs=epochs,
        current_epoch=step - 1, is_last_batch=True, is_global_zero=True, world_size=ranks, should_stop=False,
        strategy=strategy, callbacks=[callback],
    )  # fmt: skip


def validated(callback: Pruning, *values: float, first: int = 1) -> list[bool]:
    """Whether it asked to stop after each validation."""
    trainer = trainer_of(callback, 0)
    callback.on_fit_start(trainer, SimpleNamespace())  # type: ignore[arg-type]
    stops = []
    for step, value in enumerate(values, first):
        trainer = trainer_of(callback, step)
        callback.on_validation_end(trainer, SimpleNamespace(figures={"dev/cer": value}))
        stops.append(trainer.should_stop)
    return stops


def test_it_stops_where_its_best_is_worse_than_the_median(file: Path) -> None:
    """Reckoned by hand: the best of this run so far, against the median of the others at that validation."""
    own = (0.99, 0.44, 0.43, 0.42)
    expected = [
        place > 1 and min(own[:place]) > statistics.median(curve[place - 1] for curve in CURVES)
        for place in (1, 2, 3, 4)
    ]
    assert expected == [False, False, True, True]
    callback = Pruning(str(file), 4)
    assert validated(callback, *own[:3]) == expected[:3]
    assert was_pruned(trainer_of(callback, 4))


def test_the_first_points_are_never_stopped(tmp_path: Path) -> None:
    assert not any(validated(Pruning(str(study_of(tmp_path, Median(startup=4), ended=3)), 3), 9.0, 9.0, 9.0))


def test_without_a_rule_nothing_stops_and_all_is_reported(tmp_path: Path) -> None:
    path = study_of(tmp_path, None)
    assert validated(Pruning(str(path), 4), 9.0, 9.0) == [False, False]
    study = optuna.load_study(study_name="search", storage=storage_of(path))
    assert study.trials[4].intermediate_values == {1: 9.0, 2: 9.0}


@pytest.mark.parametrize("rule", [Halving(warmup=1, factor=2), Hyperband(longest=4, warmup=1, factor=2)])
def test_the_worse_half_of_a_rung_stops(tmp_path: Path, rule: Pruner) -> None:
    """Twelve points that are worse and worse: none at its first validation, some at the next, never the best."""
    path = study_of(tmp_path, rule, ended=0)
    study = optuna.load_study(study_name="search", storage=storage_of(path))
    stops = []
    for number in range(12):
        stops.append(validated(Pruning(str(path), number), *(0.1 + 0.01 * number,) * 3))
        study.ask()
    assert not stops[0][-1]
    assert not any(first for first, *_ in stops)
    assert sum(True in one for one in stops) >= 4


def test_higher_may_be_better(tmp_path: Path) -> None:
    path = study_of(tmp_path, Median(), mode="max")
    assert validated(Pruning(str(path), 4), 0.1, 0.1) == [False, True]


def test_what_is_no_number_is_hopeless(file: Path) -> None:
    assert validated(Pruning(str(file), 4), float("nan"), float("nan")) == [False, True]


def test_the_last_validation_stops_nothing(file: Path) -> None:
    callback = Pruning(str(file), 4)
    assert validated(callback, 0.1, 0.1) == [False, False]
    trainer = trainer_of(callback, 9)
    callback.on_validation_end(trainer, SimpleNamespace(figures={"dev/cer": 9.0}))
    assert not trainer.should_stop


def test_a_run_that_was_requeued_reports_its_steps_again_without_harm(file: Path) -> None:
    """It continues from the checkpoint of its first validation, after it had reported two."""
    first, second = Pruning(str(file), 4), Pruning(str(file), 4)
    validated(first, 0.95)
    state = first.state_dict()
    validated(first, 0.3, first=2)
    second.load_state_dict(state)
    assert validated(second, 0.3, 0.9, first=2) == [False, False], "0.3 is its best, as it was"
    study = optuna.load_study(study_name="search", storage=storage_of(file))
    assert study.trials[4].intermediate_values == {1: 0.95, 2: 0.3, 3: 0.9}


def test_a_verdict_outlives_its_process(file: Path) -> None:
    """Killed between its last checkpoint and its last word; outside of the search it is a run like others."""
    first, again, alone = Pruning(str(file), 4), Pruning(str(file), 4), Pruning()
    validated(first, 9.0, 9.0)
    for callback, stops in ((again, True), (alone, False)):
        callback.load_state_dict(first.state_dict())
        trainer = trainer_of(callback, 2)
        callback.on_train_start(trainer, SimpleNamespace())  # type: ignore[arg-type]
        assert (trainer.should_stop, was_pruned(trainer)) == (stops, stops)


def test_the_first_rank_asks_and_all_stop(file: Path) -> None:
    """Ranks share their answers; only the first opens the file."""
    ranks = [Pruning(str(file), 4), Pruning(str(file), 4)]
    answers: list[bool] = []

    def shared(answer: bool, all: bool) -> bool:
        answers.append(answer)
        return any(answers)

    for step in (1, 2):
        answers.clear()
        for rank, callback in enumerate(ranks):
            trainer = trainer_of(callback, step, ranks=2)
            trainer.is_global_zero, trainer.strategy.reduce_boolean_decision = rank == 0, shared
            if step == 1:
                callback.on_fit_start(trainer, SimpleNamespace())  # type: ignore[arg-type]
            callback.on_validation_end(trainer, SimpleNamespace(figures={"dev/cer": 9.0}))
            assert trainer.should_stop == (step == 2)
        assert answers == [step == 2, False]


def test_a_file_that_cannot_be_read_stops_no_training(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    callback = Pruning(str(file), 4)
    validated(callback, 9.0)
    file.unlink()
    trainer = trainer_of(callback, 2)
    callback.on_validation_end(trainer, SimpleNamespace(figures={"dev/cer": 9.0}))
    assert not trainer.should_stop
    assert "training goes on" in capsys.readouterr().err


def test_a_trial_that_was_told_is_left_alone(file: Path) -> None:
    study = optuna.load_study(study_name="search", storage=storage_of(file))
    study.tell(4, 0.5)
    assert not Candidate(str(file), 4).is_hopeless(3, 9.0)


@pytest.mark.parametrize(
    ("study", "trial", "words"),
    [("{file}", None, "belong together"), ("{file}", 7, "no such trial"), ("nowhere.journal", 1, "no such file")],
)
def test_what_a_search_would_not_set_is_refused(file: Path, study: str, trial: int | None, words: str) -> None:
    with pytest.raises(InputError, match=words):
        validated(Pruning(study.format(file=file), trial), 1.0)


@pytest.mark.parametrize("rule", [Median, Halving, Hyperband])
def test_rules_that_make_no_sense_are_refused(rule: Any) -> None:
    with pytest.raises(InputError, match=r"search\.pruner\.warmup=-1"):
        rule(warmup=-1)


def test_a_run_ends_after_the_validation_that_says_so(config: Config, tmp_path: Path) -> None:
    """Four epochs, hopeless after the second: its checkpoints are there, and by itself it is continued to its end."""
    path = study_of(tmp_path, Median(), monitor="dev/loss")
    study = optuna.load_study(study_name="search", storage=storage_of(path))
    for number in range(4):
        study.add_trial(
            optuna.trial.create_trial(value=-9.0, intermediate_values=dict.fromkeys(range(1, 9), -9.0 - number))
        )
    config["trainer"]["max_epochs"] = 4
    config["trainer"]["check_val_every_n_epoch"] = 1
    sign = signature(config, train_defaults(), config["signature_ignores"])
    config["callbacks"]["pruning"] |= {"study": str(path), "trial": 4}
    run = find(config["runs"], config["family"], config["name"], sign)
    train.fit(run, config, train.build(config, run))
    epochs = {step for step, _ in run.curves()["dev/loss"]}
    assert len(epochs) == 2
    assert run.last.exists()
    assert run.best.exists()
    assert optuna.load_study(study_name="search", storage=storage_of(path)).trials[4].last_step == 2

    config["callbacks"]["pruning"] |= {"study": None, "trial": None}
    train.fit(run, config, train.build(config, run))
    assert len({step for step, _ in Run(run.folder).curves()["dev/loss"]}) == 4


def train_defaults() -> Config:
    from project.build.compose import compose

    return compose("train")
