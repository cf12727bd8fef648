"""Weights from a checkpoint file into a system: tensors and plain data alone, and never half of them."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch

from project.contract import InputError
from project.system.base import System


def read_checkpoint(file: Path) -> dict[str, Any]:
    """A checkpoint's content. A file that holds code, or is cut short, is refused."""
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise InputError(f"{file}: no such checkpoint: train the run until it has one") from error
    except (RuntimeError, pickle.UnpicklingError, EOFError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{file}: not a readable checkpoint ({reason}): restore it, or train again") from error
    if not isinstance(content, dict) or "state_dict" not in content:
        raise InputError(f"{file}: not a checkpoint of a run, it holds no state_dict: name another")
    return content


def load_weights(system: System, file: Path) -> None:
    """Every weight of a system from a checkpoint; one that does not fit is an error that names it."""
    weights = read_checkpoint(file)["state_dict"]
    mine = system.state_dict()
    for name in sorted(mine.keys() | weights.keys()):
        if name not in mine or name not in weights or mine[name].shape != weights[name].shape:
            shapes = [tuple(state[name].shape) if name in state else "absent" for state in (weights, mine)]
            raise InputError(f"{file}: {name} is {shapes[0]} there and {shapes[1]} here: it does not fit this model")
    system.load_state_dict(weights)
