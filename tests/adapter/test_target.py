"""Where adapters go in Moonshine: exact counts of what learns, at the size that is published."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from project.adapter.lora import LoRA, layers_of
from project.adapter.target import targeted
from project.contract import InputError

WIDTH, LAYERS, RANK = 288, 6, 8
ATTENTION = 3 * LAYERS  # the encoder's, and the decoder's two
PROJECTION = RANK * (WIDTH + WIDTH)
FEED = LAYERS * RANK * (2 * (WIDTH + 4 * WIDTH) + (WIDTH + 8 * WIDTH) + (4 * WIDTH + WIDTH))  # the decoder's is gated


@pytest.mark.parametrize(
    ("targets", "expected", "by_hand"),
    [
        ("qv", 165_888, 2 * ATTENTION * PROJECTION),
        ("qkv", 248_832, 3 * ATTENTION * PROJECTION),
        ("qkvo", 331_776, 4 * ATTENTION * PROJECTION),
        (["q_proj", "k_proj", "v_proj", "fc1", "fc2"], 580_608, 3 * ATTENTION * PROJECTION + FEED),
        ("all", 663_552, 4 * ATTENTION * PROJECTION + FEED),
        ("all_linear", 663_552, 4 * ATTENTION * PROJECTION + FEED),
        ("decoder_self_qkv", 82_944, 3 * LAYERS * PROJECTION),
    ],
)
def test_what_learns_at_real_size(toy: Any, targets: Any, expected: int, by_hand: int) -> None:
    with torch.device("meta"):
        network = toy.network(hidden_size=WIDTH)
        assert sum(weight.numel() for weight in network.parameters()) == 27_092_736
        LoRA(rank=RANK, targets=targets)(network)
    learning = [weight.numel() for weight in network.parameters() if weight.requires_grad]
    assert sum(learning) == expected == by_hand


def test_decoder_self_is_the_decoder_alone(toy: Any) -> None:
    found = targeted(toy.wrapped().network, "decoder_self_qkv")
    assert len(found) == 2 * 3
    assert all(name.startswith("model.decoder.layers.") and ".self_attn." in name for name in found)
    with pytest.raises(InputError, match=r"adapter\.targets=decoder_self_qkv: no layer is called so: name some of fc1"):
        LoRA(targets="decoder_self_qkv")(toy.network().model.encoder)


def test_an_output_head_that_shares_its_weights_is_left_alone(toy: Any) -> None:
    network = toy.network()
    assert network.proj_out.weight is network.model.decoder.embed_tokens.weight
    for preset in ("all", "all_linear"):
        assert not [name for name in targeted(network, preset) if "proj_out" in name]
    with pytest.raises(InputError, match="proj_out: its weights are another module's too"):
        LoRA(targets=["q_proj", "proj_out"])(network)
    apart = toy.network()
    apart.proj_out.weight = torch.nn.Parameter(apart.proj_out.weight.clone())
    assert "proj_out" in targeted(apart, "all_linear")
    assert "proj_out" not in targeted(apart, "all")


def test_what_stands_outside_the_network_learns(toy: Any) -> None:
    model = toy.wrapped()
    LoRA(targets="all")(model)
    learning = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert {name for name in learning if "lora_" not in name} == {"auxiliary.weight", "auxiliary.bias"}
    assert len(layers_of(model)) == 2 * (3 * 4 + 2 * 2)


@pytest.mark.filterwarnings("ignore:`gradient_checkpointing_enable`")  # 2026-11: renamed in transformers 5.23
def test_a_gradient_reaches_all_of_it_through_checkpoints(toy: Any) -> None:
    network = toy.network()
    LoRA(targets="all")(network)
    toy.stir(network)
    network.gradient_checkpointing_enable({"use_reentrant": False})
    network.train()
    network(
        input_values=torch.randn(2, 4000), labels=torch.tensor([[5, 9, 2], [7, 3, 2]]), use_cache=False
    ).loss.backward()
    for name, weight in network.named_parameters():
        assert (weight.grad is not None) == weight.requires_grad == ("lora_" in name), name
        assert weight.grad is None or weight.grad.abs().sum() > 0, name
