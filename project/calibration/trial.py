"""A batch is tried: two steps of training as a run makes them, and what they took. Nothing is learned.

It knows no configuration: it is handed the system, and what makes a trainer.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from project.calibration.gauge import Gauge
from project.contract import Batch

STEPS = 2  # in the first the optimizer makes what it remembers; the second has the highest use, and is timed
ROUNDS = 2  # of all batches, in a rehearsal


@dataclass(frozen=True, slots=True)
class Measured:
    """What a size took."""

    size: int  # examples
    peak: int  # bytes
    seconds: float  # of a batch
    fits: bool

    @property
    def speed(self) -> float:
        """Examples a second; of what did not fit, none."""
        return self.size / max(self.seconds, 1e-9) if self.fits else 0.0


@dataclass(slots=True)
class Trials:
    """Tries sizes in one bucket, and keeps what was measured."""

    system: LightningModule
    trainer_of: Callable[[list[Callback], int], Trainer]  # of callbacks, and of how many steps
    gauge: Gauge
    seconds: float  # a batch that takes longer is not wanted
    ran_out: Callable[[BaseException], bool]  # whether an error says that memory did
    made: dict[int, Measured] = field(default_factory=dict)

    def fits(self, size: int, batch: Callable[[], Batch]) -> bool:
        """Whether a batch of that many examples fits; one that may end the process is not tried."""
        if size not in self.made:
            if self.gauge.is_final and self._expected(size) > self.gauge.limit:
                return False
            self.made[size] = self._measure(size, batch)
        return self.made[size].fits

    def fastest(self, most: int) -> Measured:
        """The one of those up to a size that has the most examples a second."""
        return max((one for one in self.made.values() if one.size <= most), key=lambda one: one.speed)

    def _expected(self, size: int) -> float:
        """Memory grows with the size in proportion, as far as the largest that was tried tells."""
        known = self.made.get(max(self.made, default=0))
        return self.gauge.base + (known.peak - self.gauge.base) * size / known.size if known else 0.0

    def rehearse(self, batches: Sequence[Callable[[], Batch]]) -> int:
        """The highest use of memory in a short training on all of them, in this order, over and over.

        It is more than that of any one of them: what one has left does not quite fit the next.
        """
        self.gauge.begin()
        return self._train(batches, ROUNDS * len(batches), []) or 2 * self.gauge.limit

    def _measure(self, size: int, batch: Callable[[], Batch]) -> Measured:
        self.gauge.begin()
        clock = _Clock()
        peak = self._train([batch], STEPS, [clock])
        if peak is None:
            return Measured(size, self.gauge.limit, 0.0, fits=False)
        return Measured(size, peak, clock.seconds, fits=peak <= self.gauge.limit and clock.seconds <= self.seconds)

    def _train(self, batches: Sequence[Callable[[], Batch]], steps: int, callbacks: list[Callback]) -> int | None:
        """Steps on batches, and the highest use of memory in them; None if it ran out."""
        try:
            trainer = self.trainer_of(callbacks, steps)
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message=".*no `val_dataloader`.*")  # on purpose
                trainer.fit(self.system, train_dataloaders=_Loader(batches, steps * trainer.accumulate_grad_batches))
        except (RuntimeError, MemoryError) as error:
            if not self.ran_out(error):
                raise
            return None
        finally:
            self.system.zero_grad(set_to_none=True)
            peak = self.gauge.peak()
        return peak


class _Clock(Callback):
    """Times the last batch, with all that belongs to it."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._since = 0.0

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        self._since = self._now(pl_module)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.seconds = self._now(pl_module) - self._since

    def _now(self, pl_module: LightningModule) -> float:
        if pl_module.device.type == "cuda":
            torch.cuda.synchronize(pl_module.device)
        return time.perf_counter()


class _Loader:
    """Makes one batch after the other, as a loader does. Lightning would take a list of them for a list of loaders."""

    def __init__(self, batches: Sequence[Callable[[], Batch]], count: int) -> None:
        self._batches, self._count = batches, count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Batch]:
        for number in range(self._count):
            yield self._batches[number % len(self._batches)]()
