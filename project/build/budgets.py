"""Budgets that `train action=calibrate` wrote to a file, read where a configuration names that file.

They come into the configuration as they are, before a run has a name: what a batch may hold decides what is learned.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from project.contract import Config, InputError
from project.run import flatten, read_config

# What decides how much memory a batch takes: other keys do not.
PARTS = ("text", "feature", "model", "adapter", "loss", "weighting", "optimizer", "activation_checkpointing")
WITHIN = ("trainer.precision", "data.batching.round_frames")
IGNORED = ("lr", "weight_decay", "betas", "dropout", "smooth")  # last parts of keys that leave sizes as they are
NAMED = 3  # differences


def settle_budgets(config: Config) -> Config:
    """The configuration with its budgets as a list; as it is where they are one, or none are given."""
    batching = config["data"].get("batching") or {}
    named = batching.get("budgets")
    if not isinstance(named, str):
        return config
    file = Path(named)
    if not file.is_file():
        raise InputError(
            f"data.batching.budgets: {named}: no such file: make one with scansion train action=calibrate, or give "
            "a list [[length, examples], ...]"
        )
    content = read_config(file)
    if not isinstance(content.get("budgets"), list) or not isinstance(content.get("measured"), Mapping):
        raise InputError(f"{file}: holds no budgets: make it anew with scansion train action=calibrate")
    _tell_of_others(file, content["measured"].get("of", {}), config)
    settled = {**batching, "budgets": content["budgets"]}
    return config | {"data": {**config["data"], "batching": settled}}


def facts_of(config: Config) -> dict[str, Any]:
    """What of a configuration decides how much fits, by dotted keys."""
    whole = dict(flatten({part: config.get(part) for part in PARTS}))
    named = {key: value for key, value in flatten(config) if key in WITHIN}
    return {key: value for key, value in (whole | named).items() if key.rpartition(".")[2] not in IGNORED}


def _tell_of_others(file: Path, measured: Mapping[str, Any], config: Config) -> None:
    """Say in what the experiment differs that they were measured with: they may not fit this one."""
    mine = facts_of(config)
    others = [key for key in sorted(mine.keys() | measured.keys()) if mine.get(key) != measured.get(key)]
    if others:
        known = (f"{key}={measured.get(key)}" for key in others[:NAMED])
        more = f" and {len(others) - NAMED} more" if len(others) > NAMED else ""
        print(
            f"budgets  {file} was measured with {', '.join(known)}{more}: calibrate again if memory runs out",
            file=sys.stderr,
        )
