"""Lets an evaluation go on where it was stopped: has what is scored written down, and puts back what was before.

So that rows, sums and batches are those of an evaluation that nobody disturbed, whole batches are kept, in their order.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any

from lightning.pytorch import Callback, Trainer

from project.callbacks.diagnosis import Diagnosis
from project.contract import Batch
from project.data.manifest import Manifest
from project.data.module import DataModule
from project.scoring.partial import Kept, PartialFile, count_batches
from project.scoring.watch import Watch


class Keeping(Callback):
    """Stands behind the diagnosis, whose sums it keeps, and the watch, whose times it keeps."""

    def __init__(self, file: PartialFile, diagnosis: Diagnosis, watch: Watch) -> None:
        self.before = Kept()
        self._file, self._diagnosis, self._watch = file, diagnosis, watch
        self._first: Batch | None = None  # of the whole, as it is measured once more at the end
        self._written = 0  # rows of this sitting that stand in the file
        self._since = time.perf_counter()

    def __enter__(self) -> Keeping:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def left_of(self, manifest: Manifest, data: DataModule) -> Manifest:
        """The examples that are still to be scored, which make the batches that they would have made."""
        kept = self._file.read()
        if not kept.rows:
            return manifest
        batches = list(data.scoring_batches(manifest))
        done = count_batches(([manifest[draw.index].id for draw in batch] for batch in batches), kept.ids)
        if done is None or done == len(batches):
            self._file.clear()
            return manifest
        self.before = kept
        self._watch.resume(len(kept.rows), kept.spent)
        print(f"going on after {len(kept.rows):,} of {len(manifest):,} examples", file=sys.stderr, flush=True)
        rows = [[draw.index for draw in batch] for batch in batches]
        self._first = next(iter(data.scoring_loader(manifest.select(rows[0]))))
        return manifest.select([row for batch in rows[done:] for row in batch])

    @property
    def seconds(self) -> float:
        """What all sittings took until now."""
        return self.before.seconds + time.perf_counter() - self._since

    @property
    def told(self) -> str | None:
        """What is said when it is stopped, if anything is kept."""
        if not self._file.is_written and not self.before.rows:
            return None
        done = len(self.before.rows) + self._written
        return f"{done:,} examples are scored, and kept: the same command goes on after them"

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: Any) -> None:
        if self._first is not None:
            self._diagnosis.resume(self.before.sums, self._first.to(pl_module.device))

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Batch, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """The last batch is never kept: what is measured when all is scored needs one to be there."""
        (batches,) = trainer.num_val_batches
        if batch_idx + 1 < batches and self._file.is_due:
            rows: Sequence[Any] = pl_module.scored[self._written :]
            self._file.write(rows, self._diagnosis.seen.state(), self._watch.spent, self.seconds)
            self._written += len(rows)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Before the system makes figures of them."""
        pl_module.scored = [*self.before.rows, *pl_module.scored]
