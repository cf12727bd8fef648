"""What every model of conf/model that spells symbols must hold: a newcomer is tested here by being there."""

from __future__ import annotations

import inspect
import json
import typing

import pytest
import torch
from torch import nn

from project.build.bind import make, resolve
from project.build.compose import compose, options
from project.contract import Batch, Emissions
from project.loss.ctc import CTC
from project.loss.paced import Paced
from project.text.alphabet import Alphabet

ALPHABET = Alphabet(("E", "T", "A", "N", " "))
FEATURES, SYMBOLS = 2, len(ALPHABET)
COLUMNS = {"pose": (0, 6), "face": (6, 18), "hands": (18, 24), "motion": (24, 48)}  # for models that pick by name
SUM_FRAMES = (1.0, 4.0)  # for models that choose among sums
WITHOUT_WEIGHTS = {"hsmm"}  # reads by rule: there is nothing that could learn
LENGTHS = (61, 40, 23, 8)


def spells(name: str) -> bool:
    """Whether a model gives back distributions over symbols, by its own annotation; others have their own suite.

    So have those that hear waveforms, or are made of such: tests/contract/test_backbone.py.
    """
    node = compose("train", [f"model={name}"])["model"]
    target = resolve(node["_target_"], "model")
    gives = typing.get_type_hints(typing.cast(type[nn.Module], target).forward)["return"]
    return gives is Emissions and "project.model.backbone." not in json.dumps(node)


SPELLING = [name for name in options("model") if spells(name)]
LEARNING = [name for name in SPELLING if name not in WITHOUT_WEIGHTS]


def build(name: str) -> nn.Module:
    torch.manual_seed(0)
    node = compose("train", [f"model={name}"])["model"]
    sizes = {"num_features": FEATURES, "num_symbols": SYMBOLS}
    model: nn.Module = make(node, "model", **sizes, alphabet=ALPHABET, columns=COLUMNS, sum_frames=SUM_FRAMES)
    return model


def features_of(model: nn.Module) -> int:
    """How many features a model of `build` takes in a frame."""
    picks = "columns" in inspect.signature(type(model)).parameters
    return max(end for _, end in COLUMNS.values()) if picks else FEATURES


def batch_of(model: nn.Module, *lengths: int, seed: int = 0) -> Batch:
    """Random frames that depend on the example alone, zero beyond each length; two symbols each."""
    features = features_of(model)
    signals_BTF = torch.zeros(len(lengths), max(lengths), features)
    for row, length in zip(signals_BTF, lengths, strict=True):
        row[:length] = torch.randn(length, features, generator=torch.Generator().manual_seed(seed + length))
    symbols = torch.tensor([[1 + length % 4, 5] for length in lengths])
    pace_BT = (torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]) * 4.0
    targets = {"symbols": symbols, "symbol_lengths": torch.full((len(lengths),), 2), "pace": pace_BT}
    ids = tuple(f"example-{length}" for length in lengths)
    return Batch(ids, signals_BTF, torch.tensor(lengths), targets, ("",) * len(lengths))


def loss_of(model: nn.Module, batch: Batch) -> torch.Tensor:
    """What the model learns from: its symbols and, if it says how fast they are sent, the pace."""
    output: Emissions = model(batch)
    return sum((CTC() if output.pace is None else Paced(CTC()))(output, batch).values(), torch.zeros(()))


@pytest.fixture(params=SPELLING, scope="module")
def model(request: pytest.FixtureRequest) -> nn.Module:
    return build(request.param)


def test_it_gives_distributions_over_the_alphabet(model: nn.Module) -> None:
    output: Emissions = model.eval()(batch_of(model, *LENGTHS))
    assert output.log_probs_BTV.dtype == torch.float32
    assert output.log_probs_BTV.shape[0] == len(LENGTHS)
    assert output.log_probs_BTV.shape[2] == SYMBOLS
    total = output.log_probs_BTV.exp().sum(dim=2)
    torch.testing.assert_close(total, torch.ones_like(total))


def test_its_lengths_are_those_of_its_frames(model: nn.Module) -> None:
    model.eval()
    for length in (*range(1, 20), 50, 101):
        output: Emissions = model(batch_of(model, length))
        assert output.lengths_B.tolist() == [output.log_probs_BTV.shape[1]]
        assert model.num_output_frames(torch.tensor([length])).tolist() == output.lengths_B.tolist()


def test_an_example_is_the_same_alone_and_padded_in_a_batch(model: nn.Module) -> None:
    model.eval()
    together: Emissions = model(batch_of(model, *LENGTHS))
    for row, length in enumerate(LENGTHS):
        alone: Emissions = model(batch_of(model, length))
        frames = int(together.lengths_B[row])
        assert int(alone.lengths_B[0]) == frames
        torch.testing.assert_close(together.log_probs_BTV[row, :frames], alone.log_probs_BTV[0], atol=1e-5, rtol=1e-4)


def test_its_output_varies_over_time(model: nn.Module) -> None:
    """A time axis that is pooled away gives every frame the same distribution, and CTC learns nothing but blanks."""
    output: Emissions = model.eval()(batch_of(model, 61))
    assert output.log_probs_BTV[0].std(dim=0).max() > 1e-3


@pytest.mark.parametrize("name", SPELLING)
def test_it_has_something_to_train_unless_it_is_known_to_have_nothing(name: str) -> None:
    trains = any(parameter.requires_grad for parameter in build(name).parameters())
    assert trains != (name in WITHOUT_WEIGHTS)


@pytest.mark.parametrize("name", LEARNING)
def test_the_gradient_reaches_every_trainable_parameter(name: str) -> None:
    model = build(name).train()
    batch = batch_of(model, *LENGTHS)
    loss_of(model, batch).backward()
    for path, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, path
            assert parameter.grad.abs().sum() > 0, path


def test_a_second_of_frames_leaves_room_for_symbols(model: nn.Module) -> None:
    """CTC feasibility: of 100 frames at least 25 remain, or fast signals have no frame for each symbol."""
    assert model.num_output_frames(torch.tensor([100])).item() >= 25


@pytest.mark.parametrize("name", LEARNING)
def test_it_learns_eight_examples_by_heart(name: str) -> None:
    model = build(name).train()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    batch = batch_of(model, 20, 22, 24, 26, 28, 30, 33, 35)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    loss = CTC()
    for _ in range(150):
        optimizer.zero_grad()
        value = loss(model(batch), batch)["ctc"]
        value.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if value.item() < 0.02:
            break
    assert value.item() < 0.05
