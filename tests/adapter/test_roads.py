"""Which roads of the peft library go through the adapter: a tiny Moonshine, and a LoRA that is not zero."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch

CONFIG = {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"]}
pytestmark = pytest.mark.filterwarnings(
    "ignore:`is_gradient_checkpointing` is deprecated"  # 2026-11: peft 0.21 asks transformers 5.23 by the old name
)


def adapted(toy: Any, task_type: str | None = None) -> Any:
    from peft import LoraConfig, get_peft_model

    model = get_peft_model(toy.network(), LoraConfig(task_type=task_type, **CONFIG)).eval()
    toy.stir(model)
    return model


ROADS: dict[str, Callable[[Any], Any]] = {
    "PeftModel.generate": lambda model: model.generate,
    "base_model.generate": lambda model: model.base_model.generate,
    "base_model.model.generate": lambda model: model.base_model.model.generate,
    "get_base_model().generate": lambda model: model.get_base_model().generate,
}


@pytest.mark.parametrize("road", ROADS)
def test_every_generate_uses_the_adapter_unless_it_is_disabled(toy: Any, road: str) -> None:
    """Layers were replaced inside the network: whoever holds the network holds the adapter."""
    model, base = adapted(toy), toy.written(toy.network().generate)
    tuned = toy.written(model.generate)
    assert all(mine != theirs for mine, theirs in zip(tuned, base, strict=True)), (
        "each of the three comes out otherwise"
    )
    assert toy.written(ROADS[road](model)) == tuned
    with model.disable_adapter():
        assert toy.written(ROADS[road](model)) == base
    assert toy.written(ROADS[road](model)) == tuned, "it is on again"


def test_what_merges_goes_on_using_it(toy: Any) -> None:
    model, base = adapted(toy), toy.network()
    tuned, logits_BLV = toy.written(model.generate), toy.logits(model)
    whole = copy.deepcopy(model).merge_and_unload()
    assert type(whole) is type(base)
    assert toy.written(whole.generate) == tuned
    torch.testing.assert_close(toy.logits(whole), logits_BLV, atol=1e-4, rtol=1e-4)
    bare = copy.deepcopy(model).unload()
    assert toy.written(bare.generate) == toy.written(base.generate), "unloaded without merging it is the base"
    assert torch.equal(toy.logits(bare), toy.logits(base))
    model.merge_adapter()
    assert toy.written(model.generate) == toy.written(model.get_base_model().generate) == tuned
    with model.disable_adapter():  # takes it out of the weights again, and does not put it back
        assert toy.written(model.generate) == toy.written(base.generate)
    assert toy.written(model.generate) == tuned
    assert not any(getattr(module, "merged", False) for module in model.modules())


@pytest.mark.parametrize("task_type", ["SEQ_2_SEQ_LM", "FEATURE_EXTRACTION", "CAUSAL_LM"])
def test_a_task_type_breaks_training_and_not_generation(toy: Any, task_type: str) -> None:
    """The wrappers of tasks hand the network `input_ids`, which are the decoder's there: sound has `input_values`."""
    model = adapted(toy, task_type)
    with pytest.raises(TypeError, match="got multiple values for keyword argument 'input_ids'"):
        toy.logits(model)
    assert toy.written(model.generate) == toy.written(adapted(toy).generate)


def test_without_a_task_type_all_is_well(toy: Any) -> None:
    from peft import PeftModel

    model = adapted(toy)
    assert type(model) is PeftModel
    assert torch.equal(toy.logits(model), toy.logits(model.get_base_model()))
    assert not torch.allclose(toy.logits(model), toy.logits(toy.network()), atol=0.1)
