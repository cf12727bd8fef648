"""Frozen layers kept in few bits: 4 (nf4) or 8 for each weight instead of 32, by bitsandbytes, which is an extra.

What does not learn can be coarse; an adapter or a head beside it learns in full precision. Convolutions, norms and
embeddings stay as they are. It saves memory; whether it saves time is up to the machine.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import nn

from project.contract import InputError

Bits = Literal["nf4", "int8"]

_FEWEST = 4096  # weights of a layer: below, nothing is gained


def quantize(module: nn.Module, bits: Bits) -> int:
    """Replace every linear layer below a module that does not learn and is not tiny, in place; how many there were.

    The new ones have the old weights, coarser, and a state dict of their own, which fits a module quantized alike.
    """
    library = _library(bits)
    places = [
        (parent, name, child)
        for parent in module.modules()
        for name, child in parent.named_children()
        if type(child) is nn.Linear and child.weight.numel() >= _FEWEST and not is_learning(child)
    ]
    if not places:
        raise InputError(
            f"quantize={bits}: no large linear layer is frozen, and what learns needs its precision: freeze some"
        )
    for parent, name, child in places:
        parent.register_module(name, _nf4(library, child) if bits == "nf4" else _int8(library, child))
    return len(places)


def is_learning(module: nn.Module) -> bool:
    """Whether any of its weights learns."""
    return any(weight.requires_grad for weight in module.parameters())


def _library(bits: Bits) -> Any:
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it tells of every layer at every step what it casts
    try:
        import bitsandbytes
    except ImportError as error:
        raise InputError(
            f"quantize={bits} needs the package bitsandbytes: pip install 'scansion[quantized]', or set it to null"
        ) from error
    return bitsandbytes


def _nf4(library: Any, layer: nn.Linear) -> nn.Module:
    has_bias = layer.bias is not None
    made = library.nn.Linear4bit(
        layer.in_features, layer.out_features, has_bias, compress_statistics=False, quant_type="nf4"
    )
    # On some processors it would otherwise be packed anew, coarser still, when it is first heard in evaluation: what a
    # model says would depend on what was done with it before.
    made.support_avx512bf16_for_cpu = False
    made.register_load_state_dict_pre_hook(_take_nf4)
    return _filled(made, layer)


def _int8(library: Any, layer: nn.Linear) -> nn.Module:
    has_bias = layer.bias is not None
    made = library.nn.Linear8bitLt(layer.in_features, layer.out_features, has_bias, has_fp16_weights=False)
    made.register_load_state_dict_pre_hook(_take_int8)
    return _filled(made, layer)


def _filled(made: nn.Module, layer: nn.Linear) -> nn.Module:
    """With the weights of the layer, which become coarse when they are put onto its device."""
    made.load_state_dict(layer.state_dict())
    made.requires_grad_(False)
    made.train(layer.training)
    return made.to(layer.weight.device)


def _take_nf4(module: Any, state: dict[str, Any], prefix: str, *_: Any) -> None:
    """Put weights together with what they are counted in, which the library's own loading takes for unknown keys."""
    name = f"{prefix}weight"
    counted: Mapping[str, Any] = {key: state[key] for key in list(state) if key.startswith(f"{name}.")}
    if not counted or state[name].dtype != torch.uint8:
        return
    module.weight = type(module.weight).from_prequantized(
        state[name].clone(), dict(counted), device=module.weight.device, module=module
    )
    for key in counted:
        del state[key]


def _take_int8(module: Any, state: dict[str, Any], prefix: str, *_: Any) -> None:
    """The same: the library's own loading fails in a layer that was heard once."""
    counted = state.pop(f"{prefix}SCB", None)
    if counted is None:
        return
    device = module.weight.device
    weight = state[f"{prefix}weight"].to(device, copy=True)
    module.weight = type(module.weight)(
        weight, requires_grad=False, has_fp16_weights=False, CB=weight, SCB=counted.to(device, copy=True)
    )
    module.state.CB = module.state.SCB = None
