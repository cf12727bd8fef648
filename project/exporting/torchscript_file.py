"""A recognizer as a TorchScript file: preprocessing and network in one module that torch runs without this code.

TorchScript is deprecated in torch and still what C++ and mobile programs load. Networks are traced along example
inputs; the one loop whose length depends on the recording is compiled.
"""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from project import atomic
from project.contract import Config, InputError
from project.exporting import tone_path
from project.exporting.whole import Whole

METADATA = "scansion.json"  # in the file


def write_torchscript(whole: Whole, inputs: Mapping[str, Tensor], metadata: Config, file: Path) -> Any:
    """The file of a recognizer; the module as torch reads it from there."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # that TorchScript is deprecated, and that traces hold for their inputs alone
        with tone_path.compiled():
            try:
                module = torch.jit.trace(  # type: ignore[no-untyped-call]
                    whole.eval(), tuple(inputs.values()), check_trace=False
                )
            except RuntimeError as error:
                reason = str(error).strip().splitlines()[-1][:200]
                raise InputError(f"model: it cannot be traced ({reason}): set format=onnx, or package") from error
        torch.jit.save(module, buffer, _extra_files={METADATA: json.dumps(metadata, ensure_ascii=False)})
        atomic.write(file, buffer.getvalue())
        return torch.jit.load(  # type: ignore[no-untyped-call]
            io.BytesIO(buffer.getvalue())
        )
