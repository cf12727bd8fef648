"""What is done when memory runs out in a training step: the step is done again in parts.

It does not know the model, nor on which device memory ran out: a step is a function of a batch.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any, final

import torch
from torch import Tensor, nn

from project.contract import Batch
from project.system.out_of_memory import is_out_of_memory

log = logging.getLogger("scansion")

Answer = dict[str, Any]  # of a step: "loss" with its graph, "total" without, "terms" and "weighted" by name
Learn = Callable[[Batch], Answer | None]  # None: the step is skipped
Context = Callable[[], AbstractContextManager[Any]]


@final
class Halving:
    """Does a step that ran out of memory again in 2, 4, 8 ... parts, down to single examples, until each of them fits.

    The gradient is the mean of the parts' gradients, weighted by their numbers of examples: that of the whole batch
    where the loss is a mean over examples that do not look at each other. Where it is a mean over frames or tokens,
    those of short examples weigh more than they would; batch norms see the parts alone; dropout draws anew.

    It begins again without any gradient, so nothing else may have put some there: no accumulation, one process.
    """

    def __init__(self) -> None:
        self.steps = 0  # that were done in parts
        self._batch: Batch | None = None
        self._answer: Answer | None = None
        self._loss: Tensor | None = None  # with its graph, which nobody else holds: it goes before the next attempt
        self._gate = torch.zeros(())

    def step(self, learn: Learn, batch: Batch) -> Answer | None:
        """What `learn` answers; if memory runs out, blanks that `backward` fills in.

        In place of the loss it gives a gate without a graph, from which `backward` knows what it was multiplied with.
        """
        self._batch, self._loss = batch, None
        found: list[Answer | None] = []
        if shortage(lambda: found.append(learn(batch))):
            found = [{"total": torch.zeros((), device=batch.signals_BTF.device), "terms": {}, "weighted": {}}]
        (self._answer,) = found
        if self._answer is None:
            return None
        self._loss = self._answer.pop("loss", None)
        self._gate = self._answer["total"].clone().requires_grad_()
        return {**self._answer, "loss": self._gate}

    def backward(self, loss: Tensor, learn: Learn, model: nn.Module, context: Context) -> None:
        """The gradient of the step, in parts if need be; forward passes run within `context`."""
        batch, answer = self._batch, self._answer
        assert batch is not None
        assert answer is not None
        (factor,) = torch.autograd.grad(loss, self._gate)
        held, self._loss = [self._loss] if self._loss is not None else [], None
        if held and not shortage(partial(_run_back, held, factor)):
            return
        for name in ("terms", "weighted"):  # callbacks hold them too, and with them the graph
            answer[name].clear()
        said = "out of memory with a single example"
        for parts in doublings(len(batch)):
            model.zero_grad()
            pieces = divided(batch, parts)
            said = shortage(partial(learn_in, pieces, learn, factor, context, answer))
            if not said:
                self.steps += 1
                shape = " x ".join(map(str, batch.signals_BTF.shape))
                log.warning("out of memory with a batch of %s: done again in %d parts", shape, parts)
                return
        raise torch.OutOfMemoryError(said)


def learn_in(pieces: list[Batch], learn: Learn, factor: Tensor, context: Context, answer: Answer) -> None:
    """The gradient of a step in pieces, and its answer filled with what the whole batch would have answered."""
    whole = sum(map(len, pieces))
    rows: dict[str, list[tuple[int, Mapping[str, Tensor]]]] = {"terms": [], "weighted": [], "total": []}
    for piece in pieces:
        with context():
            one = learn(piece)
        if one is None:
            continue
        _run_back([one.pop("loss")], factor * (len(piece) / whole))
        detached = {name: {key: value.detach() for key, value in one[name].items()} for name in ("terms", "weighted")}
        for name, values in {**detached, "total": {"total": one["total"]}}.items():
            rows[name].append((len(piece), values))
    for name in ("terms", "weighted"):
        answer[name].update(means(rows[name]))
    answer["total"].copy_(means(rows["total"]).get("total", answer["total"]))


def _run_back(held: list[Tensor], factor: Tensor) -> None:
    """The gradient of the one loss that is held, which is let go."""
    torch.autograd.backward(held.pop() * factor)


def means(rows: list[tuple[int, Mapping[str, Tensor]]]) -> dict[str, Tensor]:
    """Each name's mean over the examples of the pieces that have it.

    >>> means([(3, {"a": torch.tensor(1.0)}), (1, {"a": torch.tensor(5.0), "b": torch.tensor(2.0)})])
    {'a': tensor(2.), 'b': tensor(2.)}
    """
    found: dict[str, Tensor] = {}
    for name in dict.fromkeys(name for _, values in rows for name in values):
        sizes = [size for size, values in rows if name in values]
        found[name] = sum(
            (size * values[name] for size, values in rows if name in values), start=torch.tensor(0.0)
        ) / sum(sizes)
    return found


def divided(batch: Batch, parts: int) -> list[Batch]:
    """A batch in so many parts of about equal size, as it is padded."""
    bounds = [len(batch) * place // parts for place in range(parts + 1)]
    return [_rows(batch, *pair) for pair in pairwise(bounds)]


def _rows(batch: Batch, start: int, end: int) -> Batch:
    return replace(
        batch,
        ids=batch.ids[start:end],
        signals_BTF=batch.signals_BTF[start:end],
        lengths_B=batch.lengths_B[start:end],
        targets={name: tensor[start:end] for name, tensor in batch.targets.items()},
        references=batch.references[start:end],
    )


def doublings(most: int) -> Iterator[int]:
    """2, 4, 8 ... parts, at last as many as there are.

    >>> list(doublings(6)), list(doublings(1))
    ([2, 4, 6], [])
    """
    parts = 2
    while parts < most:
        yield parts
        parts *= 2
    if most > 1:
        yield most


def shortage(work: Callable[[], object]) -> str:
    """What was said when memory ran out in a piece of work; empty where it did not.

    On return the frames of the failed work, and all that they held, are gone.
    """
    try:
        work()
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        said = str(error) or type(error).__name__
    else:
        return ""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()  # pieces of other sizes are needed now
    return said
