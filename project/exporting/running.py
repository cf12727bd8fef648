"""Running exported graphs: raw signals in, the Output that our decoders take out.

It does not know where signals come from, nor what is decoded from what is said of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, final

import torch
from numpy.typing import NDArray
from torch import Tensor

from project.contract import Emissions, InputError, Output, SpanOutput
from project.exporting.whole import FEATURES, HEADS

REMEDY = "install it: pip install 'scansion[export]'"


class Graph(Protocol):
    """An exported recognizer, ready to run."""

    def __call__(self, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, Tensor]:
        """What it says, by name."""


@final
class OnnxGraph:
    """An ONNX file in onnxruntime, on the processor."""

    def __init__(self, file: Path, threads: int = 1) -> None:
        ort = runtime()
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3  # errors are raised; what it warns of is its own affair
        try:
            self._session = ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors have no common ancestor
            reason = " ".join(str(error).split())[:200]
            raise InputError(f"{file}: not a readable ONNX file ({reason}): export the run again") from None
        self.properties: Mapping[str, str] = self._session.get_modelmeta().custom_metadata_map
        self._names = [one.name for one in self._session.get_outputs() if one.name != FEATURES]

    def __call__(self, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, Tensor]:
        found = self._session.run(self._names, dict(inputs))
        return {name: torch.from_numpy(value) for name, value in zip(self._names, found, strict=True)}


@final
class ScriptGraph:
    """A TorchScript module."""

    def __init__(self, module: Any, names: list[str]) -> None:
        self._module, self._names = module, names

    def __call__(self, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, Tensor]:
        with torch.inference_mode():
            found = self._module(*map(torch.from_numpy, inputs.values()))
        return dict(zip(self._names, found, strict=True))


def runtime() -> Any:
    """The package that runs ONNX files."""
    try:
        import onnxruntime
    except ImportError:
        raise InputError(f"ONNX files are run by onnxruntime, which is not here: {REMEDY}") from None
    return onnxruntime


def output_of(found: Mapping[str, Tensor]) -> Output:
    """What a graph said, as decoders take it."""
    if "log_probs" in found:
        return Emissions(found["log_probs"], found["frames"])
    heads = {name: found[key] for name in HEADS if (key := name.rpartition("_")[0]) in found}
    return SpanOutput(**heads, lengths_B=found["frames"])  # type: ignore[arg-type]
