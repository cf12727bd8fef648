"""scansion train: one run of one experiment, new, found again or continued."""

from __future__ import annotations

import logging
import shlex
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from project import atomic, stop
from project.build import app
from project.build.app import guarded
from project.build.exhaustion import advice
from project.build.naming import named
from project.build.ranks import RANK_OF
from project.contract import Config, InputError, Interrupted, WorkError
from project.data.manifest import require_found
from project.run import Run, Taken
from project.sweep import POINT

if TYPE_CHECKING:
    from lightning.pytorch import Trainer

    from project.build.assemble import Recognizer

log = logging.getLogger("scansion")

ACTIONS = ("fit", "calibrate")


def train(config: Config, words: list[str]) -> int:
    """Do what is asked for: one run here and now, one or more elsewhere, or what comes before a run."""
    from project.build import calibrate
    from project.sweeping import search_run, sweep_run

    action = config["action"]["name"]
    if action not in ACTIONS:
        raise InputError(f"action={action}: no such way to train: choose from {', '.join(ACTIONS)}")
    if action == "calibrate":
        return calibrate.calibrate(config, words)
    if search_run.is_wanted(config):
        return search_run.run(config, words, train_one)
    if sweep_run.is_elsewhere(config):
        return sweep_run.sweep([(config, words)], [], None, train_one)
    return train_one(config, words)


def train_one(config: Config, words: list[str]) -> int:
    """Compose, build, claim the folder, fit; the run's folder is the last line on standard output.

    What is wrong with the configuration or the manifests shows before a folder is made.
    """
    run, config = named(config, words)
    manifests = config["data"]["manifest"]
    for patterns in (manifests.get("train"), manifests.get("dev"), config["evaluate"]["manifests"]):
        if patterns != "???":  # which is told with its key later
            require_found(patterns)  # before anything heavy is imported

    from project.build import handover, ranks
    from project.scoring import beside_training

    if run.last.exists() and run.state()["state"] != "finished" and not config["resume"]:
        print(f"continuing {run.folder}: the same experiment was stopped at its last checkpoint", file=sys.stderr)
    recognizer = build(config, run)
    if run.state()["state"] == "finished" and not config["resume"]:
        run.require_same(contents_of(config, recognizer))
        print(f"this experiment has run already: {run.folder}", file=sys.stderr)
    else:
        command = shlex.join(["scansion", "train", *words])
        fit(run, {"command": command} | config, recognizer)
    if ranks.is_first() and run.state()["state"] != "pruned":
        handover.keep_adapter(run)
        beside_training.after(run, config)
    if ranks.is_first():
        print(run.folder)
    return 0


def build(config: Config, run: Run | None = None) -> Recognizer:
    """All parts of the experiment, checked first. A student begins with the weights that it would have alone."""
    from project.build import assemble
    from project.build.teacher import restore_teacher
    from project.scoring import beside_training

    assemble.check_experiment(config)
    teacher = restore_teacher(config)
    assemble.settle(config)
    # before its first checkpoint a run begins again: from the weights that its configuration names
    known = run if run and run.last.exists() else None
    recognizer = assemble.build_recognizer(config, training=True, teacher=teacher, run=known)
    recognizer.data.require_spelled("dev")
    beside_training.require(config, recognizer)
    return recognizer


def fit(run: Run, config: Config, recognizer: Recognizer) -> None:
    """Train into a run's folder, from its last checkpoint if it has one. The first rank holds the folder and writes."""
    from project.build import assemble, introduction, ranks
    from project.build.restore import open_alike
    from project.build.run_log import logged
    from project.build.teacher import compare
    from project.model.trained import read_checkpoint
    from project.scoring import beside_training
    from project.system.weights import load_weights

    first, new = ranks.is_first(), not run.last.exists()
    contents = contents_of(config, recognizer)
    if new and config["init_from"]:
        start = open_alike("init_from", config)
        load_weights(recognizer.system, start.best, str(config["init_from"]) if start.is_package else None)
    standing = compare(config, recognizer) if new else None  # on every rank, so that all of them stop
    if not new:
        run.require_same(contents)
        read_checkpoint(run.last)  # says clearly what is wrong with it, before the trainer opens it
    trainer = assemble.build_trainer(config, run.folder, run.name)
    with run.lock() if first else nullcontext(), ranks.started_on(run.folder):
        if first and new and run.last.exists():
            raise Taken(f"{run.folder}: another process has trained it in the meantime: start again to go on")
        if first:  # what a killed process left half-written
            for folder in (run.folder, run.last.parent):
                atomic.clear(folder)
        if first and new:
            architecture = getattr(recognizer.system.model, "architecture", None)
            run.prepare(config, recognizer.spelling.alphabet.to_json(), contents, architecture)
        if first and standing:
            standing.keep(run.folder)
        if first:
            run.keep_launch(config)
        with logged(run.folder / "train.log") if first else nullcontext():
            if first:
                introduction.introduce(run, recognizer, standing, trainer.accumulate_grad_batches)
            if first and new:
                beside_training.before(run, config, recognizer)
            _fit(run, recognizer, trainer)


def contents_of(config: Config, recognizer: Recognizer) -> dict[str, str]:
    """Hashes of what a run is made from."""
    from project.build.restore import hash_checkpoint
    from project.text.vocabulary import Vocabulary

    found = {"train": recognizer.data.training.hash, "dev": recognizer.data.manifest("dev").hash}
    if recognizer.teacher:
        found["teacher"] = hash_checkpoint(Run.open(config["teacher"]))
    if (source := source_of(config["model"])) and (run := Run(Path(source))).best.exists():
        found["model.source"] = hash_checkpoint(run)
    if (named := config["text"].get("tokenizer")) and Path(named).exists():
        found["text.tokenizer"] = Vocabulary.load(named).hash
    return found


def source_of(node: Any) -> str | None:
    """The run whose weights a model begins with, wherever below a node it is named; None where there is none."""
    if not isinstance(node, Mapping):
        return None
    if node.get("init") == "local":
        return None if node.get("source") is None else str(node["source"])
    return next((found for value in node.values() if (found := source_of(value))), None)


def fit_as_rank(folder: str) -> int:
    """What a process does that rank 0 started: the same run, under the configuration that rank 0 wrote down."""
    run = Run.open(folder)
    config = run.launch()
    fit(run, config, build(config, run))
    return 0


def _fit(run: Run, recognizer: Recognizer, trainer: Trainer) -> None:
    from project.build.introduction import facts
    from project.callbacks.pruning import was_pruned

    started = time.perf_counter()
    checkpoint = str(run.last) if run.last.exists() else None

    def note(state: str, **facts: object) -> None:
        if trainer.is_global_zero:
            run.note(state, **facts)
            log.info("%s %s", state, facts)

    note("running", checkpoint=checkpoint)
    try:
        if recognizer.steps:
            trainer.fit(recognizer.system, datamodule=recognizer.data, ckpt_path=checkpoint, weights_only=True)
        else:  # a model without weights: one validation, after which its checkpoints are written as after any other
            trainer.validate(recognizer.system, datamodule=recognizer.data, verbose=False)
    except Interrupted as error:
        note("interrupted", step=trainer.global_step)
        raise Interrupted(f"{error}; continue with: scansion train resume={run.folder}", error.signal) from None
    except SystemExit:  # what Lightning makes of Ctrl-C before the first step, and of a second one
        note("interrupted", step=trainer.global_step)
        go_on = f"; continue with: scansion train resume={run.folder}" if run.last.exists() else ""
        raise Interrupted(f"{stop.TOLD} at once{go_on}", signal.SIGINT) from None
    except Exception as error:
        with suppress(OSError):  # a full disk takes no note either
            note("failed", step=trainer.global_step, error=f"{type(error).__name__}: {error}")
        if told := advice(trainer, run, error):
            raise WorkError(told) from error
        raise
    ended: dict[str, Any] = {"step": trainer.global_step, "seconds": round(time.perf_counter() - started, 1)}
    if coverage := recognizer.data.counts.get("dev_coverage"):  # the figures are of a part
        ended["dev_coverage"] = coverage
    note("pruned" if was_pruned(trainer) else "finished", **ended, **recognizer.system.figures)
    if trainer.is_global_zero:
        run.keep_metadata(**facts(recognizer))


def main() -> None:
    """The verb; or what a process does that another one started for a rank of a run, or for a point of a sweep."""
    from project.build import ranks
    from project.sweeping import points, search_ranges, sweep_run

    ranks.quieten()
    if sys.argv[1:2] == [RANK_OF]:
        sys.exit(guarded(lambda: fit_as_rank(sys.argv[2])))
    if sys.argv[1:2] == [POINT]:
        stop.watch()  # its launcher passes Ctrl-C on
        sys.exit(guarded(lambda: sweep_run.run_point(sys.argv[2], train_one)))

    def verb() -> int:
        sys.argv[1:] = search_ranges.moved([spelled(word) for word in sys.argv[1:]])
        return app.run("train", train, points.Points(train_one))

    sys.exit(guarded(verb))


def spelled(word: str) -> str:
    """A word as Hydra takes it: of `action=fit` it would think that conf/action is meant, which is of prepare.

    >>> spelled("action=calibrate"), spelled("epochs=3")
    ('action.name=calibrate', 'epochs=3')
    """
    return word.replace("action=", "action.name=", 1) if word.startswith("action=") else word


if __name__ == "__main__":
    main()
