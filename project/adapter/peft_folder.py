"""Writes an adapter as a folder that the peft library loads by itself: `PeftModel.from_pretrained(base, folder)`.

Names in it are those of the library's network that our model holds, so that the base is that network alone, without
what we built around it. Not known: where the base's weights are; the folder says what it is told.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from project import atomic
from project.adapter.frozen import bodies_of, body_names
from project.adapter.lora import NAME, layers_of
from project.contract import InputError

WEIGHTS = "adapter_model.safetensors"


def save(model: nn.Module, folder: Path | str, base: str | None) -> list[Path]:
    """Writes adapter_config.json and adapter_model.safetensors; where it wrote them.

    `base` is what the folder names as the model it belongs to: a name on the hub or a folder. A model of several
    bodies with adapters has a folder for each, below the one given.
    """
    bodies = dict(zip(body_names(model), bodies_of(model), strict=True))
    adapted = {name: body for name, body in bodies.items() if layers_of(body)}
    if not adapted:
        raise InputError(f"{folder}: the model has no adapter to write there: train it with adapter=lora")
    places = {name: Path(folder) / name if len(adapted) > 1 else Path(folder) for name in adapted}
    for name, place in places.items():
        _save(adapted[name], place, base)
    return list(places.values())


def network_name(body: nn.Module) -> str:
    """Below which name of a body the library's network is that holds all of its adapter; "" where none is."""
    from transformers import PreTrainedModel

    layers = {id(layer) for layer in layers_of(body)}
    holding = [
        name
        for name, module in body.named_modules()
        if isinstance(module, PreTrainedModel) and layers <= {id(layer) for layer in layers_of(module)}
    ]
    return min(holding, key=len, default="")


def _save(body: nn.Module, folder: Path, base: str | None) -> None:
    from peft import get_peft_model_state_dict
    from safetensors.torch import save

    root = network_name(body)
    network, layers = body.get_submodule(root), {id(layer) for layer in layers_of(body)}
    names = [name for name, module in network.named_modules() if id(module) in layers]
    settings: Any = body.peft_config[NAME]  # type: ignore[index]  # peft left it there
    weights: dict[str, Tensor] = get_peft_model_state_dict(body, adapter_name=NAME, save_embedding_layers=False)
    start = f"{root}." if root else ""
    named = {
        f"base_model.model.{name.removeprefix(start)}": weight.detach().cpu().contiguous()
        for name, weight in weights.items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    atomic.write(folder / WEIGHTS, save(named, {"format": "pt"}))
    targets = "|".join(map(re.escape, names))
    replace(settings, target_modules=targets, base_model_name_or_path=base, inference_mode=True).save_pretrained(folder)
