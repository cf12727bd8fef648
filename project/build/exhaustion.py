"""When memory runs out while training: how that is told from other errors, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lightning.pytorch import Trainer


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on a GPU or in the process."""
    words = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in words or "can't allocate memory" in words


def memory_advice(trainer: Trainer, error: BaseException) -> str:
    """The size of the batch that did not fit, and the knob."""
    shape = getattr(trainer.lightning_module, "batch_shape", None)
    size = f"a batch of {shape[0]} x {shape[1]} frames x {shape[2]} features" if shape else "a batch"
    return (
        f"out of memory at step {trainer.global_step} with {size}: lower data.batching.batch_length or "
        f"data.batching.max_batch_size, raise trainer.accumulate_grad_batches to make up ({str(error).splitlines()[0]})"
    )
