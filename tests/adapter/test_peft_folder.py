"""Adapters of ours as the peft library takes them up: the same answers, on the same base and on nothing of ours."""

from __future__ import annotations

import copy
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from project.adapter.lora import LoRA, disabled, merge, unmerge
from project.adapter.peft_folder import save
from project.contract import InputError
from project.model.backbone.wave_transformer import WaveTransformer
from project.model.moonshine import Moonshine
from project.model.ssl_ctc import SSLCTC
from project.text.vocabulary import trained

pytestmark = pytest.mark.filterwarnings(
    "ignore:`is_gradient_checkpointing` is deprecated"  # 2026-11: peft 0.21 asks transformers 5.23 by the old name
)
KINDS: list[dict[str, Any]] = [
    {"targets": "qv"},
    {"targets": "all", "dora": True, "rank": 3},
    {"targets": "decoder_self_qkv", "rslora": True, "rank": 4, "alpha": 5.0},
]


@pytest.mark.parametrize("options", KINDS)
def test_on_and_off_and_merged(toy: Any, options: dict[str, Any]) -> None:
    model, base = toy.wrapped(), toy.network()
    words, logits_BLV = toy.written(base.generate), toy.logits(base)
    LoRA(**options)(model)
    torch.testing.assert_close(toy.logits(model.network), logits_BLV, atol=1e-4, rtol=1e-4)
    assert toy.written(model.network.generate) == words, "fresh, it changes nothing"
    toy.stir(model)
    tuned, tuned_BLV = toy.written(model.network.generate), toy.logits(model.network)
    assert tuned != words
    with disabled(model):
        assert torch.equal(toy.logits(model.network), logits_BLV)
        assert toy.written(model.network.generate) == words
    merge(model)
    torch.testing.assert_close(toy.logits(model.network), tuned_BLV, atol=1e-3, rtol=1e-4)
    assert toy.written(model.network.generate) == tuned
    unmerge(model)
    torch.testing.assert_close(toy.logits(model.network), tuned_BLV, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("options", KINDS)
def test_plain_peft_takes_it_up(toy: Any, tmp_path: Path, options: dict[str, Any]) -> None:
    from peft import PeftModel

    model = toy.wrapped()
    LoRA(**options)(model)
    toy.stir(model)
    places = save(model, tmp_path / "adapter", base="UsefulSensors/moonshine-tiny")
    assert places == [tmp_path / "adapter"]
    names = {file.name for file in places[0].iterdir()}
    assert names == {"adapter_config.json", "adapter_model.safetensors"}, "nothing pickled, nothing half written"
    settings = json.loads((places[0] / "adapter_config.json").read_text(encoding="utf-8"))
    assert settings["base_model_name_or_path"] == "UsefulSensors/moonshine-tiny"
    assert (settings["peft_type"], settings["task_type"]) == ("LORA", None)
    plain = PeftModel.from_pretrained(toy.network(), str(places[0]))
    assert type(plain) is PeftModel
    assert torch.equal(toy.logits(plain), toy.logits(model.network))
    assert toy.written(plain.generate) == toy.written(model.network.generate)
    assert not any(weight.requires_grad for weight in plain.parameters()), "loaded to be used"


def test_names_are_those_of_the_network(toy: Any, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    model = toy.wrapped()
    LoRA(targets="qv", dora=True)(model)
    save(model, tmp_path, base=None)
    names = set(load_file(tmp_path / "adapter_model.safetensors"))
    start = "base_model.model.model.encoder.layers.0.self_attn.q_proj."
    assert {name.removeprefix(start) for name in names if name.startswith(start)} == {
        "lora_A.weight",
        "lora_B.weight",
        "lora_magnitude_vector",
    }
    assert len(names) == 3 * 2 * 3 * 2


def test_an_encoder_of_ours_is_left_off(toy: Any, tmp_path: Path) -> None:
    """A backbone holds the library's network in a class of ours: the folder is for the network."""
    from peft import PeftModel

    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
    config = {**sizes, "conv_dim": [8] * 7, "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2}

    def built() -> SSLCTC:
        torch.manual_seed(0)
        return SSLCTC(5, WaveTransformer("wav2vec2", config=config)).eval()

    model, other = built(), built()
    LoRA(targets="qkvo")(model)
    toy.stir(model)
    save(model, tmp_path, base=None)
    network: Any = other.backbone.model
    wave_BT = torch.randn(2, 3000)
    with torch.no_grad():
        before = network(wave_BT).last_hidden_state
        plain = PeftModel.from_pretrained(network, str(tmp_path)).eval()
        found, expected = (one(wave_BT).last_hidden_state for one in (plain, model.backbone.model))
    assert torch.equal(found, expected)
    assert not torch.allclose(found, before, atol=1e-3)


def test_a_moonshine_of_ours_is_the_librarys_network(toy: Any, tmp_path: Path) -> None:
    from peft import PeftModel

    words = trained(["one two three", "four five six"], 30)
    model = Moonshine(words, config={key: value for key, value in toy.sizes.items() if key != "vocab_size"}).eval()
    base = copy.deepcopy(model.network)
    LoRA(targets="all")(model)
    toy.stir(model)
    save(model, tmp_path, base=None)
    plain = PeftModel.from_pretrained(base, str(tmp_path))
    assert torch.equal(toy.logits(plain), toy.logits(model.network))
    marks = {"decoder_start_token_id": words.start, "eos_token_id": words.end, "pad_token_id": 0}
    ours, theirs = (toy.written(partial(one.generate, **marks)) for one in (model.network, plain))
    assert ours == theirs


class Two(nn.Module):
    """Two bodies, the second without layers that an adapter goes to."""

    bodies = ("left", "right")

    def __init__(self, left: nn.Module, right: nn.Module) -> None:
        super().__init__()
        self.left, self.right = left, right


def test_several_bodies_have_a_folder_each(toy: Any, tmp_path: Path) -> None:
    model = Two(toy.network(), toy.network(1))
    LoRA()(model)
    assert save(model, tmp_path / "both", base=None) == [tmp_path / "both/left", tmp_path / "both/right"]
    alone = Two(toy.network(), nn.Sequential(nn.Linear(4, 4)))
    LoRA()(alone)
    assert save(alone, tmp_path / "alone", base=None) == [tmp_path / "alone"]
    with pytest.raises(InputError, match="no adapter to write there"):
        save(toy.network(), tmp_path / "none", base=None)
    assert not (tmp_path / "none").exists()
