"""The preprocessing of each feature as a torch module, and what stands at its entrance.

A feature is told by its class: one that has no module here can be packed, and not put into a graph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from project.contract import InputError
from project.exporting.bar_graph import BarsGraph
from project.exporting.landmark_graph import LandmarkGraph
from project.exporting.sound_graph import EnvelopeGraph, FbankGraph, SamplesGraph
from project.exporting.tone_graph import ToneGraph
from project.feature.bars import Bars
from project.feature.envelope import Envelope
from project.feature.fbank import Fbank
from project.feature.landmarks import Landmarks
from project.feature.samples import Samples
from project.feature.tone_envelope import ToneEnvelope

GRAPHS: Mapping[type, Any] = {
    ToneEnvelope: ToneGraph,
    Envelope: EnvelopeGraph,
    Fbank: FbankGraph,
    Samples: SamplesGraph,
    Landmarks: LandmarkGraph,
    Bars: BarsGraph,
}

PICTURES = (ToneEnvelope, Envelope, Fbank)  # of which it is worth a look what they make of sound


def front_of(feature: Any) -> nn.Module:
    """A feature's module."""
    graph = GRAPHS.get(type(feature))
    if graph is None:
        raise InputError(
            f"feature: {type(feature).__name__} cannot be put into a graph: set format=package, which holds any feature"
        )
    return graph(feature)  # type: ignore[no-any-return]


def padded(feature: Any, signals: Sequence[Any]) -> dict[str, NDArray[Any]]:
    """Raw signals, as the feature reads them, as the inputs of its module, by name and in their order."""
    if isinstance(feature, Bars):
        rows = [one.bars_N6 for one in signals]
        return {
            "bars": _stacked(rows),
            "counts": np.array([len(one) for one in rows]),
            "lengths": np.array([one.length for one in signals]),
        }
    name = "points" if isinstance(feature, Landmarks) else "signals"
    rows = [np.asarray(one, dtype=np.float32) for one in signals]
    return {name: _stacked(rows), "lengths": np.array([len(one) for one in rows])}


def _stacked(rows: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Arrays of several lengths as one, zero beyond each."""
    whole = np.zeros((len(rows), max(map(len, rows)), *rows[0].shape[1:]), dtype=rows[0].dtype)
    for place, row in enumerate(rows):
        whole[place, : len(row)] = row
    return whole
