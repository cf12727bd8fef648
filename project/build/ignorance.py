"""What can be known of the training examples' targets before anything is learned, for whoever asks for it.

Models start at the base rate, weightings bring terms to one scale, skill is measured against it. Only losses that have
a `guess` are asked; for others nothing is known, and nothing is read.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from project.contract import Batch

if TYPE_CHECKING:
    from project.contract import SpanOutput
    from project.data.module import DataModule
    from project.system.ignorance import Ignorance

MOST = 20_000  # training examples that are looked at


@dataclass(frozen=True, slots=True)
class BestGuess:
    """The targets of the training examples, and what is best said of them by one who does not look."""

    targets: Batch | None = None
    ignorance: Ignorance | None = None

    @property
    def base_rate(self) -> float | None:
        """The part of frames that lie inside a span."""
        return self.ignorance.base_rate if self.ignorance else None

    def losses(self, model: Any, loss: Any) -> dict[str, float] | None:
        """Each term of a loss for the ignorant, whose heads are those of the model."""
        import torch

        if self.targets is None or self.ignorance is None:
            return None
        was_training = model.training
        with torch.no_grad():
            like = model.eval()(longest_of(self.targets))
            terms = loss(self.ignorance.instead_of(repeated(like, self.targets)), self.targets)
        model.train(was_training)
        return {name: float(term) for name, term in terms.items()}

    def tell(self, system: Any) -> None:
        """Let a system measure skill."""
        if self.ignorance is not None:
            system.ignorance = self.ignorance


def ignorance_of(loss: Any, data: DataModule) -> BestGuess:
    """What a loss can guess from the training examples, if it can guess and they are at hand."""
    from project.system.ignorance import Ignorance

    if not hasattr(loss, "guess"):
        return BestGuess()
    targets = data.training_targets(MOST)
    guess = {} if targets is None else loss.guess(targets)
    if targets is None or not guess:
        return BestGuess()
    return BestGuess(targets, Ignorance(guess, base_rate_of(targets)))


def base_rate_of(targets: Batch) -> float:
    """The part of the frames that lie inside a span: what is padded is not inside."""
    return float(targets.targets["inside"].sum() / targets.lengths_B.sum())


def longest_of(targets: Batch) -> Batch:
    """The longest example alone, without its targets."""
    row = int(targets.lengths_B.argmax())
    part = slice(row, row + 1)
    return Batch(targets.ids[part], targets.signals_BTF[part], targets.lengths_B[part], {}, targets.references[part])


def repeated(like: SpanOutput, targets: Batch) -> SpanOutput:
    """What is said of one example, said of all: only the heads that there are count."""
    heads = {one.name: getattr(like, one.name) for one in fields(like) if one.name.split("_")[-1].startswith("B")}
    wide = {name: head.expand(len(targets), *head.shape[1:]) for name, head in heads.items() if head is not None}
    return replace(like, **wide | {"lengths_B": targets.lengths_B})
