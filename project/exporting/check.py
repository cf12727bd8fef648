"""Whether an exported graph says what the original says, on real examples: same Hypotheses, and by how much it is off.

The graph takes the model's place in the run's own recognizer, so that all else, decoding and metrics included, is what
evaluation does.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, nn

from project.build.assemble import Recognizer
from project.build.scoring import predict
from project.contract import Batch, Hypothesis, Output
from project.data.manifest import Manifest
from project.exporting.front import padded
from project.exporting.running import Graph, output_of
from project.exporting.whole import told

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
        return mine

    def num_output_frames(self, num_frames: Tensor) -> Tensor:
        """As the original."""
        found: Tensor = self.original.num_output_frames(num_frames)  # type: ignore[operator]
        return found


def largest_difference(mine: Output, theirs: Output) -> float:
    """Between two Outputs of one batch, inside lengths; infinity where shapes or lengths differ."""
    largest = 0.0
    if not torch.equal(mine.lengths_B, theirs.lengths_B):
        return float("inf")
    for (name, one), (_, other) in zip(told(mine), told(theirs), strict=True):
        if name == "frames":
            continue
        for row, length in enumerate(theirs.lengths_B.tolist()):
            parts = [side[row].float() if name in PER_EXAMPLE else side[row, :length].float() for side in (one, other)]
            if parts[0].shape != parts[1].shape or not parts[0].isfinite().all():
                return float("inf")
            largest = max(largest, float((parts[0] - parts[1]).abs().max()) if parts[0].numel() else 0.0)
    return largest


PER_EXAMPLE = ("kinds", "pointers")  # heads that say one thing of an example, not of each frame


def originally(recognizer: Recognizer, manifest: Manifest) -> Checked:
    """What the recognizer itself recognizes."""
    scored = predict(recognizer, manifest, PRECISION, "cpu").scored
    return Checked({name: row.hypothesis for name, row in scored.items()}, plain(recognizer.system.figures))


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
    return Checked(found, plain(system.figures), *times)


def plain(figures: Mapping[str, float]) -> dict[str, float]:
    """Figures of a validation without the loss terms."""
    return {name.removeprefix("dev/"): value for name, value in figures.items()}


def differing(first: Checked, second: Checked) -> list[str]:
    """Ids of the examples in which not the same is recognized."""
    return [
        name
        for name, one in first.hypotheses.items()
        if (one.tokens, one.text) != (second.hypotheses[name].tokens, second.hypotheses[name].text)
    ]
