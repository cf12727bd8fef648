"""Fully sharded training: each process holds a share of every weight, and of what the optimizer keeps for it.

Lightning's own strategy of that name wants GPUs. This one is torch's `fully_shard`, which runs on processors too, so
that it can be tested. Checkpoints are the same single files as without it: they go on with any number of processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import torch
from lightning.fabric.utilities.optimizer import _optimizers_to_device
from lightning.pytorch import Trainer
from lightning.pytorch.strategies import ModelParallelStrategy
from lightning.pytorch.trainer.states import TrainerFn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import fully_shard
from torch.optim import Optimizer
from torch.utils import _pytree as pytree

from project.contract import Batch, Emissions, SpanOutput, TokenOutput, UnitOutput
from project.system.blocks import repeated

WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True)


@final
class Sharded(ModelParallelStrategy):
    """Shares out each of the model's blocks, and together what is outside them, when a training begins."""

    def __init__(self) -> None:
        super().__init__(tensor_parallel_size=1, save_distributed_checkpoint=False)

    def setup_environment(self) -> None:
        """All processes share the weights, on as many machines as there are."""
        self._data_parallel_size = self.num_nodes * self.num_processes
        super().setup_environment()

    def setup(self, trainer: Trainer) -> None:
        """As the base's, but the strategy shares the model out by itself: a system need not know of it."""
        assert self.model is not None
        assert self.accelerator is not None
        self.accelerator.setup(trainer)
        share_out(self.model, self.device_mesh["data_parallel"])
        self.model_to_device()
        self.barrier()
        if trainer.state.fn == TrainerFn.FITTING:
            self.setup_optimizers(trainer)
        self.setup_precision_plugin()
        if trainer.state.fn == TrainerFn.FITTING:
            _optimizers_to_device(self.optimizers, self.root_device)

    def optimizer_state(self, optimizer: Optimizer) -> dict[str, Any]:
        """What the first process writes down: the whole of it, numbered as an optimizer numbers it by itself."""
        assert self.model is not None
        bare = getattr(optimizer, "_optimizer", optimizer)  # Lightning's wrapper
        return numbered(get_optimizer_state_dict(self.model, bare, options=WHOLE))

    def load_checkpoint(self, checkpoint_path: Any, weights_only: bool | None = None) -> dict[str, Any]:
        """This process's shares out of a whole checkpoint, whichever way to train has written it; all that it holds."""
        assert self.model is not None
        content: dict[str, Any] = torch.load(checkpoint_path, mmap=True, map_location="cpu", weights_only=weights_only)
        set_model_state_dict(self.model, content["state_dict"], options=WHOLE)
        names = {parameter: name for name, parameter in self.model.named_parameters()}
        for optimizer, state in zip(self.optimizers, content.get("optimizer_states", ()), strict=False):
            order = [names[parameter] for group in optimizer.param_groups for parameter in group["params"]]
            set_optimizer_state_dict(self.model, optimizer, named(state, order), options=WHOLE)
        return content


def numbered(state: dict[str, Any]) -> dict[str, Any]:
    """An optimizer's state by numbers instead of names: those in the order of its groups. Empty on other processes.

    >>> numbered({"state": {"b": {"step": 1}}, "param_groups": [{"lr": 0.1, "params": ["b"]}]})
    {'state': {0: {'step': 1}}, 'param_groups': [{'lr': 0.1, 'params': [0]}]}
    """
    if not state:
        return state
    places = {name: place for place, name in enumerate(_spelled(state["param_groups"]))}
    groups = [{**group, "params": [places[name] for name in group["params"]]} for group in state["param_groups"]]
    return {"state": {places[name]: kept for name, kept in state["state"].items()}, "param_groups": groups}


def named(state: dict[str, Any], order: Sequence[str]) -> dict[str, Any]:
    """The same by names; `order` are the parameters of all groups."""
    names = dict(zip(_spelled(state["param_groups"]), order, strict=True))
    groups = [{**group, "params": [names[place] for place in group["params"]]} for group in state["param_groups"]]
    return {"state": {names[place]: kept for place, kept in state["state"].items()}, "param_groups": groups}


def _spelled(groups: Sequence[dict[str, Any]]) -> list[Any]:
    return [one for group in groups for one in group["params"]]


def share_out(system: torch.nn.Module, mesh: DeviceMesh) -> None:
    """Replace the weights of a system by this process's shares of them; its forward pass gathers them block by block.

    Losses and weightings that have weights are part of the outermost share, gathered from the forward pass on until
    the backward pass is done.
    """
    for kind in (Batch, Emissions, SpanOutput, TokenOutput, UnitOutput):  # torch looks for tensors in them
        if kind not in pytree.SUPPORTED_NODES:
            pytree.register_dataclass(kind)
    model: Any = getattr(system, "model", system)
    for block in repeated(model):
        fully_shard(block, mesh=mesh)
    fully_shard(system, mesh=mesh)
