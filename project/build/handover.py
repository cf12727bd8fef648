"""What a finished run hands over beside its checkpoints: its adapter, as a folder that plain PEFT loads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from project.build.restore import changed, restore
from project.run import Run

ADAPTER = "adapter"  # in a run's folder


def keep_adapter(run: Run) -> None:
    """The adapter of the best weights; nothing where there is none, or where it was handed over already."""
    config = run.config()
    target = str((config.get("adapter") or {}).get("_target_", ""))
    folder = run.folder / ADAPTER
    if not target.endswith(".LoRA") or not run.best.exists() or _is_newer(run):
        return
    from project.adapter.peft_folder import save

    recognizer = restore(run, changed(config, threads=config.get("threads") or 1))
    save(recognizer.system.model, folder, source_of(config["model"]))


def source_of(node: Any) -> str | None:
    """Where the weights come from that an adapter is put beside, wherever below a node that is said."""
    if not isinstance(node, Mapping):
        return None
    own = node.get("source")
    return own if isinstance(own, str) else next((found for one in node.values() if (found := source_of(one))), None)


def _is_newer(run: Run) -> bool:
    """Whether the folder was written after the weights."""
    files = sorted((run.folder / ADAPTER).rglob("adapter_model.safetensors"))
    return bool(files) and files[0].stat().st_mtime >= run.best.stat().st_mtime
