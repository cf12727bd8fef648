"""The repeated blocks that a model is stacked of: compiled, run again for gradients, or shared out over devices.

It does not know what a block does, nor which models there are: blocks are the members of a model's lists of modules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from project.model.padded import MaskedBatchNorm1d, Unrecalled

_COMPILED_FOR = 4  # one shape or any, learning or not


def repeated(model: nn.Module) -> list[nn.Module]:
    """Members of a model's outermost lists of modules, each once; lists of single layers count as part of a block.

    >>> block = lambda: nn.Sequential(nn.Linear(1, 1), nn.ReLU())
    >>> len(repeated(nn.ModuleDict({"layers": nn.ModuleList([block(), block()]), "head": nn.Linear(1, 1)})))
    2
    """
    return list({id(block): block for block in _below(model)}.values())


def _below(module: nn.Module) -> Iterator[nn.Module]:
    members = list(module.children())
    if isinstance(module, nn.ModuleList) and members and all(any(True for _ in one.children()) for one in members):
        yield from members
        return
    for member in members:
        yield from _below(member)


def run_again(model: nn.Module) -> int:
    """Let each block be run again for the gradients, instead of keeping what is inside it; how many blocks there are.

    Not the re-entrant kind: that one gives no gradients at all where what goes in needs none, as above frozen layers.
    """
    blocks = repeated(model)
    for block in blocks:
        block.forward = partial(_again, block, block.forward)
    return len(blocks)


def _again(block: nn.Module, forward: Callable[..., Any], *inputs: Any, **named: Any) -> Any:
    if not (block.training and torch.is_grad_enabled()):
        return forward(*inputs, **named)
    if any(isinstance(one, MaskedBatchNorm1d | _BatchNorm) for one in block.modules()):
        named["context_fn"] = lambda: (nullcontext(), Uncounted(block))
    return checkpoint(forward, *inputs, use_reentrant=False, **named)


class Uncounted(Unrecalled):
    """While a block is run once more on what it has seen, no norm in it counts the batch twice: ours, or torch's."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__(block)
        self._momenta = [(one, one.momentum) for one in block.modules() if isinstance(one, _BatchNorm)]

    def __enter__(self) -> None:
        super().__enter__()
        for norm, _ in self._momenta:
            norm.momentum = 0.0

    def __exit__(self, *error: object) -> None:
        for norm, momentum in self._momenta:
            norm.momentum = momentum
        super().__exit__(*error)


def compiled(model: nn.Module) -> int:
    """Compile a model's blocks where they stand, or a model without blocks as a whole; how many parts that are.

    Alike blocks share what is compiled: once for the first shape, once for any shape, and both in evaluation. Names of
    weights stay, so that checkpoints fit with and without.
    """
    parts = repeated(model) or [model]
    settings: Any = torch._dynamo.config
    # blocks that are not alike, as dilations are not, are compiled one by one; torch would stop after eight times
    settings.recompile_limit = max(settings.recompile_limit, _COMPILED_FOR * len(parts))
    for part in parts:
        part.compile()
    return len(parts)
