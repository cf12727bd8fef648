"""A recognizer as one torch module of plain tensors: what is read from a medium goes in, what a decoder asks comes out.

It is what exporters take. It knows no text: alphabet and decoding stay outside.
"""

from __future__ import annotations

from typing import Any, final

from torch import Tensor, nn

from project.contract import Batch, Emissions, InputError, SpanOutput

# B examples, N samples or bars, T frames, V symbols

FEATURES = "features"  # what a graph gives beside what decoders look at: what its network is given
HEADS = ("inside_BT", "kinds_BV", "starts_BT", "ends_BT", "pointers_BP")  # of a SpanOutput that decoders look at


@final
class Whole(nn.Module):
    """Feature and model in one; `front` gives frames and their numbers. Asked for, they come out as well, last."""

    def __init__(self, front: nn.Module, model: nn.Module, *, shows_features: bool = False) -> None:
        super().__init__()
        self.front = front
        self.model = model
        self._shows_features = shows_features

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Tensors in the order of `names_of`."""
        signals_BTF, lengths_B = self.front(*inputs)
        output: Any = self.model(Batch((), signals_BTF, lengths_B, {}, ()))
        values = tuple(value for _, value in told(output))
        return (*values, signals_BTF) if self._shows_features else values


def told(output: Any) -> list[tuple[str, Tensor]]:
    """What decoders look at, by name."""
    if isinstance(output, Emissions):
        return [("log_probs", output.log_probs_BTV), ("frames", output.lengths_B)]
    if not isinstance(output, SpanOutput):
        raise InputError(f"what is said is a {type(output).__name__}, which no graph gives: set format=package")
    heads = [(name.rpartition("_")[0], getattr(output, name)) for name in HEADS if getattr(output, name) is not None]
    return [*heads, ("frames", output.lengths_B)]


def require_graph(model: nn.Module) -> None:
    """Refuse a model that writes token by token: what it says next depends on what it said."""
    if getattr(model, "writes", None) == "tokens":
        raise InputError(f"{type(model).__name__} writes token by token, which no graph does: set format=package")
