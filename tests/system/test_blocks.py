"""Blocks that are run again for gradients, and blocks that are compiled: nothing else changes by either."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from project.build.assemble import build_recognizer
from project.build.compose import compose
from project.build.strategy import equip
from project.contract import Batch, InputError
from project.system.blocks import compiled, repeated, run_again

pytestmark = pytest.mark.long


MODELS = {
    "morse/baseline": [
        "model.channels=8",
        "model.distances=[1,2,4]",
        "model.finder.dilations=[1]",
    ],
    "phoneme/scratch": ["model=fbank_conformer", "model.encoder.channels=16", "model.encoder.layers=2"],
    "sign/fingerspelling": ["model.size=tiny"],
}


def recognizer_of(experiment: str) -> Any:
    torch.manual_seed(0)
    config = compose("train", [f"experiment={experiment}", *MODELS[experiment]])
    return build_recognizer(config, training=False)


def noise(features: int) -> Batch:
    """Two examples, the second shorter."""
    signals_BTF = torch.randn(2, 64, features, generator=torch.Generator().manual_seed(2))
    signals_BTF[1, 40:] = 0
    return Batch(("a", "b"), signals_BTF, torch.tensor([64, 40]), {}, ("", ""))


def learn(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """Gradients of a sum of squares, with the same dropout each time."""
    torch.manual_seed(1)
    model.train()
    model(batch).log_probs_BTV.square().mean().backward()
    return {name: value.grad for name, value in model.named_parameters() if value.grad is not None}


@pytest.mark.parametrize("experiment", list(MODELS))
def test_gradients_are_the_same_also_above_frozen_blocks(experiment: str) -> None:
    """The re-entrant kind gives none there. Norms count the batch once, dropout draws the same."""
    recognizer = recognizer_of(experiment)
    model, batch = recognizer.system.model, noise(recognizer.feature.num_features)
    blocks = repeated(model)
    assert len(blocks) > 1
    inside = {id(one) for block in blocks[1:] for one in block.parameters()} | {
        id(one) for one in model.head.parameters()
    }
    for parameter in model.parameters():
        parameter.requires_grad_(id(parameter) in inside)
    plain = copy.deepcopy(model)
    assert run_again(model) == len(blocks)
    calls = [0] * len(blocks)
    for place, block in enumerate(blocks):
        *_, last = (one for one in block.modules() if isinstance(one, nn.Linear | nn.Conv1d))
        last.register_forward_pre_hook(partial(_count, calls, place))

    wanted, found = learn(plain, batch), learn(model, batch)
    assert any(name.startswith(("blocks.1", "encoder.layers.1")) for name in found)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(dict(model.named_buffers()), dict(plain.named_buffers()))
    assert calls[1:] == [2] * len(calls[1:])  # once more for the gradients
    assert model.state_dict().keys() == plain.state_dict().keys()


def _count(calls: list[int], place: int, *_: Any) -> None:
    calls[place] += 1


def test_norms_of_torch_count_a_batch_once_as_well() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList(nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)) for _ in range(2))

        def forward(self, x_BF: Tensor) -> Tensor:
            for layer in self.layers:
                x_BF = layer(x_BF)
            return x_BF

    plain = Model()
    model, x_BF = copy.deepcopy(plain), torch.randn(4, 3)
    run_again(model)
    for one in (plain, model):
        one(x_BF).square().sum().backward()
    for mine, theirs in zip(model.layers, plain.layers, strict=True):
        torch.testing.assert_close(mine[1].running_mean, theirs[1].running_mean)  # type: ignore[index]
        torch.testing.assert_close(mine[1].running_var, theirs[1].running_var)  # type: ignore[index]
        assert mine[1].momentum == 0.1  # type: ignore[index]


def test_a_model_without_blocks_is_told() -> None:
    config = compose("train", ["experiment=bars/baseline", "activation_checkpointing=true"])
    with pytest.raises(InputError, match="activation_checkpointing=true: BarSpans has no repeated blocks"):
        equip(build_recognizer(config, training=False).system, config)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")  # torch, of itself
@pytest.mark.filterwarnings(  # its compiler, of any autograd.Function (torch 2.13, November 2026)
    "ignore:.*autograd.function.Function.*should not be instantiated:DeprecationWarning"
)
def test_compiled_blocks_say_the_same_under_the_same_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """What torch makes of the program is torch's business: here the graph that it found is run as it is."""
    compile_ = nn.Module.compile
    monkeypatch.setattr(nn.Module, "compile", lambda module: compile_(module, backend="eager"))
    recognizer = recognizer_of("morse/baseline")
    model, batch = recognizer.system.model, noise(recognizer.feature.num_features)
    plain = copy.deepcopy(model)
    assert compiled(model) == 1 + 3  # one of the finder's
    torch.testing.assert_close(learn(model, batch), learn(plain, batch))
    plain.load_state_dict(model.state_dict())
    assert compiled(nn.Linear(1, 1)) == 1


def test_a_missing_compiler_is_told_before_anything_begins(monkeypatch: pytest.MonkeyPatch, tiny: list[str]) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(InputError, match=r"compile=true: it needs a C\+\+ compiler, and none is found: install g\+\+"):
        build_recognizer(compose("train", [*tiny, "compile=true"]), training=True)
