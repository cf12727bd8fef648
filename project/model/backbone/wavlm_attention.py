"""WavLM's attention with its projections called, not read: then adapters and quantized layers in their place are heard.

The library hands the weights of the four projections to a function of torch, past whatever stands in for the layers: an
adapter there would neither change anything nor learn, and no error tells.
"""

from __future__ import annotations

from types import MethodType
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

# B examples, T frames, H heads, C channels, D channels of a head


def call_projections(model: nn.Module) -> None:
    """Change every attention of a WavLM in place; what it says stays the same."""
    for module in model.modules():
        if type(module).__name__ == "WavLMAttention":
            module.torch_multi_head_self_attention = MethodType(_attend, module)  # type: ignore[assignment]
            module.calls_projections = True  # type: ignore[assignment]


def _attend(self: Any, x_BTC: Tensor, within_BT: Tensor | None, gated_bias: Tensor) -> tuple[Tensor, None]:
    """In place of the library's own method, which has these arguments in this order."""
    batch, frames, channels = x_BTC.shape

    def heads(projected_BTC: Tensor) -> Tensor:
        return projected_BTC.view(batch, frames, self.num_heads, -1).transpose(1, 2)

    q_BHTD, k_BHTD, v_BHTD = (heads(one(x_BTC)) for one in (self.q_proj, self.k_proj, self.v_proj))
    bias_BHTT = gated_bias.view(batch, self.num_heads, frames, frames).to(q_BHTD.dtype)
    if within_BT is not None:
        bias_BHTT = bias_BHTT.masked_fill(within_BT.ne(1)[:, None, None], float("-inf"))
    dropout = self.dropout if self.training else 0.0
    made_BHTD = functional.scaled_dot_product_attention(q_BHTD, k_BHTD, v_BHTD, bias_BHTT, dropout)
    return self.out_proj(made_BHTD.transpose(1, 2).reshape(batch, frames, channels)), None
