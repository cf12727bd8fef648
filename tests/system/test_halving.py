"""Memory that runs out: the step is done in parts, and learns what it would have learned whole."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from project import train
from project.build.assemble import build_recognizer
from project.build.compose import compose
from project.contract import Batch, Emissions, InputError, WorkError
from project.run import Run
from project.system.halving import Halving, divided

pytestmark = pytest.mark.long


FITS = 2  # examples, in the machine of these tests


class Refused(torch.autograd.Function):
    """Memory that runs out on the way back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.examples = len(x)
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        if ctx.examples > FITS:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return gradient


class Small(nn.Module):
    """A model of ours in a machine that holds two examples at once."""

    def __init__(self, model: nn.Module, where: str) -> None:
        super().__init__()
        self.model, self.where = model, where

    def forward(self, batch: Batch) -> Any:
        if self.training and self.where == "forward" and len(batch) > FITS:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        said = self.model(batch)
        if self.training and self.where == "backward":  # after some gradients are there
            said = Emissions(Refused.apply(said.log_probs_BTV), said.lengths_B)
        return said

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("model"), name)


@pytest.fixture
def trained(tiny: list[str], tmp_path: Path) -> Callable[..., tuple[Run, Any]]:
    """A run of two epochs, six batches of four each, in a machine where memory runs out somewhere."""

    def fit(where: str, *words: str) -> tuple[Run, Any]:
        words = ("callbacks.recorder.every_steps=1", "trainer.max_epochs=1", *words)
        config = compose("train", [*tiny, "model.dropout=0", *words])
        recognizer = train.build(config)
        recognizer.system.model = Small(recognizer.system.model, where)
        run = Run(tmp_path / where / "-".join(words)[-20:])
        train.fit(run, config, recognizer)
        return run, recognizer

    return fit


def losses(run: Run) -> list[float]:
    lines = (run.folder / "metrics.csv").read_text().splitlines()
    return [float(line.split(",")[3]) for line in lines if ",train/loss," in line]


@pytest.mark.parametrize("where", ["forward", "backward"])
@pytest.mark.parametrize("precision", ["32", "bf16"])
def test_in_parts_it_learns_what_it_would_have_learned_whole(
    where: str, precision: str, trained: Callable[..., tuple[Run, Any]]
) -> None:
    words = [f"trainer.precision={precision}"]
    whole, sound = trained("nowhere", *words)
    halved, recognizer = trained(where, *words, "on_out_of_memory=halve")
    assert sound.system.halving is None
    assert recognizer.system.halving.steps == 6
    near = {"rel": 1e-5} if precision == "32" else {"rel": 2e-2}
    assert losses(halved) == pytest.approx(losses(whole), **near)
    if precision == "32":
        weights = recognizer.system.state_dict()
        for name, value in sound.system.state_dict().items():
            torch.testing.assert_close(weights[name], value, rtol=1e-4, atol=1e-6)
    said = (halved.folder / "train.log").read_text()
    assert "out of memory with a batch of 4 x " in said
    assert said.count("done again in 2 parts") == 6


def test_other_errors_pass_and_without_being_asked_it_stops(trained: Callable[..., tuple[Run, Any]]) -> None:
    with pytest.raises(WorkError, match=r"out of memory at step 0 with a batch of 4 x \d+ frames"):
        trained("backward")
    halving, model, batch = Halving(), nn.Linear(1, 1), batch_of(4)
    with pytest.raises(ValueError, match="something else"):
        halving.step(lambda _: (_ for _ in ()).throw(ValueError("something else")), batch)
    assert not next(iter(model.parameters())).grad


@pytest.mark.parametrize("most", [1, 2, 3])
def test_parts_become_smaller_until_they_fit(most: int) -> None:
    """Seven examples: in 7, or 4 parts; what is scaled stays scaled, terms are means over examples."""
    model, batch, sizes = nn.Linear(1, 1), batch_of(7), list[int]()
    halving = Halving()
    learn = learning(model, most, sizes)
    whole = learning(model, 7, [])(batch)
    assert whole is not None
    (8 * whole["loss"]).backward()
    wanted = [parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None]
    model.zero_grad()

    answer = halving.step(learn, batch)
    assert answer is not None
    halving.backward(8 * answer["loss"], learn, model, nullcontext)
    found = [parameter.grad for parameter in model.parameters()]
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(answer["total"], whole["total"])
    torch.testing.assert_close(answer["terms"]["square"], whole["terms"]["square"])
    assert max(sizes[-4:]) <= most
    assert halving.steps == 1


def test_one_example_that_does_not_fit_is_the_end() -> None:
    model, batch, learn = nn.Linear(1, 1), batch_of(3), learning(nn.Linear(1, 1), 0, [])
    halving = Halving()
    answer = halving.step(learn, batch)
    assert answer is not None
    with pytest.raises(torch.OutOfMemoryError, match="out of memory, says the machine"):
        halving.backward(answer["loss"], learn, model, nullcontext)
    assert halving.steps == 0


def test_a_step_that_is_skipped_stays_skipped() -> None:
    assert Halving().step(lambda _: None, batch_of(2)) is None


def test_nothing_of_the_failed_attempt_is_held() -> None:
    """Its graph would fill the memory that the parts need."""
    model, batch, halving, alive = nn.Linear(1, 1), batch_of(4), Halving(), list[weakref.ref[Tensor]]()

    def learn(batch: Batch) -> dict[str, Any]:
        hidden_B1 = Refused.apply(model(batch.signals_BTF[:, 0]).square())
        if len(batch) <= FITS:
            assert [one() for one in alive] == [None]
        else:
            alive.append(weakref.ref(hidden_B1))
        term = hidden_B1.mean()
        return {"loss": term, "total": term.detach(), "terms": {"square": term}, "weighted": {"square": term * 1}}

    answer = halving.step(learn, batch)
    assert answer is not None
    halving.backward(answer["loss"], learn, model, nullcontext)
    assert halving.steps == 1
    assert set(answer["weighted"]) == {"square"}


def test_a_batch_is_divided_whole() -> None:
    batch = batch_of(5)
    parts = divided(batch, 3)
    assert [len(part) for part in parts] == [1, 2, 2]
    assert sum((part.ids for part in parts), ()) == batch.ids
    torch.testing.assert_close(torch.cat([part.signals_BTF for part in parts]), batch.signals_BTF)
    torch.testing.assert_close(torch.cat([part.targets["wanted"] for part in parts]), batch.targets["wanted"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["trainer=ddp"], "on_out_of_memory=halve needs one process"),
        (["trainer.accumulate_grad_batches=2"], "and one batch in each step"),
        (["on_out_of_memory=shrug"], "on_out_of_memory=shrug: choose stop or halve"),
    ],
)
def test_where_it_cannot_be_it_is_refused(words: list[str], message: str, tiny: list[str]) -> None:
    with pytest.raises(InputError, match=message):
        build_recognizer(compose("train", [*tiny, "on_out_of_memory=halve", *words]), training=True)


def batch_of(count: int) -> Batch:
    """Numbers, and what is wanted of them."""
    generator = torch.Generator().manual_seed(count)
    signals_BTF, wanted_B = torch.randn(count, 1, 1, generator=generator), torch.randn(count, generator=generator)
    names = tuple(map(str, range(count)))
    return Batch(names, signals_BTF, torch.ones(count, dtype=torch.int64), {"wanted": wanted_B}, names)


def learning(model: nn.Module, most: int, sizes: list[int]) -> Callable[[Batch], dict[str, Any] | None]:
    """Least squares, of so many examples at most."""

    def learn(batch: Batch) -> dict[str, Any]:
        sizes.append(len(batch))
        if len(batch) > most:
            raise torch.OutOfMemoryError("out of memory, says the machine")
        term = (model(batch.signals_BTF[:, 0])[:, 0] - batch.targets["wanted"]).square().mean()
        return {"loss": term, "total": term.detach(), "terms": {"square": term}, "weighted": {"square": term}}

    return learn
