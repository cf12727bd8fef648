"""Which parameters an optimizer treats alike: by what they are, and by what their model asks for.

A model may say `rate_of(name)`, the factor of a parameter's learning rate (layer by layer less, towards the signal),
and `head_steps`, for how many first steps nothing below `backbone.` learns, until the new head has found its feet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import nn

from project.contract import InputError


def grouped(
    trained: Sequence[tuple[str, nn.Parameter]], model: nn.Module, options: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Groups of a system's parameters: inner matrices, other weights, and vectors, which do not decay.

    `options` are the optimizer's own: a factor multiplies its `lr`, or `other_lr` of what is no inner matrix if it has
    one.
    """
    edges = tuple(f"model.{name}." for name in getattr(model, "edges", ()))
    rate_of = getattr(model, "rate_of", None)
    head_steps = int(getattr(model, "head_steps", 0))
    if rate_of is not None and "lr" not in options:
        raise InputError("optimizer.lr is not set, and this model has rates of its own: set it")
    groups: dict[tuple[int, float, int], dict[str, Any]] = {}
    for name, parameter in trained:
        inside = name.removeprefix("model.")
        kind = 2 if parameter.ndim < 2 else int(parameter.ndim != 2 or name.startswith(edges))
        factor = float(rate_of(inside)) if rate_of is not None else 1.0
        is_adapter = "lora_" in name  # begins at no change at all: it need not wait for the head
        begins = head_steps if inside.startswith("backbone.") and not is_adapter else 0
        group = groups.setdefault((kind, factor, begins), {"params": [], **KINDS[kind]})
        if factor != 1:
            group["lr"] = factor * options["other_lr" if kind and "other_lr" in options else "lr"]
        if begins:
            group["begins"] = begins
        group["params"].append(parameter)
    return [groups[key] for key in sorted(groups, key=lambda key: (key[0], -key[1], key[2]))]


KINDS: tuple[Mapping[str, Any], ...] = ({"inner": True}, {}, {"weight_decay": 0.0})


def delayed(schedule: Callable[[int], float], begins: int) -> Callable[[int], float]:
    """The schedule from a step on, nothing before it.

    >>> factor = delayed(lambda step: 1 / (1 + step), 2)
    >>> factor(1), factor(3)
    (0.0, 0.25)
    """
    return lambda step: schedule(step) if step >= begins else 0.0
