"""A sweep from the points that Hydra names to the launcher that runs them: those that are done are left out.

Hydra says which points there are and does not run them, so that no process composes a sweep twice: a point runs on the
configuration that the ledger has. Where and how many at once is the launcher's business.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from project.build import ranks
from project.build.app import guarded
from project.build.bind import check, make
from project.build.compose import compose
from project.build.naming import named
from project.contract import Config, InputError
from project.launcher import process, slurm_queue, slurm_requeue
from project.run import Run, Taken, flatten, is_below
from project.stop import SIGNALLED
from project.sweep import FOLDER, Launcher, Point, Sweep
from project.sweeping import elsewhere

Train = Callable[[Config, list[str]], int]
Asked = tuple[Config, list[str]]  # a point's configuration and its words

LONGEST_NAME = 60
TO_RUN = ("to run", "failed before", "stopped before", "to be scored")
ELSEWHERE = RUNNING, IN_QUEUE = ("running already", "in the queue already")
CHANGED = "done on other data"


def is_elsewhere(config: Config) -> bool:
    """Whether a run is to be handed to a launcher, rather than done here and now."""
    return bool(config["launcher"] != compose("train")["launcher"])


def sweep(asked: Sequence[Asked], axes: Sequence[str], choice: str | None, train: Train) -> int:
    """Run the points that are not done; the exit code. The ledger's folder is the last line on standard output."""
    ranks.require_one()
    require_fit(asked[0][0], axes)
    launcher = launcher_of(asked[0][0])
    ledger, points = enrol(asked, axes, choice)
    todo, standings = outstanding(ledger, points)
    print(f"sweep    {ledger.folder}\npoints   {len(points)}: {told(standings.values())}", file=sys.stderr)
    launch(launcher, ledger, todo, train)
    if asked[0][0]["launcher"].get("wait"):  # also for what an earlier call handed in
        elsewhere.wait_for(ledger, [point for point in points if standings[point.name] in ELSEWHERE])
    print(ledger.folder)
    return conclude(ledger, points, not launcher.waits and getattr(launcher, "submits", True))


def require_fit(config: Config, axes: Sequence[str]) -> None:
    """Refuse to sweep over what comes before training, and over one run: points are runs."""
    action = config["action"]["name"]
    if action != "fit":
        raise InputError(f"action={action}: points of a sweep are trained: leave -m and launcher= out, or action=")
    if axes and config["resume"]:
        raise InputError(f"resume={config['resume']}: goes on with one run: give {', '.join(axes)} one value")


def launcher_of(config: Config) -> Launcher:
    """The launcher that a configuration names."""
    check(config["launcher"], "launcher")
    return make(config["launcher"], "launcher")  # type: ignore[no-any-return]


def launch(launcher: Launcher, ledger: Sweep, points: Sequence[Point], train: Train) -> None:
    """Hand points to a launcher."""
    if points:
        launcher.launch(ledger, points, lambda point: work(ledger, point, train))


def enrol(asked: Sequence[Asked], axes: Sequence[str], choice: str | None) -> tuple[Sweep, list[Point]]:
    """The ledger with all that is asked for written into it, and these points, each experiment once."""
    runs = [named(config, said) for config, said in asked]
    words = [said for _, said in asked]
    name = name_of(words, axes, choice, asked[0][0]) if axes else runs[0][0].folder.name
    folder = Path(asked[0][0]["runs"]) / FOLDER / name
    points: dict[str, Point] = {}
    configs: dict[str, Config] = {}
    for (run, config), said in zip(runs, words, strict=True):
        point = point_of(run, config, said, axes)
        if twin := points.get(point.name):
            print(f"{point.told} is the same experiment as {twin.told}: it runs once", file=sys.stderr)
            continue
        points[point.name] = point
        here = {"launcher": compose("train")["launcher"], "search": None, "part_of": str(folder)}
        configs[point.name] = config | here
    before = Sweep(folder).facts()["order"] if (folder / "sweep.json").is_file() else []
    order = list(dict.fromkeys([*before, *points]))
    command = shlex.join(["scansion", "train", *(word for word in sys.argv[1:] if not word.startswith("hydra."))])
    ledger = Sweep.make(folder, {"command": command, "axes": list(axes), "order": order})
    for name, point in points.items():
        ledger.add(point, configs[name])
    return ledger, list(points.values())


def point_of(run: Run, config: Config, words: Sequence[str], axes: Sequence[str]) -> Point:
    """A point of a sweep, from what was composed for it."""
    from project.build.strategy import ranks_of

    apart = tuple(word for word in words if key_of(word) in axes)
    nodes = int(config["trainer"].get("num_nodes", 1))
    return Point(run.folder.name, apart, tuple(words), run.folder, ranks_of(config["trainer"]), nodes)


def key_of(word: str) -> str:
    """The key of an override.

    >>> key_of("+model.size=3"), key_of("seed=1")
    ('model.size', 'seed')
    """
    return word.lstrip("+~").partition("=")[0]


def common(words: Sequence[Sequence[str]], axes: Sequence[str]) -> list[str]:
    """What all points are told."""
    return [word for word in words[0] if key_of(word) not in axes]


def name_of(words: Sequence[Sequence[str]], axes: Sequence[str], choice: str | None, config: Config) -> str:
    """A sweep is the same if it varies the same keys of the same experiment: more values are more points of it."""
    quiet = ["launcher", *(key for key in config["signature_ignores"] if key not in ("family", "name"))]
    plain = [word for told in common(words, axes) for word in trainer_words(told)]
    said = sorted(word for word in plain if not is_below(key_of(word), quiet))
    digest = hashlib.sha256("\n".join([*sorted(axes), "", *said]).encode()).hexdigest()[:6]
    stem = re.sub(r"[^\w.+-]", "_", choice or "+".join(axes))[:LONGEST_NAME]
    return f"{stem}-{digest}"


def trainer_words(word: str) -> list[str]:
    """A word; of one that chooses a trainer what that says: only some of it makes another experiment.

    >>> trainer_words("seed=1"), "trainer.precision=bf16-mixed" in trainer_words("trainer=gpu")
    (['seed=1'], True)
    """
    if key_of(word) != "trainer":
        return [word]
    default, chosen = (dict(flatten(compose("train", said)["trainer"])) for said in ([], [word]))
    return [f"trainer.{key}={value}" for key, value in chosen.items() if value != default.get(key, "(absent)")]


def outstanding(ledger: Sweep, points: Sequence[Point]) -> tuple[list[Point], dict[str, str]]:
    """The points that have to be run, and how it stands with each, by name."""
    todo, standings = [], dict[str, str]()
    queued = elsewhere.in_queue(ledger, points)
    for point in points:
        standing = standing_of(ledger, point)
        if standing in TO_RUN and point.name in queued:
            standing = IN_QUEUE
        standings[point.name] = standing
        if standing in TO_RUN:
            todo.append(point)
            ledger.note(point, "pending", job=None, log=None)
    return todo, standings


def told(standings: Iterable[str]) -> str:
    """How it stands with points, in words.

    >>> told(["done already", "to run", "done already"])
    '2 done already, 1 to run'
    """
    return ", ".join(f"{count} {standing}" for standing, count in Counter(standings).items())


def standing_of(ledger: Sweep, point: Point) -> str:
    """How it stands with a point, asked of its run rather than of the ledger."""
    run, noted = Run(point.run), ledger.state(point)
    state = run.state()["state"]
    config = ledger_config(ledger, point)
    if state in ("finished", "pruned") and not config["resume"]:
        if changed := change_in(run, config):  # nothing else is held up by it, and it is mixed with nothing
            ledger.note(point, "failed", error=changed, code=2)
            return CHANGED
        wanted = config["evaluate"]["manifests"]
        if wanted and state == "finished" and noted.get("scored") != wanted:  # what is scored already is not again
            return "to be scored"
        if noted["state"] == "failed":  # in what comes after training, as its scores do
            return "failed before"
        done = "done" if state == "finished" else "pruned"
        if noted["state"] != done:
            ledger.note(point, "done" if state == "finished" else "pruned")
        return f"{done} already"
    if elsewhere.is_at_work(point, noted):
        return RUNNING
    return {"failed": "failed before", "stopped": "stopped before"}.get(noted["state"], "to run")


def ledger_config(ledger: Sweep, point: Point) -> Config:
    """The configuration that a point runs on."""
    return Sweep.of(ledger.file(point))[2]


def change_in(run: Run, config: Config) -> str | None:
    """What a run that is done was trained on and is no longer what its configuration names; None where nothing is."""
    try:
        require_same(run, config)
    except InputError as error:
        return str(error)
    return None


def require_same(run: Run, config: Config) -> None:
    """Refuse to call a run done whose manifests have changed since."""
    spelling, feature = make(config["text"], "text"), make(config["feature"], "feature")
    data = make(config["data"], "data", feature=feature, spelling=spelling)
    run.require_same({"train": data.training.hash, "dev": data.manifest("dev").hash})


def run_point(file: str, train: Train) -> int:
    """What a process does that was started for one point."""
    ledger, point, _ = Sweep.of(Path(file))
    return work(ledger, point, train)


def work(ledger: Sweep, point: Point, train: Train) -> int:
    """Run one point in this process; its exit code. The first rank notes how it goes.

    One that another process trains by now is left to that one, which notes how it ends.
    """
    config, said, taken = ledger_config(ledger, point), list[str](), list[Taken]()

    def attempt() -> int:
        try:
            return train(config, list(point.command))
        except Taken as error:
            taken.append(error)
            raise

    def note(state: Any, **facts: Any) -> None:
        if ranks.is_first():
            ledger.note(point, state, **facts)

    note("running", job=slurm_queue.own_job() or process.name_of(os.getpid()))
    code = guarded(attempt, f"point {point.told}: ", said.append)
    if taken:
        return code
    if code == 0:
        pruned = Run(point.run).state()["state"] == "pruned"
        note("pruned" if pruned else "done", scored=config["evaluate"]["manifests"])
    elif code >= SIGNALLED:
        note("requeued" if slurm_requeue.is_promised(code - SIGNALLED) else "stopped", error=said[-1], code=code)
    else:
        note("failed", error=said[-1], code=code)
    return code


def conclude(ledger: Sweep, points: Sequence[Point], goes_on: bool) -> int:
    """Say how the points stand, and those that failed with their errors; the exit code."""
    states = [ledger.state(point) for point in points]
    counts = Counter(state["state"] for state in states)
    print("sweep    " + ", ".join(f"{count} {state}" for state, count in counts.items()), file=sys.stderr)
    for point, state in zip(points, states, strict=True):
        if state["state"] == "failed":
            print(f"failed   {point.told}: {state.get('error', 'no reason is known')}", file=sys.stderr)
    unfinished = [state for state in states if state["state"] in ("failed", "stopped")]
    if unfinished or goes_on:
        verb = "the same command starts them again" if unfinished else "they go on without this shell"
        print(f"         {verb}; how it stands: scansion report action=status sweep={ledger.name}", file=sys.stderr)
    requeued = [] if goes_on else [state for state in states if state["state"] == "requeued"]  # in this job
    return code_of([*unfinished, *requeued])


def code_of(states: Sequence[Mapping[str, Any]]) -> int:
    """The exit code of points that did not come to their end: after a signal that signal's, whatever failed before.

    >>> code_of([{"state": "failed", "code": 137}, {"state": "stopped", "code": 130}, {"state": "failed"}])
    130
    >>> code_of([{"state": "failed", "code": 2}, {"state": "stopped"}]), code_of([])
    (2, 0)
    """
    codes = [(int(state.get("code", 1)), state["state"]) for state in states]
    signals = [code for code, state in codes if code > SIGNALLED and state != "failed"]
    return max(signals or [code for code, _ in codes], default=0)
