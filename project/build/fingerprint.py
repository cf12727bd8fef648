"""Names for weights: the same for the same numbers, wherever they came from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

UNADAPTED = "without adapter "  # what the name of weights begins with that an adapter is left out of
_ADDED = "lora_"  # in names of weights that an adapter adds
_BELOW = "base_layer."  # in names of those that it is put beside


def fingerprint(model: nn.Module) -> str:
    """Of a model's weights without those of adapters: the same whichever adapter is put beside them."""
    state = model.state_dict()
    kept = {name.replace(_BELOW, ""): state[name] for name in state if _ADDED not in name}
    return f"{UNADAPTED}{hash_weights({name: kept[name] for name in sorted(kept)})}"


def hash_weights(state: Mapping[str, Any]) -> str:
    """16 hexadecimal digits of all weights of a module, by its `state_dict`."""
    digest = hashlib.sha256()
    for name, value in state.items():
        if not isinstance(value, torch.Tensor):
            digest.update(f"{name}={value!r};".encode())
            continue
        digest.update(f"{name}:{value.dtype}:{tuple(value.shape)};".encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()[:16]
