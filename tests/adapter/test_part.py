"""Parts of models that learn while the rest stays."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from project.adapter.part import Part
from project.build.bind import make
from project.build.compose import compose
from project.contract import InputError
from project.model.backbone.wave_transformer import WaveTransformer
from project.model.ssl_ctc import SSLCTC
from project.part import Adapted


def learning(model: torch.nn.Module) -> set[str]:
    return {name for name, weight in model.named_parameters() if weight.requires_grad}


def test_the_encoder_alone_and_what_is_outside(toy: Any) -> None:
    model = toy.wrapped()
    Part(["encoder"])(model)
    expected = {
        name for name, _ in model.named_parameters() if name.startswith(("network.model.encoder.", "auxiliary."))
    }
    assert learning(model) == expected
    assert not isinstance(model, Adapted), "nothing was put in that could be switched off"


@pytest.mark.parametrize(
    ("parts", "starts"),
    [
        (["decoder.layers.1"], ("model.decoder.layers.1.",)),
        (["layers.0"], ("model.encoder.layers.0.", "model.decoder.layers.0.")),
        (["conv1", "decoder.norm"], ("model.encoder.conv1.", "model.decoder.norm.")),
        (["proj_out"], ("model.decoder.embed_tokens.",)),  # shared: the same weight by another name
    ],
)
def test_names_count_from_a_dot_on(toy: Any, parts: list[str], starts: tuple[str, ...]) -> None:
    network = toy.network()
    Part(parts)(network)
    assert learning(network) == {name for name, _ in network.named_parameters() if name.startswith(starts)}
    assert learning(network)


def test_only_the_part_changes(toy: Any) -> None:
    network = toy.network()
    Part(["encoder"])(network)
    before = {name: weight.detach().clone() for name, weight in network.named_parameters()}
    optimizer = torch.optim.SGD([weight for weight in network.parameters() if weight.requires_grad], lr=0.1)
    labels_BL = torch.tensor([[5, 9], [7, 2]])
    network(input_values=torch.randn(2, 4000), labels=labels_BL).loss.backward()
    optimizer.step()
    moved = {name for name, weight in network.named_parameters() if not torch.equal(weight, before[name])}
    assert moved == learning(network)


def test_a_backbone_is_a_body_too() -> None:
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
    config = {**sizes, "conv_dim": [8] * 7, "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2}
    backbone = WaveTransformer("wav2vec2", config=config)
    model = SSLCTC(5, backbone)
    Part(["encoder.layers.1"])(model)
    assert learning(model) == {
        name for name, _ in model.named_parameters() if ".encoder.layers.1." in name or name.startswith("head.")
    }


def test_an_unknown_part_is_told_what_there_is(toy: Any) -> None:
    with pytest.raises(InputError, match=r"adapter\.parts: coder: no part .* name some of model, proj_out, model\.enc"):
        Part(["encoder", "coder"])(toy.network())
    with pytest.raises(InputError, match="activation_fn: no part is called so"):
        Part(["activation_fn"])(toy.network())  # there, but nothing in it learns
    with pytest.raises(InputError, match="give a list of names"):
        Part([])


def test_few_bits_cannot_learn(toy: Any) -> None:
    network = toy.network()
    network.model.encoder.conv1.weight = torch.nn.Parameter(torch.zeros(8, dtype=torch.uint8), requires_grad=False)
    with pytest.raises(InputError, match=r"encoder: its weights have few bits: set model\.tuning\.quantize=null"):
        Part(["encoder"])(network)


def test_it_comes_from_its_configuration() -> None:
    part = make(compose("train", ["adapter=part", "adapter.parts=[decoder.layers.0]"])["adapter"], "adapter")
    assert isinstance(part, Part)
    assert part.parts == ("decoder.layers.0",)
    assert make(compose("train", ["adapter=part"])["adapter"], "adapter").parts == ("encoder",)
    with pytest.raises(InputError, match=r"adapter\.parts"):
        make(compose("train", ["adapter=part", "adapter.parts=encoder"])["adapter"], "adapter")
