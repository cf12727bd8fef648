"""Weights of a model that a run has trained, taken into a model that is like it, or its backbone alone.

It reads a run's folder as it lies on disk and knows nothing of how runs are made.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from project.contract import InputError
from project.text.alphabet import Alphabet

_MODEL = "model."  # where a system keeps its model


def take_weights(model: nn.Module, folder: str, key: str, alphabet: Alphabet | None = None) -> None:
    """Every weight of a model from the best checkpoint of a run, which must write the same alphabet.

    `key` is where the folder was named, for errors.
    """
    symbols = Path(folder) / "alphabet.json"
    if alphabet is not None and symbols.is_file() and Alphabet.load(symbols).hash != alphabet.hash:
        raise InputError(f"{key}={folder}: it writes another alphabet: name a run with the symbols of this one")
    theirs, mine = model_weights(folder, key), model.state_dict()
    for name in sorted(theirs.keys() | mine.keys()):
        shapes = [tuple(state[name].shape) if name in state else "absent" for state in (theirs, mine)]
        if shapes[0] != shapes[1]:
            raise InputError(
                f"{key}={folder}: {name} is {shapes[0]} there and {shapes[1]} here: give this the model of that run"
            )
    model.load_state_dict(theirs)


def model_weights(folder: str, key: str) -> dict[str, Tensor]:
    """The tensors of a run's model, by their names in it."""
    file = Path(folder) / "checkpoints" / "best.ckpt"
    if not file.exists():
        raise InputError(f"{key}={folder}: it holds no checkpoints/best.ckpt: name the folder of a trained run")
    content = read_checkpoint(file)
    state = content["state_dict"]
    return {name.removeprefix(_MODEL): value for name, value in state.items() if name.startswith(_MODEL)}


def read_checkpoint(file: Path) -> dict[str, Any]:
    """A checkpoint's content. A file that holds code, or is cut short, is refused."""
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise InputError(f"{file}: no such checkpoint: train the run until it has one") from error
    except pickle.UnpicklingError as error:  # torch's own words advise to run what it holds
        raise InputError(
            f"{file}: not a readable checkpoint (it is damaged, or holds more than numbers): restore it, or train again"
        ) from error
    except (RuntimeError, EOFError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{file}: not a readable checkpoint ({reason}): restore it, or train again") from error
    if not isinstance(content, dict) or "state_dict" not in content:
        raise InputError(f"{file}: not a checkpoint of a run, it holds no state_dict: name another")
    return content


def backbone_of(
    source: str | None, part: str = "model.backbone.", key: str = "model.backbone"
) -> tuple[Mapping[str, Any], dict[str, Tensor]]:
    """What a run's folder holds of its model's backbone: the architecture, and the weights of the best checkpoint.

    `part` is where such weights lie in a checkpoint, `key` where the run was named, for errors.
    """
    if not source:
        raise InputError(f"{key}.source names nothing, and init is local: name the folder of a run")
    folder = Path(source)
    described, saved = folder / "architecture.json", folder / "checkpoints" / "best.ckpt"
    for file in (described, saved):
        if not file.is_file():
            raise InputError(
                f"{key}.source {source}: it holds no {file.relative_to(folder)}: name the folder of a "
                "finished run whose model has a backbone"
            )
    try:
        architecture = json.loads(described.read_text(encoding="utf-8"))
    except ValueError as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{key}.source {source}: it cannot be read ({reason}): restore it or train again") from error
    weights = read_checkpoint(saved)["state_dict"]
    mine = {name.removeprefix(part): value for name, value in weights.items() if name.startswith(part)}
    if not mine or not isinstance(architecture, dict):
        raise InputError(f"{saved}: it holds no weights of {part.rstrip('.')}: name a run whose model has them")
    return architecture, mine
