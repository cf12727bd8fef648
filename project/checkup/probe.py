"""What torch and torchaudio say of themselves and of this machine's devices, as JSON.

A program of its own, as importing them takes seconds and may take the process down.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
import time
from typing import Any


def probe() -> dict[str, Any]:
    """Imports them and asks; what goes wrong is told, not raised."""
    started = time.perf_counter()
    try:
        torch = importlib.import_module("torch")
    except Exception as error:  # whatever keeps it from being imported is what one wants to know
        return {"error": _told(error)}
    found: dict[str, Any] = {
        "version": torch.__version__,
        "cuda": torch.version.cuda,
        "hip": torch.version.hip,
        "seconds": round(time.perf_counter() - started, 1),
        "gpus": [],
        "mps": torch.backends.mps.is_available(),
    }
    if torch.cuda.is_available():
        found["gpus"] = [_gpu(torch, index) for index in range(torch.cuda.device_count())]
    return found | {"torchaudio": _torchaudio()}


def _gpu(torch: Any, index: int) -> dict[str, Any]:
    """One GPU, and whether a sum on it comes out right."""
    properties = torch.cuda.get_device_properties(index)
    found: dict[str, Any] = {
        "name": properties.name,
        "memory": properties.total_memory,
        "capability": f"{properties.major}.{properties.minor}",
        "bf16": (properties.major, properties.minor) >= (8, 0) or bool(torch.version.hip),
        "error": None,
    }
    try:
        found["free"] = torch.cuda.mem_get_info(index)[0]
        total = float(torch.ones(64, device=f"cuda:{index}").sum())
        found["error"] = None if total == 64.0 else f"64 ones make {total:g}"
    except Exception as error:  # no kernel for it, no memory, a driver that is too old
        found["error"] = _told(error)
    return found


def _torchaudio() -> dict[str, Any] | None:
    if importlib.util.find_spec("torchaudio") is None:
        return None
    try:
        torchaudio = importlib.import_module("torchaudio")
        extension = importlib.import_module("torchaudio._extension")
    except Exception as error:
        return {"error": _told(error)}
    return {"version": torchaudio.__version__, "compiled": bool(extension._IS_TORCHAUDIO_EXT_AVAILABLE)}


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]


if __name__ == "__main__":
    json.dump(probe(), sys.stdout)
