"""Whether an exported graph says what the original says, on real examples: same Hypotheses, and by how much it is off.

The graph takes the model's place in the run's own recognizer, so that all else, decoding and metrics included, is what
evaluation does.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from project.build.assemble import Recognizer
from project.contract import Batch, Emissions, Hypothesis, Output, SpanOutput
from project.data.manifest import Manifest
from project.exporting.front import padded
from project.exporting.running import Graph, output_of
from project.exporting.whole import HEADS, told
from project.scoring.predictions import predict

PRECISION = "32-true"


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found on a manifest's examples."""

    hypotheses: Mapping[str, Hypothesis]  # by id
    figures: Mapping[str, float]  # of the metrics, as evaluation names them
    difference: float = 0.0  # the largest from what the original says, in its own units, inside lengths
    seconds: float = 0.0  # that it took, from raw signals to what decoders look at; reading is not in it
    original_seconds: float = 0.0  # that feature and model took for the same


@final
class InPlace(nn.Module):
    """Stands in the model's place, runs the graph instead and compares what both say."""

    def __init__(self, graph: Graph, original: nn.Module, feature: Any, manifest: Manifest) -> None:
        super().__init__()
        self.original = original
        self._graph, self._feature = graph, feature
        self._media = {manifest[index].id: manifest[index].media for index in range(len(manifest))}
        self.difference = self.seconds = self.original_seconds = 0.0

    def forward(self, batch: Batch) -> Output:
        """What the graph says of the batch's media."""
        signals = [self._feature.read(self._media[name]) for name in batch.ids]
        started = time.perf_counter()
        for signal in signals:
            self._feature(signal)
        theirs = self.original(batch)
        middle = time.perf_counter()
        mine = output_of(self._graph(padded(self._feature, signals)))
        self.seconds += time.perf_counter() - middle
        self.original_seconds += middle - started
        self.difference = max(self.difference, largest_difference(mine, theirs))
        return instead(theirs, mine)

    def num_output_frames(self, num_frames: Tensor) -> Tensor:
        """As the original."""
        found: Tensor = self.original.num_output_frames(num_frames)  # type: ignore[operator]
        return found


def instead(theirs: Output, mine: Output) -> Output:
    """An Output with what a graph says in place of what is said there; what the graph leaves out stays."""
    names = ("log_probs_BTV", "lengths_B") if isinstance(mine, Emissions) else (*HEADS, "lengths_B")
    said = {name: getattr(mine, name) for name in names if getattr(mine, name) is not None}
    changes: Any = {name: _as_long(one, getattr(theirs, name)) for name, one in said.items()}
    return replace(theirs, **changes)


def _as_long(mine: Tensor, theirs: Tensor) -> Tensor:
    """The same, padded or cut to as many frames: how many there are beyond lengths is of no account."""
    if mine.ndim < 2 or mine.shape[1] == theirs.shape[1]:
        return mine
    missing = max(0, theirs.shape[1] - mine.shape[1])
    return functional.pad(mine, (0, 0) * (mine.ndim - 2) + (0, missing))[:, : theirs.shape[1]]


def largest_difference(mine: Output, theirs: Output) -> float:
    """Between two Outputs of one batch, inside lengths; infinity where shapes or lengths differ."""
    largest = 0.0
    assert isinstance(mine, Emissions | SpanOutput)
    assert isinstance(theirs, Emissions | SpanOutput)
    if not torch.equal(mine.lengths_B, theirs.lengths_B):
        return float("inf")
    for (name, one), (_, other) in zip(told(mine), told(theirs), strict=True):
        if name == "frames":
            continue
        for row, length in enumerate(theirs.lengths_B.tolist()):
            parts = [side[row] if name in PER_EXAMPLE else side[row, :length] for side in (one, other)]
            if parts[0].shape != parts[1].shape or not parts[0].isfinite().all():
                return float("inf")
            largest = max(largest, float((parts[0] - parts[1]).abs().max()) if parts[0].numel() else 0.0)
    return largest


PER_EXAMPLE = ("kinds", "pointers")  # heads that say one thing of an example, not of each frame


def originally(recognizer: Recognizer, manifest: Manifest) -> Checked:
    """What the recognizer itself recognizes."""
    scored = predict(recognizer, manifest, PRECISION, "cpu").scored
    return Checked({name: row.hypothesis for name, row in scored.items()}, dict(recognizer.system.summary()))


def exported(recognizer: Recognizer, graph: Graph, manifest: Manifest) -> Checked:
    """What is recognized in what a graph says instead of the model."""
    system = recognizer.system
    model = system.model
    stand_in = InPlace(graph, model, recognizer.feature, manifest)
    system.model = stand_in
    try:
        scored = predict(recognizer, manifest, PRECISION, "cpu").scored
    finally:
        system.model = model
    found = {name: row.hypothesis for name, row in scored.items()}
    times = stand_in.difference, stand_in.seconds, stand_in.original_seconds
    return Checked(found, dict(system.summary()), *times)


def differing(first: Checked, second: Checked) -> list[str]:
    """Ids of the examples in which not the same is recognized."""
    return [
        name
        for name, one in first.hypotheses.items()
        if (one.tokens, one.text) != (second.hypotheses[name].tokens, second.hypotheses[name].text)
    ]
