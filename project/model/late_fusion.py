"""Late fusion: two recognizers hear the same, and what they say of each moment is mixed.

It mixes probabilities, never logits, whose scale is each network's own. It does not know that recognizers which were
trained apart say a symbol at different moments: then blank wins wherever they do not agree on one, and their sequences
or GOP scores are better fused than their frames. `hear_apart` lets a diagnosis see it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Literal, cast, final

import torch
from torch import Tensor, nn

from project.contract import Batch, Emissions, InputError
from project.model.frame_rate import num_matched, ratio_of, repeated
from project.model.trained import take_weights
from project.part import Model
from project.text.alphabet import Alphabet

# B examples, T frames, V symbols (blank included)

_MANY = 1_000_000  # frames of a signal that is long enough to tell a rate by


@final
class LateFusion(nn.Module):
    """Two CTC models; `alpha` is the part of the second: 0 is exactly the first alone, 1 exactly the second.

    In `space` log a symbol needs both (their log-probabilities are weighted, and made a distribution again), in linear
    one is enough (their probabilities are). The one with fewer frames has its frames repeated.

    `weights`: run folders by member, whose best weights it starts from; a run that is restored has them already.
    `frozen`: members do not learn. With only an alpha left, nothing does, and a sweep over it trains nothing.
    """

    def __init__(
        self,
        num_symbols: int,
        members: Mapping[str, nn.Module],
        *,
        alpha: float = 0.5,
        space: Literal["log", "linear"] = "log",
        weights: Mapping[str, str | None] | None = None,
        frozen: bool = False,
        alphabet: Alphabet | None = None,
        architecture: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if len(members) != 2:
            raise InputError(f"model.members: there are {len(members)}: give two, by name; fusions may be members")
        if not 0 <= alpha <= 1:
            raise InputError(f"model.alpha is {alpha}: give the part of the second member, from 0 to 1")
        hears = {name: getattr(member, "hears", "features") for name, member in members.items()}
        if len(set(hears.values())) > 1:
            told = ", ".join(f"{name} {what}" for name, what in hears.items())
            raise InputError(f"model.members hear different things ({told}): choose members of one feature=...")
        self.members = nn.ModuleDict(members)
        self.alpha, self.space, self._num_symbols = alpha, space, num_symbols
        self.hears = next(iter(hears.values()))
        self.mixes_padding = any(getattr(member, "mixes_padding", False) for member in members.values())
        if architecture is None:
            for name, folder in (weights or {}).items():
                self._start(name, folder, alphabet)
        for name, member in members.items():
            if frozen or name not in self._heard:  # whoever has no say gets no gradient
                member.requires_grad_(False)

    def _start(self, name: str, folder: str | None, alphabet: Alphabet | None) -> None:
        if name not in self.members:
            raise InputError(f"model.weights.{name}: no such member: name one of {', '.join(self.members)}")
        if folder:
            take_weights(self.members[name], folder, f"model.weights.{name}", alphabet)

    @property
    def architecture(self) -> dict[str, Any]:
        """Of the members that have one, by name."""
        known = {name: getattr(member, "architecture", None) for name, member in self.members.items()}
        return {"members": {name: one for name, one in known.items() if one is not None}}

    @property
    def bodies(self) -> tuple[str, ...]:
        """Where adapters go: the backbones of members that have a say."""
        return tuple(f"members.{name}.backbone" for name in self._heard if hasattr(self.members[name], "backbone"))

    def rate_of(self, name: str) -> float:
        """A parameter's factor of the learning rate: what its member says."""
        _, member, rest = name.split(".", 2)
        rate_of = getattr(self.members[member], "rate_of", None)
        return float(rate_of(rest)) if callable(rate_of) else 1.0

    def forward(self, batch: Batch) -> Emissions:
        """(B, T, V) log-probabilities in float32, at the higher of the members' rates."""
        if len(self._heard) == 1:
            alone: Emissions = self.members[self._heard[0]](batch)
            return alone
        first, second = self.hear_apart(batch).values()
        mixed_BTV = self._mix(first.log_probs_BTV, second.log_probs_BTV)
        return Emissions(mixed_BTV, first.lengths_B)

    def hear_apart(self, batch: Batch) -> dict[str, Emissions]:
        """What each member that has a say says, on the frames that they are mixed in."""
        if len(self._heard) == 1:
            return {self._heard[0]: self(batch)}
        said: dict[str, Emissions] = {name: self.members[name](batch) for name in self.members}
        widths = {name: one.log_probs_BTV.shape[2] for name, one in said.items()}
        assert set(widths.values()) == {self._num_symbols}, f"members write different alphabets: {widths}"
        stretched = [repeated(said[name].log_probs_BTV, said[name].lengths_B, ratio) for name, ratio in self._ratios()]
        frames = min(log_probs_BTV.shape[1] for log_probs_BTV, _ in stretched)
        shortest_B = stretched[0][1].minimum(stretched[1][1])
        return {
            name: Emissions(log_probs_BTV[:, :frames], shortest_B)
            for name, (log_probs_BTV, _) in zip(said, stretched, strict=True)
        }

    def num_output_frames(self, num_frames: Tensor) -> Tensor:
        """The member's that is heard alone; else the fewer of both, at the higher rate."""
        if len(self._heard) == 1:
            return self._count(self._heard[0], num_frames)
        first_B, second_B = (num_matched(self._count(name, num_frames), ratio) for name, ratio in self._ratios())
        return first_B.minimum(second_B)

    @property
    def frame_rate(self) -> float | None:
        """Output frames a second, where members know theirs."""
        rates = [_frame_rate(self.members[name]) for name in self._heard]
        known = [rate for rate in rates if rate is not None]
        return max(known) if len(known) == len(rates) else None

    @property
    def _heard(self) -> tuple[str, ...]:
        names = tuple(self.members)
        return names[:1] if self.alpha == 0 else names[1:] if self.alpha == 1 else names

    def _ratios(self) -> list[tuple[str, Fraction]]:
        """By how much each member's frames become more."""
        told = {name: _frame_rate(member) for name, member in self.members.items()}
        rates = {name: rate for name, rate in told.items() if rate is not None}
        if len(rates) < len(told):
            rates = {name: float(self._count(name, torch.tensor([_MANY]))) for name in told}
        fastest = max(rates.values())
        return [(name, ratio_of(fastest, rate)) for name, rate in rates.items()]

    def _count(self, name: str, num_frames: Tensor) -> Tensor:
        return cast(Model, self.members[name]).num_output_frames(num_frames)

    def _mix(self, first_BTV: Tensor, second_BTV: Tensor) -> Tensor:
        if self.space == "log":
            return ((1 - self.alpha) * first_BTV + self.alpha * second_BTV).log_softmax(dim=2)
        return torch.logaddexp(first_BTV + math.log(1 - self.alpha), second_BTV + math.log(self.alpha)).log_softmax(2)


def _frame_rate(member: nn.Module) -> float | None:
    """Output frames a second, as the member or its backbone tells."""
    rate = getattr(member, "frame_rate", None) or getattr(getattr(member, "backbone", None), "frame_rate", None)
    return None if rate is None else float(rate)
