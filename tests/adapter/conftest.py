"""A tiny Moonshine, and sound and words for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

PAD, START = 0, 1
SIZES = {"hidden_size": 32, "intermediate_size": 48, "vocab_size": 30, "initializer_range": 0.3}
SIZES |= {f"{half}_num_hidden_layers": 2 for half in ("encoder", "decoder")}
SIZES |= {f"{half}_num_{what}_heads": 2 for half in ("encoder", "decoder") for what in ("attention", "key_value")}
WAVE_BT = torch.randn(3, 4000, generator=torch.Generator().manual_seed(1))
TOKENS_BL = torch.tensor([[START, 5, 9, 20], [START, 7, 7, 3], [START, 28, 4, 11]])


class Wrapped(nn.Module):
    """A model of ours around the library's network, with something of its own beside it."""

    bodies = ("network",)

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.auxiliary = nn.Linear(32, 5)


class Toy:
    """What tests do with the library's networks, bare or in a wrapper of peft's."""

    sizes = SIZES

    def network(self, seed: int = 0, **sizes: Any) -> Any:
        """Random weights, large enough that what it writes depends on what it hears."""
        from transformers import MoonshineConfig, MoonshineForConditionalGeneration

        torch.manual_seed(seed)
        return MoonshineForConditionalGeneration(MoonshineConfig(pad_token_id=PAD, **(sizes or SIZES))).eval()

    def wrapped(self, seed: int = 0) -> Wrapped:
        return Wrapped(self.network(seed))

    def stir(self, model: nn.Module) -> None:
        """As after some training: the adapter is no longer zero."""
        generator = torch.Generator().manual_seed(3)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if "lora_B" in name:
                    weight.copy_(0.5 * torch.randn(weight.shape, generator=generator))
                if "lora_magnitude" in name:
                    weight.mul_(1.0 + 0.3 * torch.rand(weight.shape, generator=generator))

    def logits(self, network: Callable[..., Any]) -> Tensor:
        """(B, L, V) of the words above."""
        with torch.no_grad():
            found: Tensor = network(input_values=WAVE_BT, decoder_input_ids=TOKENS_BL).logits
        return found

    def written(self, generate: Callable[..., Any]) -> list[list[int]]:
        """What a `generate` writes of the sounds."""
        with torch.no_grad():
            tokens: list[list[int]] = generate(input_values=WAVE_BT, max_new_tokens=10, do_sample=False).tolist()
        return tokens


@pytest.fixture(scope="session")
def toy() -> Toy:
    return Toy()
