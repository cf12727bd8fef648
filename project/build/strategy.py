"""How a run uses its devices: processes, arithmetic, batches in a step. What they cannot do is told before it begins.

None of that changes what is learned, beyond rounding and, where it is compiled, which numbers dropout draws: a run may
go on under other settings than it began with.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from project.contract import Config, InputError
from project.launcher.slurm_tasks import require_tasks

if TYPE_CHECKING:
    from project.system.base import System

PRECISIONS = {
    "32": "32-true",
    "fp32": "32-true",
    "bf16": "bf16-mixed",
    "16": "16-mixed",
    "fp16": "16-mixed",
}  # short names -> what they mean
COMPILERS = ("c++", "g++", "clang++", "gcc", "cc", "clang")
LIGHTNING_DDP = "ddp_find_unused_parameters_true"  # a step need not reach every weight: heads without a loss


def settle_precision(config: Config) -> Config:
    """The configuration with the short name of its arithmetic written out, as names of runs and Protocols want it."""
    trainer = config["trainer"]
    return config | {"trainer": {**trainer, "precision": precision_named(trainer.get("precision", "32-true"))}}


def precision_named(name: Any) -> str:
    """An arithmetic in Lightning's words.

    >>> precision_named(32), precision_named("bf16"), precision_named("16-mixed")
    ('32-true', 'bf16-mixed', '16-mixed')
    """
    named: str = PRECISIONS.get(str(name), name)
    return named


def trainer_of(config: Config) -> Config:
    """The trainer's node with what follows from `batches_per_step`, and from torchrun where that started this."""
    node = {**config["trainer"], **_surroundings()}
    node["precision"] = precision_named(node.get("precision", "32-true"))
    ranks, wanted = ranks_of(node), config.get("batches_per_step")
    if wanted is None:
        return node
    if node.get("accumulate_grad_batches", 1) != 1:
        raise InputError("batches_per_step and trainer.accumulate_grad_batches say the same twice: give one of them")
    if not isinstance(wanted, int) or wanted < 1 or wanted % ranks:
        raise InputError(
            f"batches_per_step={wanted} cannot be shared out to {ranks} processes: give a multiple of {ranks}, "
            "or other trainer.devices"
        )
    return node | {"accumulate_grad_batches": wanted // ranks}


def _surroundings() -> Config:
    """Under torchrun, the processes that it has started."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return {}
    here, all_of_them = int(os.environ["LOCAL_WORLD_SIZE"]), int(os.environ["WORLD_SIZE"])
    return {"devices": here, "num_nodes": all_of_them // here}


def ranks_of(trainer_node: Mapping[str, Any]) -> int:
    """How many processes a trainer will run, told from its configuration."""
    devices = trainer_node.get("devices", 1)
    nodes = int(trainer_node.get("num_nodes", 1))
    if isinstance(devices, list):
        return len(devices) * nodes
    if str(devices) in {"auto", "-1"}:
        return _num_gpus(trainer_node) * nodes
    return int(devices) * nodes if str(devices).isdigit() and int(devices) else 1


def _num_gpus(trainer_node: Mapping[str, Any]) -> int:
    """The GPUs of this machine that a trainer takes if it takes all; 1, a processor, if there is none."""
    import torch

    return 1 if trainer_node.get("accelerator") == "cpu" else max(1, torch.cuda.device_count())


def strategy_for(node: Mapping[str, Any]) -> Any:
    """What Lightning is to be told of how processes work together; for one process, nothing."""
    from project.system.sharded import Sharded

    wanted, alone = node.get("strategy", "auto"), ranks_of(node) == 1
    if wanted == "fsdp":
        return "auto" if alone else Sharded()
    return LIGHTNING_DDP if wanted in {"auto", "ddp"} and not alone else wanted


def require(config: Config) -> None:
    """Refuse what these devices cannot do, or what this way to use them cannot."""
    node = trainer_of(config)
    ranks, strategy = ranks_of(node), node.get("strategy")
    require_tasks(ranks, int(node.get("num_nodes", 1)))
    system = config.get("system", {})
    if node["precision"] == "16-mixed" and is_on_cpu(node):
        raise InputError("trainer.precision=fp16: a processor has no such arithmetic: set trainer.precision=bf16 or 32")
    if node["precision"] == "16-mixed" and strategy == "fsdp":
        raise InputError("trainer.precision=fp16 does not go with trainer=fsdp: set trainer.precision=bf16")
    if ranks > 1 and system.get("on_nonfinite") == "skip":
        raise InputError(
            "system.on_nonfinite=skip: one of several processes cannot skip a step that the others make: set "
            "system.on_nonfinite=stop, or trainer.devices=1"
        )
    halves = config.get("on_out_of_memory", "stop")
    if halves not in {"stop", "halve"}:
        raise InputError(f"on_out_of_memory={halves}: choose stop or halve")
    if halves == "halve" and (ranks > 1 or node.get("accumulate_grad_batches", 1) > 1):
        raise InputError(
            "on_out_of_memory=halve needs one process and one batch in each step: set on_out_of_memory=stop and a "
            "lower data.batching.batch_length"
        )
    if strategy == "fsdp" and ranks > 1:
        _require_shareable(config)
    if config.get("compile") and not (os.environ.get("CXX") or any(map(shutil.which, COMPILERS))):
        raise InputError("compile=true: it needs a C++ compiler, and none is found: install g++, or leave compile out")


def _require_shareable(config: Config) -> None:
    """Refuse parts that look at whole weights, of which each process has only a share."""
    averaging = config["callbacks"].get("averaging") or {}
    if averaging.get("decay") is not None:
        raise InputError("callbacks.averaging.decay: weights that are shared out are not averaged: set it to null")
    if str(config["optimizer"].get("_target_", "")).endswith(".Muon"):
        raise InputError("optimizer=muon turns whole matrices, and trainer=fsdp shares them out: set optimizer=adamw")


def is_on_cpu(node: Mapping[str, Any]) -> bool:
    """Whether a trainer will compute on a processor."""
    import torch

    accelerator = node.get("accelerator", "auto")
    return bool(accelerator == "cpu" or (accelerator == "auto" and not torch.cuda.is_available()))


def equip(system: System, config: Config) -> None:
    """What a system does differently in training under a configuration: keep less, compile, or do a step in parts."""
    from project.system.blocks import compiled, run_again
    from project.system.halving import Halving

    if config.get("activation_checkpointing") and not run_again(system.model):
        raise InputError(
            f"activation_checkpointing=true: {type(system.model).__name__} has no repeated blocks to run again: "
            "leave it out"
        )
    if trainer_of(config).get("strategy") == "fsdp" and list(getattr(system.weighting, "parameters", list)()):
        raise InputError(
            "weighting: weights of terms that are learned are not shared out: set weighting=fixed, or trainer=ddp"
        )
    if config.get("compile"):
        compiled(system.model)
    if config.get("on_out_of_memory") == "halve":
        system.halving = Halving()
