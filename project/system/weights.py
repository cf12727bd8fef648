"""Weights from a checkpoint file into a system: tensors and plain data alone, and never half of them in silence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from project.contract import InputError
from project.model.trained import read_checkpoint
from project.system.base import System


def load_weights(system: System, file: Path) -> None:
    """Every weight of a system from a checkpoint; one that does not fit is an error that names it.

    Learned weights of terms are those of a training, not of a recognizer: one that begins anew keeps its own.

    A system that is going to train may lack heads of the one it starts from, or have others: those that its model names
    as replaceable. What that comes to stands in `system.start_notes` and is said when training begins.
    """
    weights, mine = read_checkpoint(file)["state_dict"], system.state_dict()
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
                f"{file}: {name} is {shapes[0]} there and {shapes[1]} here: it does not fit: "
                "give this run the feature and the model of that one"
            )
    kept = {name for name in fitting if not any(_is_of(name, head) for head in heads)}  # heads come whole or not at all
    system.load_state_dict(mine | {name: weights[name] for name in kept})
    system.start_notes = tuple(_note(file, head, mine, weights) for head in sorted(heads))


def _is_of(name: str, head: str) -> bool:
    return name == head or name.startswith(f"{head}.")


def _note(file: Path, head: str, mine: dict[str, Any], weights: dict[str, Any]) -> str:
    """What becomes of a head that is not the same on both sides."""
    here, there = (any(_is_of(name, head) for name in names) for names in (mine, weights))
    if here and there:
        return f"weights  {head} has another shape in {file}: it starts anew"
    return f"weights  {head} is not in {file}: it starts anew" if here else f"weights  {head} of {file} is left out"
