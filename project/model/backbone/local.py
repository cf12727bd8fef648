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


def read(
    source: str | None, part: str = "model.backbone.", key: str = "model.backbone"
) -> tuple[Mapping[str, Any], dict[str, Tensor]]:
    """What a run's folder holds of its model's backbone: the architecture, and the weights of the best checkpoint.

    `part` is where such weights lie in a checkpoint, `key` where the run was named, for errors.
    """
    if not source:
        raise InputError(f"{key}.source names nothing, and init is local: name the folder of a run")
    folder = Path(source)
    described, saved = folder / "architecture.json", folder / "checkpoints" / "best.ckpt"
    for file in (described, saved):
        if not file.is_file():
            raise InputError(
                f"{key}.source {source}: it holds no {file.relative_to(folder)}: name the folder of a "
                "finished run whose model has a backbone"
            )
    try:
        architecture = json.loads(described.read_text(encoding="utf-8"))
    except ValueError as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{key}.source {source}: it cannot be read ({reason}): restore it or train again") from error
    weights = read_checkpoint(saved)["state_dict"]
    mine = {name.removeprefix(part): value for name, value in weights.items() if name.startswith(part)}
    if not mine or not isinstance(architecture, dict):
        raise InputError(f"{saved}: it holds no weights of {part.rstrip('.')}: name a run whose model has them")
    return architecture, mine
