"""An ONNX file that takes recordings: its own metadata says what it hears, how it is decoded and what it writes.

So the file needs no run beside it. It does not know where recordings come from.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import torch
from torch import Tensor

from project.build.bind import check, is_object, make
from project.contract import Batch, Config, Emissions, Hypothesis, InputError
from project.exporting.onnx_file import read_metadata
from project.exporting.running import OnnxGraph, output_of
from project.feature.waveform import Wave
from project.text.alphabet import Alphabet


@dataclass(frozen=True, slots=True)
class OnnxRecognizer:
    """What an ONNX file is, as `project.transcript.listener` wants a recognizer."""

    system: OnnxSystem
    feature: RawSound
    alphabet: Alphabet
    samples_per_output: int
    context_seconds: float | None


@final
class RawSound:
    """The sound itself: the graph makes features of it."""

    num_features = 1

    def __init__(self, feature: Any) -> None:
        self._feature = feature
        self.sample_rate: int = feature.sample_rate
        self.settings = feature.settings

    def read(self, media: str) -> Wave:
        """The waveform of a recording at the graph's sample rate."""
        wave: Wave = self._feature.read(media)
        return wave

    def __call__(self, signal: Wave) -> Tensor:
        """(N, 1) samples."""
        return torch.from_numpy(signal.astype("float32"))[:, None]

    def num_frames(self, length: float) -> int:
        """A frame a sample."""
        return round(length * self.sample_rate)


@final
class OnnxSystem:
    """A graph with a decoder."""

    def __init__(self, graph: OnnxGraph, decoder: Any) -> None:
        self._graph = graph
        self.decoder = decoder

    def emissions(self, batch: Batch) -> Emissions:
        """What the graph says."""
        inputs = {"signals": batch.signals_BTF[..., 0].numpy(), "lengths": batch.lengths_B.numpy()}
        output = output_of(self._graph(inputs))
        assert isinstance(output, Emissions)
        return output

    def predict(self, batch: Batch) -> tuple[Emissions, list[Hypothesis]]:
        """The same, and what is recognized in it."""
        output = self.emissions(batch)
        hypotheses: list[Hypothesis] = self.decoder(output)
        return output, hypotheses


def open_onnx(file: Path, config: Config) -> OnnxRecognizer:
    """The recognizer in a file, decoded as it was exported, or as a `transcribe` configuration asks."""
    if not file.is_file():
        raise InputError(f"{file}: there is no such file: correct the path")
    wanted = {"device": "cpu", "precision": None, "checkpoint": "best"}
    for key, value in wanted.items():
        if config[key] != value:
            raise InputError(
                f"{key}={config[key]}: an ONNX file has weights of its own, and is run on the processor: leave it out"
            )
    graph = OnnxGraph(file, config["threads"])
    told = read_metadata(graph.properties, file)
    if "sample_rate" not in told or told["says"] != "emissions":
        raise InputError(f"{file}: it takes no sound: only recordings can be transcribed")
    alphabet = Alphabet(tuple(told["alphabet"]["symbols"]), told["alphabet"]["separator"])
    nodes = {"feature": told["config"]["feature"], "decode": config["decode"] or told["config"]["decode"]}
    for name, node in nodes.items():
        if not is_object(node):
            raise InputError(f"{name}: it names nothing that could be built: write decode=greedy, or export again")
        check(node, name, ("alphabet",))
    decoder = make(nodes["decode"], "decode", alphabet=alphabet)
    feature = RawSound(make(nodes["feature"], "feature"))
    return OnnxRecognizer(
        OnnxSystem(graph, decoder), feature, alphabet, told["inputs_per_output"], told.get("context_seconds")
    )
