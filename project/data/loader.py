"""The loader of training batches: it says where in an epoch it stands, and continues there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch.utils.data import DataLoader

from project.contract import Batch
from project.data.dataset import Sample
from project.data.sampling import BucketBatchSampler


class ResumableLoader(DataLoader[Sample]):
    """A DataLoader that says where it stands and continues there, whatever its number of workers.

    It counts batches handed out, not batches made: workers run ahead.
    """

    batch_sampler: BucketBatchSampler

    def __iter__(self) -> Iterator[Batch]:  # type: ignore[override]
        self._handed_out = self.batch_sampler.batches_done
        for batch in super().__iter__():
            self._handed_out += 1
            yield batch

    def state_dict(self) -> dict[str, int]:
        """The epoch, and how many of its batches were handed out."""
        handed_out = getattr(self, "_handed_out", self.batch_sampler.batches_done)
        return {"epoch": self.batch_sampler.epoch, "batches": handed_out}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Continue after those batches of that epoch."""
        self.batch_sampler.resume(state["epoch"], state["batches"])
