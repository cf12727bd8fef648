"""A backbone out of a run of ours: how it is built, and its weights.

It reads a run's folder as it lies on disk and knows nothing of how runs are made.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from project.contract import InputError
from project.model.trained import read_checkpoint

_PREFIX = "model.backbone."


def read(source: str | None) -> tuple[Mapping[str, Any], dict[str, Tensor]]:
    """What a run's folder holds of its model's backbone: the architecture, and the weights of the best checkpoint."""
    if not source:
        raise InputError("model.backbone.source names nothing, and init is local: name the folder of a run")
    folder = Path(source)
    described, saved = folder / "architecture.json", folder / "checkpoints" / "best.ckpt"
    for file in (described, saved):
        if not file.is_file():
            raise InputError(
                f"model.backbone.source {source}: it holds no {file.relative_to(folder)}: name the folder of a "
                "finished run whose model has a backbone"
            )
    try:
        architecture = json.loads(described.read_text(encoding="utf-8"))
    except ValueError as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"model.backbone.source {source}: it cannot be read ({reason}): restore it or train again"
        ) from error
    weights = read_checkpoint(saved)["state_dict"]
    mine = {name.removeprefix(_PREFIX): value for name, value in weights.items() if name.startswith(_PREFIX)}
    if not mine or not isinstance(architecture, dict):
        raise InputError(f"{saved}: it holds no weights of a backbone: name a run whose model has one")
    return architecture, mine
