"""What an exported graph tells of itself: all that is needed to use it, and where it comes from, as plain JSON.

A browser, or anything else that runs the file, needs nothing beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from project.build.assemble import Recognizer
from project.contract import Config
from project.environment import code_state
from project.exporting.onnx_file import FORMAT
from project.feature.bars import Bars
from project.feature.landmarks import Landmarks
from project.run import Run

_LONG_SECONDS = 3600.0  # long enough to tell rates from counts

INPUTS = {
    "signals": "float32 (batch, samples): mono sound at sample_rate, full scale is 1",
    "points": "float32 (batch, frames, 543, 3): MediaPipe Holistic's landmarks at frame_rate; 0 0 0 is not detected",
    "bars": "float64 (batch, bars, 6): time, open, high, low, close, volume; the history first, then the window",
    "counts": "int64 (batch): bars of each example, its history included",
    "lengths": "int64 (batch): samples, frames or bars of each example (of its window); what is beyond is padding",
}
OUTPUTS = {
    "log_probs": "float32 (batch, frames, symbols): log-probabilities; symbol 0 is the blank, i + 1 is alphabet[i]",
    "inside": "float32 (batch, bars): logit of lying in a span; above the threshold's logit it does",
    "kinds": "float32 (batch, kinds): logits; kind 0 is that there is no span, i + 1 is alphabet[i]",
    "starts": "float32 (batch, bars): logits of being the first bar of the span",
    "ends": "float32 (batch, bars): logits of being its last bar",
    "pointers": "float32 (batch, 2): start and length of the span, as parts of the window",
    "frames": "int64 (batch): output frames of each example; frames beyond carry no meaning",
    "features": "float32 (batch, feature frames, columns): what preprocessing gives the network, to be looked at",
}


def metadata_of(run: Run, own: Config, recognizer: Recognizer, inputs: Sequence[str], outputs: Sequence[str]) -> Config:
    """What a graph of a run tells, but for what is found when it is checked."""
    feature, model = recognizer.feature, recognizer.system.model
    alphabet = recognizer.spelling.alphabet
    told = {
        "format": FORMAT,
        "scansion": str(code_state()["version"]),
        "run": run.name,
        "family": own.get("family"),
        "says": "emissions" if "log_probs" in outputs else "spans",
        "inputs": {name: INPUTS[name] for name in inputs},
        "outputs": {name: OUTPUTS[name] for name in outputs},
        **rates(feature, model),
        "alphabet": {"symbols": list(alphabet.symbols), "separator": alphabet.separator, "hash": alphabet.hash},
        "feature": dict(feature.settings),
        "text": {"normalize": recognizer.spelling.settings["normalize"]},
        "decode": dict(recognizer.system.decoder.settings),
        "config": {group: own[group] for group in ("feature", "decode")},  # by which Python builds them again
        "arithmetic": "float32",
    }
    threshold = getattr(recognizer.system, "threshold", None)
    if isinstance(threshold, torch.Tensor):
        told["threshold"] = float(threshold)
    plain: Config = json.loads(json.dumps(told))
    return plain


def rates(feature: Any, model: Any) -> Mapping[str, Any]:
    """How long frames are: in samples of sound, frames of landmarks, or bars."""
    if isinstance(feature, Bars):
        return {"history": feature.history, "inputs_per_output": 1}
    rate = feature.frame_rate if isinstance(feature, Landmarks) else feature.sample_rate
    frames = torch.tensor([feature.num_frames(_LONG_SECONDS)])
    outputs = int(model.num_output_frames(frames))
    found = {
        "frame_rate" if isinstance(feature, Landmarks) else "sample_rate": rate,
        "inputs_per_output": round(rate * _LONG_SECONDS / outputs),
    }
    context = getattr(model, "context_frames", None)
    if context is not None and not isinstance(feature, Landmarks):
        found["context_seconds"] = context / feature.num_frames(1.0)
    return found
