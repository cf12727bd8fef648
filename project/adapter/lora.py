"""LoRA: beside frozen layers, products of two thin matrices that learn; by the peft library.

It is put into a model that is built and has no trained weights of its own yet. It knows layers by the names that
encoders give to them, and nothing of what they do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import MethodType
from typing import Any, final

import torch
from torch import nn

from project.adapter.frozen import bodies_of
from project.adapter.target import Preset, linears, targeted
from project.contract import InputError

NAME = "lora"
_QUANTIZED = {"is_loaded_in_4bit": "Linear4bit", "is_loaded_in_8bit": "Linear8bitLt"}  # as peft asks: as it is built


@final
class LoRA:
    """Changes a model in place: its backbone freezes, the adapter and what stands outside the backbone learn.

    A fresh adapter changes nothing that the model says. `alpha` / `rank` multiplies what it adds, `alpha` over the
    root of `rank` with `rslora`. `dora` learns the length of each row of a weight by itself. `targets` are projections
    of attention by preset, `all` of them and the feed-forward layers, those of a decoder's attention to itself, all
    linear layers, or the ends of layers' names.

    A model tells where adapters go as `bodies`; else it is its `backbone`, or the whole where it has none.
    """

    def __init__(
        self,
        rank: int = 8,
        alpha: float = 16.0,
        dropout: float = 0.0,
        targets: Preset | Sequence[str] = "qv",
        dora: bool = False,
        rslora: bool = False,
    ) -> None:
        if rank < 1:
            raise InputError(f"adapter.rank is {rank}: give 1 or more")
        if not 0 <= dropout < 1:
            raise InputError(f"adapter.dropout is {dropout}: give a part from 0 to below 1")
        self.rank, self.alpha, self.dropout, self.targets = rank, alpha, dropout, targets
        self.dora, self.rslora = dora, rslora

    def __call__(self, model: nn.Module) -> None:
        """Freeze and put in."""
        bodies = bodies_of(model)
        names = [targeted(body, self.targets) for body in bodies]
        asked: Sequence[Preset | Sequence[str]] = (
            [self.targets] if isinstance(self.targets, str) else [[one] for one in self.targets]
        )
        for one in asked or [self.targets]:
            if not any(targeted(body, one) for body in bodies):
                known = sorted({name.rpartition(".")[2] for body in bodies for name, _ in linears(body)})
                raise InputError(f"adapter.targets={one}: no layer is called so: name some of {', '.join(known)}")
        for body, targets in zip(bodies, names, strict=True):
            body.requires_grad_(False)
            if targets:
                self._put_into(body, targets)
        model.adapter_state = MethodType(adapter_state, model)  # type: ignore[assignment]
        model.train(model.training)  # a model may keep what does not learn in evaluation, and more of it learns now

    def _put_into(self, body: nn.Module, targets: Sequence[str]) -> None:
        from peft import LoraConfig, inject_adapter_in_model

        config = LoraConfig(
            r=self.rank,
            lora_alpha=self.alpha,  # type: ignore[arg-type]  # it is divided alone
            lora_dropout=self.dropout,
            target_modules="|".join(map(re.escape, targets)),
            use_dora=self.dora,
            use_rslora=self.rslora,
        )
        kinds = {type(module).__name__ for module in body.modules()}
        for flag, kind in _QUANTIZED.items():
            if kind in kinds:
                setattr(body, flag, True)
        inject_adapter_in_model(config, body, NAME)


def adapter_state(model: nn.Module) -> dict[str, dict[str, Any]]:
    """Whether the adapter is on in all of its layers, and the length of all that it changes in their weights."""
    layers = layers_of(model)
    active = all(not layer.disable_adapters and NAME in layer.active_adapters for layer in layers)
    with torch.no_grad():
        square = sum(_square_of_change(layer) for layer in layers)
    return {NAME: {"active": active, "norm": square**0.5}}


def lengths(model: nn.Module) -> dict[str, tuple[float, float]]:
    """By name of a layer: the length of the change that the adapter makes to its weights, and that of the weights."""
    from peft.utils.integrations import dequantize_module_weight

    found, layers = {}, {id(layer) for layer in layers_of(model)}
    with torch.no_grad():
        for name, layer in model.named_modules():
            if id(layer) in layers:
                weight_OI = dequantize_module_weight(layer.get_base_layer())
                found[name] = _square_of_change(layer) ** 0.5, float(weight_OI.double().square().sum()) ** 0.5
    return found


def layers_of(model: nn.Module) -> list[Any]:
    """The layers that an adapter was put beside."""
    from peft.tuners.lora import LoraLayer

    return [module for module in model.modules() if isinstance(module, LoraLayer)]


@contextmanager
def disabled(model: nn.Module) -> Iterator[None]:
    """The model as it is without its adapter."""
    layers = layers_of(model)
    for layer in layers:
        layer.enable_adapters(False)
    try:
        yield
    finally:
        for layer in layers:
            layer.enable_adapters(True)


def merge(model: nn.Module) -> None:
    """Add the adapter to the weights beside it: the same answers without the extra work. Not to be saved so."""
    for layer in layers_of(model):
        layer.merge(safe_merge=True)


def unmerge(model: nn.Module) -> None:
    """Take it out of them again."""
    for layer in layers_of(model):
        layer.unmerge()


def _square_of_change(layer: Any) -> float:
    """Of the numbers that it adds to a layer's weights, the sum of squares."""
    down_RI, up_OR = (getattr(layer, part)[NAME].weight.double() for part in ("lora_A", "lora_B"))
    if layer.use_dora[NAME] and not layer.merged:  # merged, the base is not at hand: its lengths are left out
        return _square_of_dora(layer, layer.scaling[NAME] * (up_OR @ down_RI))
    # |BA|^2 is the sum over (B'B)(AA'), products as small as the rank: weights are not multiplied out.
    product_RR = (up_OR.T @ up_OR) * (down_RI @ down_RI.T)
    square: float = max(0.0, float(product_RR.sum())) * layer.scaling[NAME] ** 2
    return square


def _square_of_dora(layer: Any, added_OI: torch.Tensor) -> float:
    from peft.utils.integrations import dequantize_module_weight

    base_OI = dequantize_module_weight(layer.get_base_layer())
    turned_OI = base_OI + added_OI.to(base_OI.dtype)  # lengths are compared in the precision that they began with
    stretch_O1 = (layer.lora_magnitude_vector[NAME].weight / torch.linalg.norm(turned_OI, dim=1))[:, None]
    return float((turned_OI * stretch_O1 - base_OI).double().square().sum())
