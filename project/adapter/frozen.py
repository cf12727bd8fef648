"""Where in a model adapters go: the parts of it that they freeze, found by name. Not known: what goes into them."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn


def body_names(model: nn.Module) -> Sequence[str]:
    """Dotted names of a model's bodies: as it tells them, or its backbone; the whole, "", where it has neither."""
    names: Sequence[str] = getattr(model, "bodies", ("backbone",) if hasattr(model, "backbone") else ("",))
    return names


def bodies_of(model: nn.Module) -> list[nn.Module]:
    """The modules of these names. What stands outside them always learns."""
    return [model.get_submodule(name) for name in body_names(model)]
