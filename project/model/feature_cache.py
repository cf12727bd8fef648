"""What a frozen encoder says of each recording, kept on disk: a second look at a recording is a look into a file.

It knows a recording by its samples and an encoder by its weights, so a folder may serve any number of runs at once.
Recordings that are changed anew in each epoch are new ones each time: nothing is gained, and the folder grows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from project import atomic
from project.contract import InputError

# B examples, T samples, T' frames, D features of a frame


@final
class FeatureCache:
    """Stands before a backbone that does not learn; files are written whole or not at all, by whoever comes first."""

    def __init__(self, folder: str, backbone: nn.Module, name: str) -> None:
        self._folder, self._backbone, self._name = Path(folder), backbone, name
        self._stamp: object = None
        self._key = ""

    def _require_frozen(self) -> None:
        """What learns says something else at every step."""
        if any(weight.requires_grad for weight in self._backbone.parameters()):
            raise InputError(
                f"model.cache: the stream {self._name} learns, an adapter in it perhaps: leave that out, or set "
                "model.cache=null"
            )

    @torch.no_grad()
    def __call__(self, wave_BT: Tensor, lengths_B: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T', D) and the numbers of frames: read, and where there is no file yet made and written."""
        self._require_frozen()
        assert not self._backbone.training, "a frozen stream is to be in evaluation"
        files = self._files(wave_BT, lengths_B)
        missing = [row for row, file in enumerate(files) if not file.is_file()]
        made = dict(zip(missing, self._make(wave_BT, lengths_B, missing), strict=True))
        for row, x_TD in made.items():
            files[row].parent.mkdir(parents=True, exist_ok=True)
            with atomic.writing(files[row]) as stream:
                np.save(stream, x_TD.float().cpu().numpy())
        rows = [made[row].float() if row in made else _read(file, wave_BT.device) for row, file in enumerate(files)]
        frames_B: Tensor = self._backbone.num_output_frames(lengths_B)  # type: ignore[operator]
        return nn.utils.rnn.pad_sequence(rows, batch_first=True), frames_B

    def _make(self, wave_BT: Tensor, lengths_B: Tensor, rows: list[int]) -> list[Tensor]:
        """Each by itself where batch mates would change it: who comes first must not decide."""
        if not rows:
            return []
        if getattr(self._backbone, "mixes_padding", False) and len(rows) > 1:
            return [self._make(wave_BT, lengths_B, [row])[0] for row in rows]
        longest = int(lengths_B[rows].max())
        x_BTD, frames_B = self._backbone(wave_BT[rows, :longest], lengths_B[rows])
        return [x_TD[:frames] for x_TD, frames in zip(x_BTD, frames_B.tolist(), strict=True)]

    def _files(self, wave_BT: Tensor, lengths_B: Tensor) -> list[Path]:
        folder = self._folder / self._identity(wave_BT.device)
        waves = zip(wave_BT.float().cpu(), lengths_B.tolist(), strict=True)
        names = [hashlib.sha256(wave_T[:length].numpy().tobytes()).hexdigest()[:32] for wave_T, length in waves]
        return [folder / name[:2] / f"{name}.npy" for name in names]

    def _identity(self, device: torch.device) -> str:
        """16 hexadecimal digits of architecture, weights and precision; reckoned anew when weights were loaded."""
        kept = (*self._backbone.parameters(), *self._backbone.buffers())
        precision = torch.get_autocast_dtype(device.type) if torch.is_autocast_enabled(device.type) else torch.float32
        stamp = (precision, tuple((value.data_ptr(), value._version) for value in kept))
        if stamp != self._stamp:
            about, architecture = (
                f"{type(self._backbone).__name__} {precision}",
                getattr(self._backbone, "architecture", {}),
            )
            self._stamp, self._key = stamp, _hash(about, architecture, self._backbone.state_dict())
        return self._key


def _hash(about: str, architecture: Mapping[str, Any], weights: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256(json.dumps([about, dict(architecture)], sort_keys=True, default=str).encode())
    for name, value in weights.items():
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]


def _read(file: Path, device: torch.device) -> Tensor:
    return torch.from_numpy(np.load(file)).to(device)
