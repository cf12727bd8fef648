"""scansion train: one run of one experiment, new, found again or continued."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from project.build.compose import Config, app, compose, guarded
from project.contract import InputError, Interrupted, WorkError
from project.run import Run, find, flatten, is_below, signature

if TYPE_CHECKING:
    from lightning.pytorch import Trainer

    from project.build.assemble import Recognizer

# What a resumed run may change beside what its signature ignores: how far it goes.
EXTENDABLE = ("trainer.max_epochs", "trainer.max_steps")


def train(config: Config, words: list[str]) -> int:
    """Compose, claim the folder, fit; the run's folder is the last line on standard output."""
    from project.build import ranks

    run, config = _continued(config, words) if config["resume"] else _claimed(config)
    if not ranks.is_first():  # started from outside, by torchrun or SLURM: rank 0 holds the folder
        fit(run, config)
        return 0
    with run.lock():
        state = run.state()["state"]
        if state == "finished" and not config["resume"]:
            print(f"this experiment has run already: {run.folder}", file=sys.stderr)
            print(run.folder)
            return 0
        fit(run, config)
    print(run.folder)
    return 0


def fit(run: Run, config: Config) -> Recognizer:
    """Train into a run's folder, from its last checkpoint if it has one."""
    from project.build import assemble, ranks

    assemble.check_experiment(config)
    assemble.settle(config)
    recognizer = assemble.build_recognizer(config, training=True)
    first, new = ranks.is_first(), not run.last.exists()
    if first and new:
        run.prepare(config, recognizer.spelling.alphabet.to_json())
    if new and config["weights_from"]:
        start_from(recognizer, Run.open(config["weights_from"]))
    if first:
        run.keep_launch(config)
        _introduce(run, recognizer)
    with ranks.started_on(run.folder):
        _fit(run, recognizer, assemble.build_trainer(config, run.folder, run.name))
    return recognizer


def fit_as_rank(folder: str) -> int:
    """What a process does that rank 0 started: the same run, under the configuration that rank 0 wrote down."""
    run = Run.open(folder)
    fit(run, run.launch())
    return 0


def _fit(run: Run, recognizer: Recognizer, trainer: Trainer) -> None:
    started = time.time()
    note = run.note if trainer.is_global_zero else _note_nothing
    checkpoint = str(run.last) if run.last.exists() else None
    note("running", since=round(started))
    try:
        trainer.fit(recognizer.system, datamodule=recognizer.data, ckpt_path=checkpoint, weights_only=True)
    except Interrupted as error:
        note("interrupted", step=trainer.global_step)
        raise Interrupted(f"{error}; continue with: scansion train resume={run.folder}", error.signal) from None
    except Exception as error:
        note("failed", step=trainer.global_step, error=f"{type(error).__name__}: {error}")
        if is_out_of_memory(error):
            raise WorkError(memory_advice(trainer, error)) from error
        raise
    note("finished", step=trainer.global_step, seconds=round(time.time() - started, 1), **recognizer.system.figures)


def _note_nothing(state: str, **facts: object) -> None:
    """Other ranks leave the run's state to the first."""


def _claimed(config: Config) -> tuple[Run, Config]:
    """The run of this experiment: made, or found by its signature."""
    ignored = config["signature_ignores"]
    sign = signature(config, compose("train"), ignored)
    run = find(config["runs"], config["family"], config["name"], sign)
    if run.last.exists() and run.state()["state"] != "finished":
        print(f"continuing {run.folder}: the same experiment was stopped at its last checkpoint", file=sys.stderr)
    return run, config


def _continued(config: Config, words: list[str]) -> tuple[Run, Config]:
    """An existing run with its own configuration, and what may change in it from the command line."""
    run = Run.open(config["resume"])
    if not run.last.exists():
        raise InputError(f"resume={run.folder}: it has no checkpoint yet: start it again without resume=")
    stored = run.config()
    composed = dict(flatten(config))
    for word in words:
        key = word.lstrip("+~").partition("=")[0]
        if key == "resume":
            continue
        if not is_below(key, [*config["signature_ignores"], *EXTENDABLE, "trainer", "logger", "callbacks"]):
            raise InputError(f"{key}: a resumed run stays the same experiment: start a new run to change {key}")
        for name, value in composed.items():
            if is_below(name, [key]):
                _set(stored, name, value)
    return run, stored | {"resume": config["resume"], "threads": config["threads"]}


def _set(config: Config, dotted: str, value: object) -> None:
    *parents, last = dotted.split(".")
    node = config
    for parent in parents:
        node = node.setdefault(parent, {})
    node[last] = value


def start_from(recognizer: Recognizer, source: Run) -> None:
    """Begin with the best weights of another run; what does not fit is an error that names it."""
    import torch

    if not source.best.exists():
        raise InputError(f"weights_from={source.folder}: it has no best checkpoint: let it reach a validation")
    weights = torch.load(source.best, map_location="cpu", weights_only=True)["state_dict"]
    mine = recognizer.system.state_dict()
    odd = [n for n in mine.keys() | weights.keys() if n not in mine or n not in weights or mine[n].shape != weights[n].shape]
    if odd:
        raise InputError(f"weights_from={source.folder}: {sorted(odd)[0]} does not fit this model: use the same model")
    recognizer.system.load_state_dict(weights)


def _introduce(run: Run, recognizer: Recognizer) -> None:
    """One paragraph at the start: what trains, on what, how big, where."""
    from project.system.base import megabytes, parameter_counts

    count, trained = parameter_counts(recognizer.system.model)
    size = megabytes(recognizer.system.model)
    train_manifest, dev_manifest = recognizer.data.manifest("train"), recognizer.data.manifest("dev")
    frozen = "" if trained == count else f", {trained:,} of them training"
    print(f"run      {run.folder}", file=sys.stderr)
    print(f"model    {type(recognizer.system.model).__name__}, {count:,} parameters{frozen}, {size:.2f} MB", file=sys.stderr)
    print(f"data     {len(train_manifest):,} examples to train, {len(dev_manifest):,} to validate", file=sys.stderr)
    print(f"steps    {recognizer.steps:,}", file=sys.stderr)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on a GPU or in the process."""
    words = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in words or "can't allocate memory" in words


def memory_advice(trainer: Trainer, error: BaseException) -> str:
    """The size of the batch that did not fit, and the knob."""
    shape = getattr(trainer.lightning_module, "batch_shape", None)
    size = f"a batch of {shape[0]} x {shape[1]} frames x {shape[2]} features" if shape else "a batch"
    return (
        f"out of memory at step {trainer.global_step} with {size}: lower data.batching.batch_length or "
        f"data.batching.max_batch_size, raise trainer.accumulate_grad_batches to make up ({str(error).splitlines()[0]})"
    )


main = app("train", train)

if __name__ == "__main__":
    if sys.argv[1:2] == ["--rank-of"]:
        sys.exit(guarded(lambda: fit_as_rank(sys.argv[2])))
    main()
