"""How much of a pretrained encoder learns, and how fast: all, its upper layers, or nothing.

An encoder tells its parts from the bottom up: `layers`, the equal blocks that it is stacked of; optionally `features`,
the modules below them that make a first picture of the sound, and `above`, what comes after the last layer. All else
lies below the layers. This module does not know what the parts do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from project.contract import InputError
from project.model.quantize import quantize


@dataclass(frozen=True, slots=True)
class Tuning:
    """What learns of an encoder. What does not learn does not drop out either: it says the same at every step."""

    mode: Literal["full", "frozen", "last"] = "full"
    last_layers: int = 0  # with mode=last: so many upper layers, and what comes after them
    layer_decay: float = 1.0  # learning rate of a layer against the one above it
    head_steps: int = 0  # for so many first steps the encoder waits for the head
    freeze_features: bool = False  # the convolutions at the bottom stay as they are, in every mode
    checkpointing: bool = False  # layers are run again for the gradients: less memory, more time
    quantize: Literal["nf4", "int8"] | None = None  # weights of linear layers that do not learn, in 4 or 8 bits

    def __post_init__(self) -> None:
        if (self.mode == "last") != (self.last_layers > 0):
            raise InputError(
                f"model.tuning: mode={self.mode} with last_layers={self.last_layers}: "
                "give mode=last a number of layers above 0, and other modes none"
            )
        if not 0 < self.layer_decay <= 1:
            raise InputError(f"model.tuning.layer_decay is {self.layer_decay}: give a part above 0, at most 1")
        if self.head_steps < 0:
            raise InputError(f"model.tuning.head_steps is {self.head_steps}: give 0 or more")


def apply(tuning: Tuning, backbone: nn.Module) -> None:
    """Decide which of an encoder's weights learn, and let its layers be run again for the gradients if asked for."""
    layers = parts(backbone, "layers")
    if tuning.last_layers > len(layers):
        raise InputError(f"model.tuning.last_layers is {tuning.last_layers}: the backbone has {len(layers)} layers")
    backbone.requires_grad_(tuning.mode == "full")
    if tuning.mode == "last":
        for part in (*layers[-tuning.last_layers :], *parts(backbone, "above")):
            part.requires_grad_(True)
    if tuning.freeze_features:
        for part in parts(backbone, "features"):
            part.requires_grad_(False)
    if tuning.checkpointing:
        for part in (*parts(backbone, "features"), *layers):
            part.forward = partial(_again, part.forward)
    if tuning.quantize:
        quantize(backbone, tuning.quantize)


def rest(backbone: nn.Module) -> None:
    """Put what does not learn into evaluation: no dropout, no running statistics.

    A layer is all one: where a part of it learns, or an adapter in it, the whole layer is in training.
    """
    whole = {id(part) for name in ("layers", "features", "above") for part in parts(backbone, name)}
    _rest(backbone, whole)


def _rest(module: nn.Module, whole: set[int]) -> None:
    weights = list(module.parameters())
    if weights and not any(weight.requires_grad for weight in weights):
        module.eval()
    elif id(module) not in whole:
        for child in module.children():
            _rest(child, whole)


def rates(tuning: Tuning, model: nn.Module, backbone: nn.Module) -> Callable[[str], float]:
    """Name of a parameter of the model -> factor of its learning rate.

    What is outside the backbone learns at the full rate, the uppermost layer a decay slower, and so on downwards; what
    lies below the layers is the slowest. Names of adapters count with the layer that they were put into.
    """
    names = {id(module): name for name, module in model.named_modules()}
    layers = parts(backbone, "layers")
    depths = {f"{names[id(part)]}.": len(layers) - index for index, part in enumerate(layers)}
    depths |= {f"{names[id(part)]}.": 1 for part in parts(backbone, "above")}
    return partial(_rate, tuning.layer_decay, depths, f"{names[id(backbone)]}.", len(layers) + 1)


def _rate(decay: float, depths: dict[str, int], inside: str, bottom: int, name: str) -> float:
    if not name.startswith(inside):
        return 1.0
    depth = next((depth for prefix, depth in depths.items() if name.startswith(prefix)), bottom)
    return float(decay**depth)


def parts(backbone: nn.Module, name: str) -> Sequence[nn.Module]:
    """The modules that a backbone tells under a name; none where it tells nothing."""
    return tuple(getattr(backbone, name, ()))


def _again(forward: Callable[..., Any], *inputs: Any, **named: Any) -> Any:
    """What a module gives; while it learns, what is inside it is made again for the gradients, instead of kept.

    Not the re-entrant kind: that one gives no gradients at all where what goes in needs none, as above frozen layers.
    """
    module: nn.Module = forward.__self__  # type: ignore[attr-defined]
    if module.training and torch.is_grad_enabled():
        return checkpoint(forward, *inputs, use_reentrant=False, **named)
    return forward(*inputs, **named)
