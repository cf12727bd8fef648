"""A search proposes, is told, is stopped in every way, and goes on as if it had not been."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from project.contract import InputError
from project.search.pruner import Median
from project.search.sampler import Chance, Gaussian, Sampler, Tpe
from project.search.search import Search
from project.search.space import Axis, Choice, Interval
from project.search.study import FILE, storage_of
from project.search.table import as_csv, conclusions, ranked
from project.search.trials import Outcome, Proposal, Trials

optuna = pytest.importorskip("optuna")

SPACE: dict[str, Axis] = {"optimizer.lr": Interval(1e-5, 1e-1, log=True), "model.blocks": Interval(1, 8, whole=True)}
Points = list[tuple[int, tuple[str, ...]]]


def error_of(proposal: Proposal) -> float:
    """Least at a rate of 1e-3 and 5 blocks."""
    rate, blocks = float(proposal.values["optimizer.lr"]), int(proposal.values["model.blocks"])
    return (math.log10(rate) + 3) ** 2 + 0.01 * (blocks - 5) ** 2


def well(proposal: Proposal) -> Outcome:
    return Outcome(f"runs/{proposal.number}", "done", error_of(proposal))


def searched(
    folder: Path, outcome: Callable[[Proposal], Outcome] = well, stop_at: int | None = None, **settings: Any
) -> Points:
    """The points that were run, up to a number at which the process dies; all are told in the order of their batch."""
    run: Points = []
    space = settings.pop("space", SPACE)
    search = Search(**{"sampler": Tpe(3), "trials": 6, "space": space, **settings})
    with search.opened(folder, "dev/cer", "min") as trials:
        while batch := trials.propose():
            for one in batch:
                run.append((one.number, one.words))
                if one.number == stop_at:
                    return run
            for one in batch:
                trials.tell(one, outcome(one))
    return run


def rows(folder: Path, **settings: Any) -> Any:
    with Search(**{"sampler": Tpe(3), "trials": 6, "space": SPACE, **settings}).opened(
        folder, "dev/cer", "min"
    ) as trials:
        return trials.rows()


@pytest.mark.parametrize(
    ("sampler", "at_once"), [(Tpe(3), 1), (Tpe(3), 2), (Chance(), 1), (Chance(), 2), (Gaussian(3), 1)], ids=str
)
def test_a_search_that_is_killed_goes_on_as_if_it_had_not_been(tmp_path: Path, sampler: Sampler, at_once: int) -> None:
    """The point under way is asked for again, under its number; those that ended are not; the rest is the same."""
    settings = {"sampler": sampler, "at_once": at_once}
    undisturbed = searched(tmp_path / "a", **settings)
    assert [number for number, _ in undisturbed] == [0, 1, 2, 3, 4, 5]
    before = searched(tmp_path / "b", stop_at=3, **settings)
    after = searched(tmp_path / "b", **settings)
    assert before == undisturbed[:4]
    begun = 3 - 3 % at_once
    assert after == undisturbed[begun:]
    assert searched(tmp_path / "b", **settings) == []


def test_no_point_is_proposed_twice_by_chance(tmp_path: Path) -> None:
    """A generator that begins anew with each process would repeat its first points after every stop."""
    points = [words for stop in (1, 2, 3) for _, words in searched(tmp_path, sampler=Chance(), stop_at=stop)]
    assert len(set(points)) == 4, "four trials were begun, three of them in two processes"


def test_another_seed_chooses_others_and_more_trials_may_be_asked_for(tmp_path: Path) -> None:
    assert searched(tmp_path / "a") != searched(tmp_path / "b", seed=2)
    assert [number for number, _ in searched(tmp_path / "a", trials=8)] == [6, 7]


def test_it_finds_what_a_grid_of_as_many_points_does_not(tmp_path: Path) -> None:
    searched(tmp_path, sampler=Tpe(6), trials=24)
    rates = [10 ** (-5 + 4 * place / 5) for place in range(6)]
    grid = min(
        error_of(Proposal(0, {"optimizer.lr": str(rate), "model.blocks": str(n)}))
        for rate in rates
        for n in (1, 3, 6, 8)
    )
    assert min(row.outcome.value for row in rows(tmp_path)) < grid / 2


def test_what_fails_or_is_stopped_does_not_stop_the_search(tmp_path: Path) -> None:
    def outcome(one: Proposal) -> Outcome:
        return {
            1: Outcome("runs/1", "failed", error="step 7: loss is nan"),
            2: Outcome("runs/2", "pruned"),
            3: Outcome("runs/3", "done", float("nan")),
        }.get(one.number, well(one))

    assert len(searched(tmp_path, outcome)) == 6
    found = rows(tmp_path)
    assert [row.outcome.state for row in found] == ["done", "failed", "pruned", "failed", "done", "done"]
    assert found[1].outcome.error == "step 7: loss is nan"
    assert found[3].outcome.error == "dev/cer was never a finite number"
    assert [row.outcome.state for row in ranked(found, "min")] == ["done"] * 3 + ["pruned"] + ["failed"] * 2
    assert searched(tmp_path, outcome) == [], "nothing is run again unasked"
    again = searched(tmp_path, retry_failed=True)
    assert [words for _, words in again] == [found[1].proposal.words, found[3].proposal.words]
    assert [row.facts for row in rows(tmp_path)[6:]] == [{"retry_of": 1}, {"retry_of": 3}]
    assert searched(tmp_path, retry_failed=True) == []


def test_the_same_point_has_a_twin(tmp_path: Path) -> None:
    search = Search(Chance(), trials=12, space={"decode": Choice(("a", "b"))})
    with search.opened(tmp_path, "dev/cer", "min") as trials:
        told: dict[str, int] = {}
        while batch := trials.propose():
            twin = trials.twin(batch[0])
            value = batch[0].values["decode"]
            assert (twin.proposal.number if twin else None) == told.get(value)
            told.setdefault(value, batch[0].number)
            same = {"same_as": twin.proposal.number} if twin else {}
            trials.tell(batch[0], Outcome("runs/x", "done", {"a": 1.0, "b": 2.0}[value]), **same)
        assert len(trials.rows()) == 12
        assert [row.proposal.values for row in trials.best()] == [{"decode": "a"}], "its twins are no ties"


def test_a_trial_without_all_its_values_is_dropped(tmp_path: Path) -> None:
    """Killed between two lines of the journal."""
    searched(tmp_path, stop_at=2)
    file = tmp_path / FILE
    lines = file.read_bytes().splitlines(keepends=True)
    while "model.blocks" not in str(lines[-1]):
        lines.pop()
    file.write_bytes(b"".join(lines[:-1]) + lines[-1][:20])
    assert [number for number, _ in searched(tmp_path)] == [3, 4, 5, 6], "and a half-written line is cut off"
    assert len(rows(tmp_path)) == 6


def test_two_searches_never_work_at_one_file(tmp_path: Path) -> None:
    search = Search(Chance(), space=SPACE)
    with search.opened(tmp_path, "dev/cer", "min"), pytest.raises(InputError, match="another process"):
        searched(tmp_path)


def test_what_it_began_with_stays(tmp_path: Path) -> None:
    searched(tmp_path, trials=1)
    other: dict[str, Axis] = {**SPACE, "optimizer.lr": Interval(1e-5, 1.0, log=True)}
    with pytest.raises(InputError, match=r"search\.space: optimizer\.lr differs"):
        searched(tmp_path, space=other)
    with (
        pytest.raises(InputError, match=r"checkpoint\.monitor=dev/wer: .* began with dev/cer"),
        Search(Chance(), space=SPACE).opened(tmp_path, "dev/wer", "min"),
    ):
        pass


def test_the_rule_stands_in_the_file(tmp_path: Path) -> None:
    searched(tmp_path, trials=1, pruner=Median(warmup=2, startup=3))
    study = optuna.load_study(study_name="search", storage=storage_of(tmp_path / FILE))
    assert study.user_attrs["pruner"] == ["MedianPruner", {"n_startup_trials": 3, "n_warmup_steps": 3}]


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"trials": 0}, "trials=0"), ({"at_once": 0}, "at_once=0"), ({"space": {}}, "space is empty")],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Search(**{"sampler": Chance(), "space": SPACE, **settings})


def with_values(folder: Path, values: list[float]) -> tuple[list[str], str, dict[str, float]]:
    """What is said of trials that came to these values."""

    def told(trials: Trials) -> tuple[list[str], str, dict[str, float]]:
        command = ["scansion", "train", "x=a b", "~search"]
        return conclusions(trials, command), as_csv(trials), trials.importances()

    searched(folder, lambda one: Outcome(f"r{one.number}", "done", values[one.number]), trials=len(values))
    with Search(Tpe(3), trials=len(values), space=SPACE).opened(folder, "dev/cer", "min") as trials:
        return told(trials)


def test_ties_are_called_ties_and_noise_is_not_known(tmp_path: Path) -> None:
    lines, table, _ = with_values(tmp_path, [0.3, 0.1, 0.2, 0.1])
    assert lines[0] == "best     trial 1: dev/cer 0.1: r1"
    assert lines[1] == "         exactly as good: trials 3"
    assert lines[2].startswith("         scansion train 'x=a b' '~search' optimizer.lr=")
    assert "is not known" in lines[3]
    assert "too few" in lines[4]
    assert table.splitlines()[0] == "trial,state,value,optimizer.lr,model.blocks,run,error"
    assert [line.split(",")[2] for line in table.splitlines()[1:]] == ["0.3", "0.1", "0.2", "0.1"]


def test_importances_name_what_decides(tmp_path: Path) -> None:
    """The rate moves the error by up to 4, blocks by up to 0.16."""
    searched(tmp_path, sampler=Chance(), trials=24)
    with Search(Chance(), trials=24, space=SPACE).opened(tmp_path, "dev/cer", "min") as trials:
        weights = trials.importances()
    assert weights["optimizer.lr"] > 0.7
    assert sum(weights.values()) == pytest.approx(1)


def test_the_journal_is_lines_of_json(tmp_path: Path) -> None:
    searched(tmp_path, trials=2)
    assert all(json.loads(line) for line in (tmp_path / FILE).read_text().splitlines())
