"""From a run's folder, or a package, back to its recognizer, for the verbs that use what was trained.

Nothing is composed anew: the run's own configuration says all, and what may change in it is said here.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from project.build.assemble import Recognizer, build_recognizer, check_experiment, settle
from project.build.bind import make
from project.build.strategy import precision_named
from project.contract import Config, InputError
from project.part import Adapted
from project.run import Run

if TYPE_CHECKING:
    from project.system.base import System


def changed(
    own: Config, *, decode: Config | None = None, precision: str | None = None, threads: int = 1, workers: int = 0
) -> Config:
    """A run's own configuration with what may differ when it is used; None leaves what the run has."""
    trainer = own["trainer"] | ({"precision": precision_named(precision)} if precision else {})
    return own | {
        "decode": decode or own["decode"],
        "trainer": trainer,
        "data": own["data"] | {"workers": workers},
        "threads": threads,
    }


def open_alike(key: str, config: Config) -> Run:
    """The run, or package, that a key names; on other features its weights would be worth nothing."""
    run = Run.open(str(config[key]))
    theirs, ours = (make(one["feature"], "feature").settings for one in (run.config(), config))
    differing = sorted(name for name in theirs.keys() | ours.keys() if theirs.get(name) != ours.get(name))
    if differing:
        given = " ".join(f"feature.{name}={json.dumps(theirs.get(name))}" for name in differing)
        raise InputError(f"{key}={config[key]}: was trained on other features: set {given}")
    then, now = heard(run), ours.get("feature")
    if then not in (None, now):
        raise InputError(f"{key}={config[key]}: was trained on {then}, which is {now} now: train it again")
    return run


def heard(run: Run) -> str | None:
    """The feature that a finished run was trained on, with its version then; None where nothing says it."""
    name = run.metadata().get("feature", {}).get("feature")
    return None if name is None else str(name)


def checkpoint_file(run: Run, checkpoint: str) -> Path:
    """The file of a run's best or last checkpoint."""
    file = {"best": run.best, "last": run.last}.get(checkpoint)
    if file is None:
        raise InputError(f"checkpoint={checkpoint}: no such checkpoint: choose best or last")
    if run.is_package and checkpoint != "best":
        raise InputError(f"checkpoint={checkpoint}: a package holds the weights it was made of alone: leave it out")
    if not file.exists():
        raise InputError(f"{run.folder}: it has no {checkpoint} checkpoint yet: train it first")
    return file


def hash_checkpoint(run: Run, checkpoint: str = "best") -> str:
    """16 hexadecimal digits of a checkpoint's file: a Report that holds others was made before it changed."""
    with checkpoint_file(run, checkpoint).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]


def restore(run: Run, config: Config, checkpoint: str = "best") -> Recognizer:
    """The recognizer that a run's (changed) configuration describes, with the weights of its checkpoint.

    Its alphabet must be the one that it was trained with. Says so where its feature is no longer what it was.
    """
    file = checkpoint_file(run, checkpoint)
    check_experiment(config)
    settle(config)
    recognizer = build_recognizer(config, training=False, run=run)
    trained_with = type(recognizer.spelling.alphabet).load(run.alphabet_file)
    if trained_with.hash != recognizer.spelling.alphabet.hash:
        raise InputError(f"{run.alphabet_file}: differs from the alphabet in config.yaml: restore the run's folder")
    then, now = heard(run), recognizer.feature.settings.get("feature")
    if then not in (None, now):
        print(f"feature  {run.folder} was trained on {then}, and hears {now}: train again to compare", file=sys.stderr)
    fill(recognizer.system, file, packed=run.is_package)
    recognizer.system.eval()
    if config.get("adapter_off"):
        switch_off(recognizer)
    return recognizer


def fill(system: System, file: Path, *, packed: bool) -> None:
    """Every weight from a checkpoint, or from a package: then from a file that can hold nothing but numbers."""
    from project.system.weights import load_weights, read_weights

    if not packed:
        load_weights(system, file)
        return
    weights = read_weights(file)
    mine = system.state_dict()
    for name in sorted(mine.keys() | weights.keys()):
        shapes = [tuple(state[name].shape) if name in state else "absent" for state in (weights, mine)]
        if shapes[0] != shapes[1]:
            raise InputError(f"{file}: {name} is {shapes[0]} there and {shapes[1]} here: get the package again")
    system.load_state_dict(weights)


def switch_off(recognizer: Recognizer) -> None:
    """Leave the model as it is without its adapter, from now on."""
    from project.adapter.lora import layers_of

    layers = layers_of(recognizer.system.model) if isinstance(recognizer.system.model, Adapted) else []
    if not layers:
        raise InputError("adapters=disabled: this run has no adapter: leave it out; compare with the run it began with")
    for layer in layers:
        layer.enable_adapters(False)
