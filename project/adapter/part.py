"""Part: some parts of a model learn, the rest of it stays as it is. Nothing is put in.

It is called with a built model, as LoRA is, and does not know what the parts do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from torch import nn

from project.adapter.frozen import bodies_of
from project.contract import InputError

MOST_NAMED = 24  # of a model's parts in a message


@final
class Part:
    """Freezes what an adapter would freeze, but for some modules: what stands outside a model's bodies always learns.

    `parts` are names of modules or the ends of such names, from a dot on: `encoder`, `decoder.layers.5`, `self_attn`.
    A weight that two modules share learns if either does.
    """

    def __init__(self, parts: Sequence[str]) -> None:
        if not parts or isinstance(parts, str):
            raise InputError(f"adapter.parts={parts}: give a list of names, such as adapter.parts=[encoder]")
        self.parts = tuple(parts)

    def __call__(self, model: nn.Module) -> None:
        """Freeze all but the parts."""
        bodies = bodies_of(model)
        found = {part: [module for body in bodies for module in parts_of(body, part)] for part in self.parts}
        for part, modules in found.items():
            weights = [weight for module in modules for weight in module.parameters()]
            if not weights:
                raise InputError(f"adapter.parts: {part}: no part is called so: name some of {known(bodies)}")
            if not all(weight.is_floating_point() for weight in weights):
                raise InputError(f"adapter.parts: {part}: its weights have few bits: set model.tuning.quantize=null")
        for body in bodies:
            body.requires_grad_(False)
        for modules in found.values():
            for module in modules:
                module.requires_grad_(True)
        model.train(model.training)  # a model may keep what does not learn in evaluation


def parts_of(body: nn.Module, part: str) -> list[nn.Module]:
    """The modules of a body whose names end so."""
    return [module for name, module in body.named_modules() if f".{name}".endswith(f".{part}")]


def known(bodies: Sequence[nn.Module]) -> str:
    """Names of what can learn by itself, the largest parts first, without the members of lists of layers."""
    names = dict.fromkeys(
        name
        for body in bodies
        for name, module in body.named_modules()
        if name and not any(part.isdigit() for part in name.split(".")) and any(True for _ in module.parameters())
    )
    found = sorted(names, key=lambda name: name.count("."))
    more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    return ", ".join(found[:MOST_NAMED]) + more
