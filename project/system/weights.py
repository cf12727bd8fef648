"""Weights from a checkpoint, or a package, into a system: tensors and plain data alone, never half of them silently."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from project import package
from project.contract import InputError
from project.model.trained import read_checkpoint
from project.system.base import System


def read_weights(file: Path) -> dict[str, Any]:
    """The tensors of a system by their names, from a checkpoint, or from the file of a package that holds no more."""
    if file.name != package.WEIGHTS:
        return dict(read_checkpoint(file)["state_dict"])
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(file)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{file}: not readable as weights ({error}): get the package again") from None


def load_weights(system: System, file: Path, named: str | None = None) -> None:
    """Every weight of a system from a file; one that does not fit is an error that names it.

    `named` is what the user calls the file, if that is not where it lies.

    Learned weights of terms are those of a training, not of a recognizer: one that begins anew keeps its own.

    A system that is going to train may lack heads of the one it starts from, or have others: those that its model names
    as replaceable. What that comes to stands in `system.start_notes` and is said when training begins.
    """
    weights, mine, named = read_weights(file), system.state_dict(), named or str(file)
    if system.optimizer is not None:  # what the terms of another training weighed says nothing of these
        weights = {name: value for name, value in weights.items() if not name.startswith("weighting.")}
        weights |= {name: value for name, value in mine.items() if name.startswith("weighting.")}
    fitting = {name for name in mine.keys() & weights.keys() if mine[name].shape == weights[name].shape}
    others = (mine.keys() | weights.keys()) - fitting
    heads = {head for head in system.replaceable if any(_is_of(name, head) for name in others)}
    for name in sorted(others):
        if system.optimizer is None or not any(_is_of(name, head) for head in heads):
            shapes = [tuple(state[name].shape) if name in state else "absent" for state in (weights, mine)]
            raise InputError(
                f"{named}: {name} is {shapes[0]} there and {shapes[1]} here: it does not fit: "
                "give this run the feature and the model of that one"
            )
    kept = {name for name in fitting if not any(_is_of(name, head) for head in heads)}  # heads come whole or not at all
    system.load_state_dict(mine | {name: weights[name] for name in kept})
    system.start_notes = tuple(_note(named, head, mine, weights) for head in sorted(heads))


def _is_of(name: str, head: str) -> bool:
    return name == head or name.startswith(f"{head}.")


def _note(named: str, head: str, mine: dict[str, Any], weights: dict[str, Any]) -> str:
    """What becomes of a head that is not the same on both sides."""
    here, there = (any(_is_of(name, head) for name in names) for names in (mine, weights))
    if here and there:
        return f"weights  {head} has another shape in {named}: it starts anew"
    return f"weights  {head} is not in {named}: it starts anew" if here else f"weights  {head} of {named} is left out"
