"""torch's LSTM as ONNX's: one node, where torch's exporter would write out every step of the example it is shown."""

from __future__ import annotations

import copy
from typing import final

import torch
from torch import Tensor, nn

from project.contract import InputError

# B examples, T frames, C channels, H hidden numbers, G four times as many

_OPSET = 18


def with_nodes(model: nn.Module) -> nn.Module:
    """A copy of a model in which each LSTM is a node; it can be exported, and says nothing by itself."""
    copied = copy.deepcopy(model)
    for parent in list(copied.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.LSTM):
                setattr(parent, name, LSTMNode(child))
    return copied


@final
class LSTMNode(nn.Module):
    """Stands for an LSTM of one layer and one direction while a model is exported."""

    def __init__(self, lstm: nn.LSTM) -> None:
        super().__init__()
        if not lstm.batch_first or lstm.num_layers > 1 or lstm.bidirectional:
            raise InputError("model: an LSTM of several layers at once cannot be put into a graph: set format=package")
        self.hidden = lstm.hidden_size
        parts = {name.removesuffix("_l0"): self._ordered(value.detach()) for name, value in lstm.named_parameters()}
        self.weight_1GC = nn.Parameter(parts["weight_ih"][None], requires_grad=False)
        self.weight_1GH = nn.Parameter(parts["weight_hh"][None], requires_grad=False)
        self.bias_1G = nn.Parameter(torch.cat([parts["bias_ih"], parts["bias_hh"]])[None], requires_grad=False)

    def _ordered(self, value: Tensor) -> Tensor:
        """torch's gates are input, forget, cell, output; ONNX's are input, output, forget, cell."""
        enter, forget, cell, leave = value.chunk(4)
        return torch.cat([enter, leave, forget, cell])

    def forward(self, x_BTC: Tensor) -> tuple[Tensor, None]:
        """(B, T, H), and no state."""
        x_TBC = x_BTC.transpose(0, 1)
        parts = (x_TBC, self.weight_1GC, self.weight_1GH, self.bias_1G)
        shape = (x_TBC.shape[0], 1, x_TBC.shape[1], self.hidden)
        made_T1BH = torch.onnx.ops.symbolic(
            "LSTM", parts, {"hidden_size": self.hidden}, dtype=x_TBC.dtype, shape=shape, version=_OPSET
        )
        return made_T1BH[:, 0].transpose(0, 1), None
