"""How a checkpoint gets onto the disk: straight into a file beside its place, then moved there.

Lightning's own way makes two copies of it in memory and a third in the system's folder for temporary files, which stays
there if the process is killed, and may be on another disk than the run. It does not know what is in a checkpoint.
"""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO

from project import atomic


class WholeFiles(TorchCheckpointIO):
    """Writes a checkpoint whole or not at all, and never makes a folder: a run's that is gone was taken away."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        assert storage_options is None, "a checkpoint is written to a folder of this machine"
        with atomic.writing(Path(path)) as file:
            stream: Any = _Reporting(file)
            torch.save(checkpoint, stream)
            if stream.error is not None:
                raise stream.error


class _Reporting:
    """A stream whose errors wait until torch is done: in torch's writer they would lose what they say."""

    def __init__(self, file: IO[bytes]) -> None:
        self.error: OSError | None = None
        self._file = file

    def write(self, content: Any) -> int:
        if self.error is None:
            try:
                self._file.write(content)
            except OSError as error:
                self.error = error
        return len(content)

    def flush(self) -> None:
        """When all of it is written, `atomic` does."""
