"""Whether recognizers that are mixed frame by frame say their symbols at the same moments.

CTC says a symbol in a frame or two, and which ones is left to the network: two that were trained apart agree on what is
said and not on when. Where one says a symbol the other says blank, so the mixture says blank, or says it twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from rapidfuzz.distance import Levenshtein

from project.contract import Batch, Emissions, Finding
from project.diagnosis.evidence import Evidence

# B examples, T frames, V symbols (blank included, at 0)

Spike = tuple[int, int, int]  # symbol, first frame, frame behind the last


@runtime_checkable
class Fused(Protocol):
    """A model of two that can be heard apart."""

    frame_rate: float | None

    def __call__(self, batch: Batch) -> Emissions: ...

    def hear_apart(self, batch: Batch) -> Mapping[str, Emissions]:
        """What each of them says, on the same frames."""


@dataclass(frozen=True, slots=True)
class SpikeOffset:
    """Of symbols that two recognizers agree on, in their order: how many, and how far apart they are said."""

    agreed: int
    disjoint: int  # of these, said in frames of which none is the same
    offset: float  # frames from the middle of one to the middle of the other, mean over all that are agreed on
    lost: int = 0  # of these, not said by the mixture anywhere between

    def __add__(self, other: SpikeOffset) -> SpikeOffset:
        agreed = self.agreed + other.agreed
        offset = (self.offset * self.agreed + other.offset * other.agreed) / max(1, agreed)
        return SpikeOffset(agreed, self.disjoint + other.disjoint, offset, self.lost + other.lost)


def spike_offset(first: Emissions, second: Emissions, mixed: Emissions | None = None) -> SpikeOffset:
    """Over all examples of a batch, by the likeliest symbol of each frame."""
    paths = [spikes_of(one) if one is not None else None for one in (first, second, mixed)]
    total = SpikeOffset(0, 0, 0.0)
    for row, (mine, theirs) in enumerate(zip(paths[0] or (), paths[1] or (), strict=True)):
        said = paths[2][row] if paths[2] is not None else None
        total += _compared(mine, theirs, said)
    return total


def spikes_of(emissions: Emissions) -> list[list[Spike]]:
    """By example: each symbol that stands after frames are collapsed, with its frames."""
    found = []
    best_BT = emissions.log_probs_BTV.argmax(dim=2).cpu()
    for best_T, length in zip(best_BT, emissions.lengths_B.tolist(), strict=True):
        symbols, counts = torch.unique_consecutive(best_T[:length], return_counts=True)
        ends = counts.cumsum(0).tolist()
        runs = zip(symbols.tolist(), [0, *ends[:-1]], ends, strict=True)
        found.append([run for run in runs if run[0] != 0])
    return found


def _compared(mine: Sequence[Spike], theirs: Sequence[Spike], said: Sequence[Spike] | None) -> SpikeOffset:
    steps = Levenshtein.opcodes([one[0] for one in mine], [one[0] for one in theirs])
    pairs = [
        (mine[step.src_start + n], theirs[step.dest_start + n])
        for step in steps
        if step.tag == "equal"
        for n in range(step.src_end - step.src_start)
    ]
    disjoint = sum(one[2] <= other[1] or other[2] <= one[1] for one, other in pairs)
    offsets = [abs((one[1] + one[2]) - (other[1] + other[2])) / 2 for one, other in pairs]
    lost = 0 if said is None else sum(not _is_between(one, other, said) for one, other in pairs)
    return SpikeOffset(len(pairs), disjoint, sum(offsets) / max(1, len(pairs)), lost)


def _is_between(one: Spike, other: Spike, said: Sequence[Spike]) -> bool:
    start, end = min(one[1], other[1]), max(one[2], other[2])
    return any(symbol == one[0] and first < end and last > start for symbol, first, last in said)


def fusion_figures(model: object, batches: Sequence[Batch]) -> dict[str, float]:
    """`fusion/agreed`, and of these `fusion/disjoint` and `fusion/lost` as parts, `fusion/offset_ms` (`_frames`).

    Nothing where the model is not a mixture, or one of its two is heard alone.
    """
    if not isinstance(model, Fused) or not batches:
        return {}
    total = SpikeOffset(0, 0, 0.0)
    for batch in batches:
        said = list(model.hear_apart(batch).values())
        if len(said) != 2:
            return {}
        total += spike_offset(said[0], said[1], model(batch))
    figures = {"fusion/agreed": float(total.agreed)}
    if total.agreed:
        figures |= {"fusion/disjoint": total.disjoint / total.agreed, "fusion/lost": total.lost / total.agreed}
        rate = model.frame_rate
        figures["fusion/offset_ms" if rate else "fusion/offset_frames"] = total.offset * (1000 / rate if rate else 1)
    return figures


class SpikesApart:
    """Members agree on symbols and say them in different frames: a mixture by frames loses them to blank."""

    def __init__(self, disjoint: float = 0.2, agreed: int = 20) -> None:
        self.disjoint, self.agreed = disjoint, agreed

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        agreed, disjoint = evidence.last("fusion/agreed") or 0.0, evidence.last("fusion/disjoint") or 0.0
        if agreed < self.agreed or disjoint <= self.disjoint:
            return
        lost, offset = evidence.last("fusion/lost") or 0.0, evidence.last("fusion/offset_ms")
        apart = (
            f"{offset:.0f} ms" if offset is not None else f"{evidence.last('fusion/offset_frames') or 0.0:.1f} frames"
        )
        yield Finding(
            "", "", f"The members say {disjoint:.0%} of the symbols they agree on in different frames, {apart} apart "
            f"on the whole; the mixture loses {lost:.0%} of them",
            "Fuse sequences or GOP scores, which ask nothing of frames, or their encoders (model=early_fusion), or "
            "train one member with the other as its teacher (loss=distill)",
            {"agreed": agreed, "disjoint": disjoint, "lost": lost},
        )  # fmt: skip
