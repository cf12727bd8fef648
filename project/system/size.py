"""How large a model is."""

from __future__ import annotations

import torch
from torch import Tensor


def parameter_counts(module: torch.nn.Module) -> tuple[int, int]:
    """All parameters, and those that train."""
    sizes: list[tuple[int, bool]] = [(p.numel(), p.requires_grad) for p in module.parameters()]
    return sum(size for size, _ in sizes), sum(size for size, trained in sizes if trained)


def megabytes(module: torch.nn.Module) -> float:
    """Size of parameters and buffers as they stand in memory."""
    tensors: list[Tensor] = [*module.parameters(), *module.buffers()]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors) / 1e6
