"""A search from the space that was asked for to its table: points are proposed, launched, and told what they came to.

Points run as those of a sweep do, into the same ledger. What was tried lies beside it, so a search that is stopped in
whatever way goes on with the same command.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from rich.console import Console

from project import atomic, stop
from project.build import ranks
from project.build.assemble import check_experiment
from project.build.bind import check, is_object, make
from project.build.compose import compose
from project.build.naming import named
from project.contract import Config, InputError
from project.run import Run, is_below
from project.search import table
from project.search.search import Search
from project.search.space import Axis
from project.search.study import FILE
from project.search.trials import Outcome, Proposal, Trials
from project.sweep import FOLDER, Launcher, Point, Sweep
from project.sweeping import elsewhere, sweep_run
from project.sweeping.search_ranges import searches, spaced

Launch = Callable[[list[list[str]]], list[Outcome]]  # of the words of each point beside those that all have


def is_wanted(config: Config) -> bool:
    """Whether a configuration asks for a search."""
    return is_object(config["search"])


def run(config: Config, words: Sequence[str], train: sweep_run.Train) -> int:
    """Search with the launcher that the configuration names; the exit code."""
    ranks.require_one()
    waiting(config)
    monitor = config["callbacks"]["checkpoint"]["monitor"]
    return search(config, words, through(words, spaced(config["search"]["space"], monitor), train))


def search(config: Config, words: Sequence[str], launch: Launch) -> int:
    """Search until all trials are done; the exit code. The folder of the ledger is the last line on standard output."""
    monitored = config["callbacks"]["checkpoint"]
    space = spaced(config["search"]["space"], monitored["monitor"])
    base = common_words(words, space)
    node = config["search"] | {"space": space}
    check(node, "search")
    plan: Search = make(node, "search")
    require_values(base, space)
    folder = folder_of(config, words, space)
    with plan.opened(folder, monitored["monitor"], monitored["mode"]) as trials:
        print(f"search   {folder}: {trials.count_ended()} of {plan.plan.trials} trials are done", file=sys.stderr)
        if trials.count_ended() < plan.plan.trials:
            require_same_data(trials)
        code = conduct(trials, launch, folder / FILE if plan.pruner else None)
        conclude(trials, folder, command_of(words, base))
        print(folder)
        return code if code else int(not trials.best())


def conduct(trials: Trials, launch: Launch, file: Path | None) -> int:
    """Propose, launch and tell until nothing is left to propose; not 0 if it was stopped before."""
    while batch := trials.propose():
        known = {one.number: twin for one in batch if (twin := trials.twin(one))}
        fresh: dict[tuple[str, ...], Proposal] = {}  # each point once
        for one in batch:
            if one.number not in known:
                fresh.setdefault(one.words, one)
        ended = launch([point_words(one, file) for one in fresh.values()]) if fresh else []
        outcomes = dict(zip(fresh, ended, strict=True))
        for one in batch:
            twin = known.get(one.number)
            outcome = twin.outcome if twin else outcomes[one.words]
            if not outcome.has_ended:
                continue
            same = twin.proposal.number if twin else fresh[one.words].number
            outcome = trials.tell(one, outcome, **({} if same == one.number else {"same_as": same}))
            print(table.progress(one, outcome, trials), file=sys.stderr)
        if stopped := [outcome.code for outcome in outcomes.values() if not outcome.has_ended]:
            print("search   stopped: the same command goes on with it", file=sys.stderr)
            return max(stopped)
    return 0


def require_same_data(trials: Trials) -> None:
    """Refuse to go on where trials were trained on manifests that have changed since: figures would not compare."""
    for row in trials.rows():
        run = Run(Path(row.outcome.run))
        if row.outcome.state != "failed" and run.config_file.is_file():
            sweep_run.require_same(run, run.config())


def conclude(trials: Trials, folder: Path, command: Sequence[str]) -> None:
    """Say what was found, and write it down."""
    Console(stderr=True).print(table.told(trials))
    for line in table.conclusions(trials, command):
        print(line, file=sys.stderr)
    atomic.write(folder / "trials.csv", table.as_csv(trials))


def through(words: Sequence[str], axes: Iterable[str], train: sweep_run.Train) -> Launch:
    """How points are launched: as those of a sweep over these keys, with what its ledger knows of them."""
    base, keys = common_words(words, axes), list(axes)

    def launch(batch: list[list[str]]) -> list[Outcome]:
        asked = [(compose("train", [*base, *own]), [*base, *own]) for own in batch]
        launcher = waiting(asked[0][0])
        ledger, points = sweep_run.enrol(asked, keys, chosen(words))
        see_through(ledger, points, lambda todo: sweep_run.launch(launcher, ledger, todo, train))
        by_name = {point.name: point for point in points}
        return [outcome_of(ledger, by_name[named(config, said)[0].folder.name], config) for config, said in asked]

    return launch


def see_through(ledger: Sweep, points: Sequence[Point], start: Callable[[Sequence[Point]], None]) -> None:
    """Run points to their ends; those that others have are waited for, and gone on with where these were stopped."""
    left = points
    while left:
        todo, standings = sweep_run.outstanding(ledger, left)
        for point in left:
            if standings[point.name] == sweep_run.CHANGED:  # its figure and those to come would not compare
                raise InputError(f"point {point.told}: {ledger.state(point)['error']}")
        others = [point for point in left if standings[point.name] in sweep_run.ELSEWHERE]
        if others:
            told = sweep_run.told(standings[point.name] for point in others)
            print(f"search   points of an earlier start: {told}: they are waited for", file=sys.stderr)
        start(todo)
        left = elsewhere.wait_for(ledger, others) if others else []


def waiting(config: Config) -> Launcher:
    """The launcher that a configuration names, told to wait: a job that is killed notes nothing, and SLURM is asked."""
    node = config["launcher"]
    patient = node | ({"wait": True} if "wait" in node else {})
    launcher = sweep_run.launcher_of(config | {"launcher": patient})
    if not launcher.waits:
        raise InputError(
            "launcher: a search waits for its points, and this one leaves it to you to hand them in: choose "
            "launcher=local, parallel or slurm"
        )
    return launcher


def outcome_of(ledger: Sweep, point: Point, config: Config) -> Outcome:
    """What became of a point; of one that is done, its best validation."""
    state, monitored = ledger.state(point), config["callbacks"]["checkpoint"]
    curve = Run(point.run).curves().get(monitored["monitor"], []) if state["state"] == "done" else []
    pick = min if monitored["mode"] == "min" else max
    best = pick((value for _, value in curve if math.isfinite(value)), default=None)
    return Outcome(str(point.run), state["state"], best, state.get("error"), int(state.get("code", stop.CODE)))


def point_words(proposal: Proposal, file: Path | None) -> list[str]:
    """What sets a point apart from the others, and where it reports if hopeless ones are to be stopped."""
    from hydra.core.override_parser.types import Quote, QuotedString

    if file is None:
        return list(proposal.words)
    path = QuotedString(str(file.resolve()), Quote.single).with_quotes()
    return [*proposal.words, f"callbacks.pruning.study={path}", f"callbacks.pruning.trial={proposal.number}"]


def common_words(words: Sequence[str], axes: Iterable[str]) -> list[str]:
    """What all points are told: the command's words without those of the search and without the keys that it varies."""
    left_out = ["search", *axes]
    return [word for word in words if not _is_of(sweep_run.key_of(word), left_out)]


def command_of(words: Sequence[str], base: Sequence[str]) -> list[str]:
    """How one point is trained by itself; its own words follow."""
    return ["scansion", "train", *base, *(["~search"] if searches(chosen(words) or "") else [])]


def chosen(words: Sequence[str]) -> str | None:
    """The file of conf/sweep that a command names."""
    named_ones = [word.partition("=")[2] for word in words if word.startswith("sweep=")]
    return named_ones[-1] if named_ones else None


def folder_of(config: Config, words: Sequence[str], space: Iterable[str]) -> Path:
    """The ledger's folder: that of a sweep over the same keys of the same experiment."""
    keys = list(space)
    name = sweep_run.name_of([common_words(words, keys)], keys, chosen(words), config)
    return Path(config["runs"]) / FOLDER / name


def require_values(base: Sequence[str], space: dict[str, Axis]) -> None:
    """Refuse a key that is not there, and values that it does not take, before anything is run."""
    for key, axis in space.items():
        for value in axis.tries():
            try:
                check_experiment(compose("train", [*base, f"{key}={value}"]))
            except InputError as error:
                raise InputError(f"search.space: {key}={value}: {error}") from error


def _is_of(key: str, roots: Sequence[str]) -> bool:
    return is_below(key, roots) or any(key.startswith(f"{root}/") for root in roots)
