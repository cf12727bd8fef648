"""What a finished run hands over beside its checkpoints: its adapter, as a folder that plain PEFT loads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from project import atomic
from project.build.restore import changed, restore
from project.run import Run

ADAPTER = "adapter"  # in a run's folder
ORIGIN = "origin.json"  # in that one: which weights it was made of; clocks of several machines would not say


def keep_adapter(run: Run) -> None:
    """The adapter of the best weights; nothing where there is none, or where it was handed over already."""
    config = run.config()
    target = str((config.get("adapter") or {}).get("_target_", ""))
    folder = run.folder / ADAPTER
    if not target.endswith(".LoRA") or not run.best.exists():
        return
    from project.adapter.peft_folder import save
    from project.model.trained import read_checkpoint

    origin = {"checkpoint": run.best.name, "step": int(read_checkpoint(run.best)["global_step"])}
    if read_origin(folder) == origin:
        return

    recognizer = restore(run, changed(config, threads=config.get("threads") or 1))
    save(recognizer.system.model, folder, source_of(config["model"]))
    atomic.write(folder / ORIGIN, json.dumps(origin) + "\n")


def source_of(node: Any) -> str | None:
    """Where the weights come from that an adapter is put beside, wherever below a node that is said."""
    if not isinstance(node, Mapping):
        return None
    own = node.get("source")
    return own if isinstance(own, str) else next((found for one in node.values() if (found := source_of(one))), None)


def read_origin(folder: Path) -> Any:
    """Which weights an adapter's folder was made of; None where that was not written, as it is when all else is."""
    file = folder / ORIGIN
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
