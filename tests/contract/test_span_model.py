"""What every model of conf/model that speaks of spans must hold: a newcomer is tested here by being there."""

from __future__ import annotations

import typing

import pytest
import torch
from torch import Tensor, nn

from project.build.bind import make, resolve
from project.build.compose import compose, options
from project.contract import Batch, SpanOutput
from project.loss.countdown import Countdown
from project.loss.restored import Restored
from project.loss.span import Kind, Pointers, SpanLoss
from project.loss.span_inside import Entropy
from project.part import Loss

FEATURES, SYMBOLS = 12, 3
LENGTHS = (41, 30, 13, 1)
OF_BARS = ("inside_BT", "starts_BT", "ends_BT", "countdown_BT", "restored_BTF")
OF_WINDOWS = ("kinds_BV", "pointers_BP")


def speaks_of_spans(name: str) -> bool:
    """Whether that is what a model gives back, by its own annotation."""
    target = resolve(compose("train", [f"model={name}"])["model"]["_target_"], "model")
    return typing.get_type_hints(typing.cast(type[nn.Module], target).forward)["return"] is SpanOutput


def build(name: str) -> nn.Module:
    torch.manual_seed(0)
    node = compose("train", [f"model={name}"])["model"]
    model: nn.Module = make(node, "model", num_features=FEATURES, num_symbols=SYMBOLS, base_rate=0.1)
    return model


def batch_of(*lengths: int) -> Batch:
    """Random features that depend on the window alone, zero beyond each length, and a span in all but the shortest."""
    signals_BTF = torch.zeros(len(lengths), max(lengths), FEATURES)
    spans, inside_BT = torch.zeros(3, len(lengths), 1, dtype=torch.int64), torch.zeros(signals_BTF.shape[:2])
    for row, length in enumerate(lengths):
        generator = torch.Generator().manual_seed(length)
        signals_BTF[row, :length] = torch.randn(length, FEATURES, generator=generator)
        if length > 8:
            start = int(torch.randint(0, length - 4, (), generator=generator))
            spans[:, row, 0] = torch.tensor([1 + length % 2, start, start + 4])
            inside_BT[row, start : start + 4] = 1
    counts_B = torch.tensor([int(length > 8) for length in lengths])
    targets = dict(zip(("kinds", "starts", "ends"), spans, strict=True))
    targets |= {f"{name}_lengths": counts_B for name in ("kind", "start", "end")} | {"inside": inside_BT}
    hidden_BTF = torch.rand(signals_BTF.shape, generator=torch.Generator().manual_seed(0)) < 0.2
    targets["hidden"] = hidden_BTF & (torch.arange(max(lengths)) < torch.tensor(lengths)[:, None])[..., None]
    ids = tuple(f"window-{length}" for length in lengths)
    return Batch(ids, signals_BTF, torch.tensor(lengths), targets, ("",) * len(lengths))


def loss_for(output: SpanOutput) -> Loss:
    """A loss that teaches all the heads that a model has."""
    countdown = Countdown() if output.countdown_BT is not None else None
    span = SpanLoss(Kind(), Pointers(), Entropy(), countdown) if output.kinds_BV is not None else None
    restored: Loss = Restored(span=span) if output.restored_BTF is not None else typing.cast(Loss, span)
    return restored


def heads_of(output: SpanOutput, names: tuple[str, ...]) -> dict[str, Tensor]:
    heads = {name: getattr(output, name) for name in names}
    return {name: head for name, head in heads.items() if head is not None}


SPEAKING = [name for name in options("model") if speaks_of_spans(name)]


@pytest.fixture(params=SPEAKING, scope="module")
def model(request: pytest.FixtureRequest) -> nn.Module:
    return build(request.param).eval()


def test_its_heads_have_their_shapes(model: nn.Module) -> None:
    batch = batch_of(*LENGTHS)
    output: SpanOutput = model(batch)
    assert torch.equal(output.lengths_B, batch.lengths_B)
    assert torch.equal(model.num_output_frames(batch.lengths_B), batch.lengths_B)
    shapes = {"kinds_BV": (4, SYMBOLS), "pointers_BP": (4, 2), "restored_BTF": (4, 41, FEATURES)}
    for name, head in heads_of(output, OF_BARS + OF_WINDOWS).items():
        assert head.dtype == torch.float32, name
        assert head.shape == shapes.get(name, (4, 41)), name


def test_a_window_is_the_same_alone_and_padded_in_a_batch(model: nn.Module) -> None:
    together: SpanOutput = model(batch_of(*LENGTHS))
    targets = batch_of(*LENGTHS).targets
    for row, length in enumerate(LENGTHS):
        batch = batch_of(length)
        batch.targets["hidden"][0] = targets["hidden"][row, :length]
        alone: SpanOutput = model(batch)
        for name, head in heads_of(alone, OF_BARS).items():
            torch.testing.assert_close(getattr(together, name)[row, :length], head[0], atol=1e-5, rtol=1e-4, msg=name)
        for name, head in heads_of(alone, OF_WINDOWS).items():
            torch.testing.assert_close(getattr(together, name)[row], head[0], atol=1e-5, rtol=1e-4, msg=name)


def test_bounds_lie_within_the_window(model: nn.Module) -> None:
    within_BT = torch.arange(41) < torch.tensor(LENGTHS)[:, None]
    for name, head_BT in heads_of(model(batch_of(*LENGTHS)), ("starts_BT", "ends_BT")).items():
        assert ((head_BT > -torch.inf) == within_BT).all(), name


@pytest.mark.parametrize("name", SPEAKING)
def test_the_gradient_reaches_every_trainable_parameter(name: str) -> None:
    model, batch = build(name).train(), batch_of(*LENGTHS)
    output: SpanOutput = model(batch)
    torch.stack(list(loss_for(output)(output, batch).values())).sum().backward()
    for path, parameter in model.named_parameters():
        assert parameter.grad is not None, path
        assert parameter.grad.abs().sum() > 0, path


@pytest.mark.parametrize("name", SPEAKING)
def test_it_learns_eight_windows_by_heart(name: str) -> None:
    model = build(name).train()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    batch = batch_of(8, 22, 24, 26, 28, 30, 33, 35)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    first = {}
    for _ in range(150):
        optimizer.zero_grad()
        output: SpanOutput = model(batch)
        terms = loss_for(output)(output, batch)
        first = first or {term: value.item() for term, value in terms.items()}
        torch.stack(list(terms.values())).sum().backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if all(value.item() < 0.4 * first[term] for term, value in terms.items()):
            break
    assert {term: value.item() for term, value in terms.items() if value.item() >= 0.5 * first[term]} == {}
