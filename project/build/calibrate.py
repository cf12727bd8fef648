"""scansion train action=calibrate: how many examples of which length a batch may hold on this device.

As NeMo's OOMptimizer does: lengths are put into buckets, and for each the largest batch that fits is searched for by
real steps, with the run's own model, loss, optimizer, precision and accumulation, on real examples. What is found is
written as a configuration. It does not train: no weight changes, no run is made.
"""

from __future__ import annotations

import functools
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from project import atomic
from project.build.budget_file import GB, PREFERRED, Found, as_yaml, commands, line, most_of, table
from project.build.naming import named
from project.contract import Config, InputError

if TYPE_CHECKING:
    from lightning.pytorch import Trainer
    from lightning.pytorch.callbacks import Callback

    from project.build.assemble import Recognizer
    from project.calibration.bucket import Bucket
    from project.calibration.gauge import Gauge
    from project.calibration.trial import Trials
    from project.contract import Batch

MOST_REHEARSALS = 4
SHARE_OF_FREE = 0.5  # of a machine's free memory, that a process may take where nothing else is said
UNTIMED = {"profiler": {"_target_": "project.callbacks.untimed.Untimed"}}
QUIET = {"enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False}
ALONE = {"devices": 1, "num_nodes": 1, "strategy": "auto", "max_epochs": 1, "max_steps": -1}
NO_VALIDATION = {"limit_val_batches": 0, "num_sanity_val_steps": 0, "overfit_batches": 0.0}


def calibrate(config: Config, words: list[str]) -> int:
    """Measure, print a table, write the budgets; the file is the last line on standard output."""
    import torch
    from rich.console import Console

    wanted = config["calibrate"]
    if wanted["prefer"] not in PREFERRED:
        raise InputError(f"calibrate.prefer={wanted['prefer']}: choose from {', '.join(PREFERRED)}")
    if config["resume"]:
        raise InputError("action=calibrate: a resumed run keeps its batches: calibrate before a run begins")
    _, config = named(config, words)
    recognizer = _built(config)
    gauge = _gauge(config, recognizer)
    found = Calibration(config, recognizer, gauge).found()
    file = Path(wanted["out"] or Path(config["runs"]) / config["family"] / f"{config['name']}.budgets.yaml")
    device = "cpu" if gauge.is_final else torch.cuda.get_device_name()
    console = Console(stderr=True)
    console.print(
        table(found, f"what fits in {gauge.limit / GB:.2f} GB on {device}, at most {most_of(config)} examples")
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    atomic.write(file, as_yaml(config, found, words, {"device": device, "limit_gb": round(gauge.limit / GB, 3)}))
    for told in commands(config, found, file, words):
        console.print(told, soft_wrap=True, markup=False, highlight=False)
    print(file)
    return 0


def _built(config: Config) -> Recognizer:
    """The experiment's parts, as a run of it begins with them; only the learning rate is 0."""
    from project.build import assemble
    from project.build.teacher import restore_teacher

    eager = config | {"compile": False, "on_out_of_memory": "stop"}
    assemble.check_experiment(eager)
    teacher = restore_teacher(eager)
    assemble.settle(eager)
    recognizer = assemble.build_recognizer(eager, training=True, teacher=teacher)
    if not recognizer.steps:
        raise InputError("action=calibrate: this model has no weights to train: any batch fits that can be scored")
    recognizer.system.schedule = _rest
    recognizer.system.start_notes = ()
    return recognizer


def _rest(_step: int) -> float:
    return 0.0


def _gauge(config: Config, recognizer: Recognizer) -> Gauge:
    import torch

    from project.build.strategy import is_on_cpu, ranks_of, trainer_of
    from project.calibration.gauge import DeviceGauge, ProcessGauge, resident
    from project.launcher.machine import free_memory
    from project.system.size import parameter_counts

    wanted, node = config["calibrate"], trainer_of(config)
    left = 1 - wanted["margin"]
    if not is_on_cpu(node):
        _, trained = parameter_counts(recognizer.system)
        buckets = 4 * trained if ranks_of(node) > 1 else 0  # DDP keeps gradients a second time to exchange them
        return DeviceGauge(torch.device("cuda", torch.cuda.current_device()), wanted["margin"], buckets)
    free = free_memory()
    if free is None:
        raise InputError("action=calibrate: on a processor memory can be measured under Linux alone: use a GPU")
    most = resident() + SHARE_OF_FREE * free if wanted["memory_gb"] is None else wanted["memory_gb"] * GB
    if left * most <= resident():
        raise InputError(f"calibrate.memory_gb={wanted['memory_gb']:g}: the model alone takes {resident() / GB:.2f} GB")
    return ProcessGauge(int(left * most))


@dataclass(frozen=True, slots=True)
class Tried:
    """A bucket, what was measured in it, and what makes a batch of so many of its examples."""

    bucket: Bucket
    trials: Trials
    batch: Callable[[int, int], Batch]  # of how many examples, and of which variant: 0 is the worst, others are shorter


class Calibration:
    """What fits in each bucket: from the longest on, as what fits there fits in all others; and all of them in turn."""

    def __init__(self, config: Config, recognizer: Recognizer, gauge: Gauge) -> None:
        self._config = config
        self._recognizer = recognizer
        self._gauge = gauge
        self._trainers = _trainers(config)
        self._most = min(most_of(config), len(recognizer.data.training.lengths))

    def found(self) -> list[Found]:
        """By rising length."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        from project.calibration.bucket import buckets_of

        buckets = buckets_of(self._recognizer.data.training.lengths, self._config["calibrate"]["buckets"])
        console = Console(stderr=True)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[now]}"),
        )
        tried: list[Tried] = []
        found: list[Found] = []
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
            bar = progress.add_task("calibrating", total=len(buckets) + 1, now="")
            for bucket in reversed(buckets):
                tried.insert(0, self._begin(bucket))
                tell = functools.partial(_tell, progress, bar, bucket)
                found.insert(0, self._largest(tried[0], found[0] if found else None, tell))
                progress.advance(bar)
                if not console.is_terminal:
                    print(line(found[0]), file=sys.stderr, flush=True)
            progress.update(bar, now="all of them in turn")
            return self._together(tried, found)

    def _begin(self, bucket: Bucket) -> Tried:
        from project.calibration.bucket import batch_of
        from project.calibration.trial import Trials
        from project.system.out_of_memory import is_out_of_memory

        worst, others, collate = _samples(self._recognizer, bucket)
        seconds = self._config["calibrate"]["seconds"]
        trials = Trials(self._recognizer.system, self._trainers, self._gauge, seconds, is_out_of_memory)

        def batch(size: int, variant: int) -> Batch:
            return batch_of(others[variant % len(others) :] if variant else worst, size, collate)

        return Tried(bucket, trials, batch)

    def _largest(self, tried: Tried, longer: Found | None, tell: Callable[[int], None]) -> Found:
        from project.calibration.largest import largest

        def fits(size: int) -> bool:
            tell(size)
            return tried.trials.fits(size, lambda: tried.batch(size, 0))

        size = largest(fits, longer.largest.size if longer else 1, self._most)
        bucket = tried.bucket
        if size == 0 and longer is None:
            raise InputError(_nothing_fits(self._config, bucket, tried.trials))
        if longer is not None and size < longer.largest.size:  # by a hair, or by the clock: what fits there fits here
            return Found(bucket.length, len(bucket.rows), longer.largest, longer.fastest)
        return Found(bucket.length, len(bucket.rows), tried.trials.made[size], tried.trials.fastest(size))

    def _together(self, tried: Sequence[Tried], found: list[Found]) -> list[Found]:
        """The same, made smaller by as much as training on all of them in turn takes more than one alone."""
        from project.calibration.bucket import VARIANTS

        trials, base = tried[-1].trials, self._gauge.base
        for _ in range(MOST_REHEARSALS):
            pairs = list(zip(tried, found, strict=True))
            sized = [functools.partial(one.batch, what.largest.size) for one, what in pairs]
            mixed = [*sized[::-2], *sized[-2::-2]]
            peak = trials.rehearse([functools.partial(one, variant) for variant in range(VARIANTS) for one in mixed])
            if peak <= self._gauge.limit:
                break
            part = min(0.97, max(0.5, (self._gauge.limit - base) / (peak - base)))
            print(f"in turn they take {peak / GB:.2f} GB: {part:.0%} of each", file=sys.stderr, flush=True)
            found = [self._smaller(one, max(1, int(what.largest.size * part))) for one, what in pairs]
        return found

    def _smaller(self, tried: Tried, size: int) -> Found:
        tried.trials.fits(size, lambda: tried.batch(size, 0))
        made, bucket = tried.trials.made, tried.bucket
        reached = max(known for known in made if known <= max(size, min(made)))  # a size may not be worth another try
        return Found(bucket.length, len(bucket.rows), made[reached], tried.trials.fastest(reached))


def _tell(progress: Any, bar: Any, bucket: Bucket, size: int) -> None:
    progress.update(bar, now=f"{size} examples of up to {bucket.length:g}")


def _nothing_fits(config: Config, bucket: Bucket, trials: Trials) -> str:
    one = next(iter(trials.made.values()))
    if one.seconds > config["calibrate"]["seconds"]:
        return (
            f"calibrate.seconds={config['calibrate']['seconds']:g}: a step with one example of {bucket.length:g} takes "
            f"{one.seconds:.1f} s: raise it, or leave long examples out with data.batching.max_length"
        )
    return (
        f"not even one example of {bucket.length:g} fits: {one.peak / GB:.2f} GB of {trials.gauge.limit / GB:.2f}: "
        "leave long examples out with data.batching.max_length, set activation_checkpointing=true, or a smaller model"
    )


def _samples(recognizer: Recognizer, bucket: Bucket) -> tuple[list[Any], list[Any], Callable[..., Any]]:
    """Examples of a bucket as training draws them, of the worst batch and of others, and what makes a batch of them."""
    from project.calibration.bucket import representatives, spread
    from project.data.manifest import Manifest
    from project.data.sampling import Draw

    data = recognizer.data
    training = data.training

    def text_length(row: int) -> int:
        assert isinstance(training, Manifest)
        return len(data.spelling.reference(training[row]))

    rows = representatives(bucket, text_length if isinstance(training, Manifest) else None)
    loader = data.train_dataloader()
    assert loader.collate_fn is not None
    worst = {row: loader.dataset[Draw(row, 0)] for row in rows}
    others = [worst[row] if row in worst else loader.dataset[Draw(row, 0)] for row in spread(bucket)]
    return list(worst.values()), others, loader.collate_fn


def _trainers(config: Config) -> Callable[[list[Callback], int], Trainer]:
    """What makes a trainer like the run's for a few steps on one device, with nothing beside."""
    from project.build.bind import make
    from project.build.strategy import trainer_of

    node = {**UNTIMED, **trainer_of(config), **QUIET, **ALONE, **NO_VALIDATION}
    node["accumulate_grad_batches"] = min(2, node.get("accumulate_grad_batches", 1))  # gradients beside activations

    def trainer(callbacks: list[Callback], steps: int) -> Trainer:
        batches = steps * node["accumulate_grad_batches"]
        few = node | {"limit_train_batches": batches}
        return make(  # type: ignore[no-any-return]
            few, "trainer", callbacks=callbacks, logger=False, default_root_dir=tempfile.gettempdir()
        )

    return trainer
