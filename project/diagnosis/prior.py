"""What a model that ignores its input would say, and heads and terms that are no better than that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import torch

from project.contract import Batch, Emissions, Finding
from project.diagnosis.evidence import Evidence
from project.padding import inside


def ignorant(output: Emissions, batch: Batch) -> Emissions:
    """The emissions of one that has not listened: each frame the frequencies of blank and symbols in this batch.

    States, if there are any, are as frequent as where they are asked; all paces are as likely as each other; a second
    head has not listened either.
    """
    symbols_BL, num_symbols_B = batch.targets["symbols"], batch.targets["symbol_lengths"]
    inside_BL = inside(num_symbols_B, symbols_BL.shape[1])
    counts_V = torch.bincount(symbols_BL[inside_BL], minlength=output.log_probs_BTV.shape[2]).float()
    frames = output.lengths_B.sum().float()
    counts_V[0] = (frames - counts_V.sum()).clamp(min=0.05 * frames)
    log_probs_V = (counts_V / counts_V.sum()).clamp(min=1e-8).log()
    constant = replace(output, log_probs_BTV=log_probs_V.expand_as(output.log_probs_BTV))
    if output.pace is not None:
        log_probs_BTK = torch.zeros_like(output.pace.log_probs_BTK).log_softmax(dim=2)
        constant = replace(constant, pace=replace(output.pace, log_probs_BTK=log_probs_BTK))
    if output.auxiliary is not None:
        constant = replace(constant, auxiliary=ignorant(output.auxiliary, batch))
    if output.states_BT is None or "states" not in batch.targets:
        return constant
    weights_BT = batch.targets["hidden"] * batch.targets["trust"]
    rate = (weights_BT * batch.targets["states"]).sum() / weights_BT.sum().clamp(min=1e-9)
    return replace(constant, states_BT=torch.logit(rate, eps=1e-4).expand_as(output.states_BT))


def skills(losses: Mapping[str, float], priors: Mapping[str, float]) -> dict[str, float]:
    """`skill/<term>`: 1 less the loss over that of the ignorant; 0 is nothing learned, 1 everything.

    >>> skills({"ctc": 1.0}, {"ctc": 4.0, "other": 0.0})
    {'skill/ctc': 0.75}
    """
    return {f"skill/{name}": 1 - losses[name] / prior for name, prior in priors.items() if prior > 0 and name in losses}


class PriorOnly:
    """A term or a head that is no better than a model that ignores its input, validation after validation."""

    def __init__(self, least: float = 0.02, validations: int = 3, ignore: Sequence[str] = ()) -> None:
        self.least = least
        self.validations = validations
        self.ignore = tuple(ignore)

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        for name, _ in evidence.between("skill/"):
            recent = evidence.lately(f"skill/{name}", self.validations)
            if name in self.ignore or not recent or max(recent) >= self.least:
                continue
            yield Finding(
                "", name,
                f"{name} is no better than saying the same whatever the input (skill {recent[-1]:.3f}, 0 is a guess)",
                "See whether another term takes its share of the loss or the gradient (train/<term>/share, "
                "gradient/share), raise its weight, check its targets, or give it more to learn from",
                {"skill": recent[-1]},
            )  # fmt: skip
