"""Samples of different lengths to one padded Batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from project.contract import Batch
from project.data.dataset import Sample


class Collate:
    """Pads with zeros; the padded number of frames is a multiple of `round_frames`."""

    def __init__(self, round_frames: int = 1) -> None:
        self.round_frames = round_frames

    def __call__(self, samples: Sequence[Sample]) -> Batch:
        lengths = [sample.frames_TF.shape[0] for sample in samples]
        frames = -(-max(lengths) // self.round_frames) * self.round_frames
        signals_BTF = samples[0].frames_TF.new_zeros(len(samples), frames, samples[0].frames_TF.shape[1])
        for row, sample in zip(signals_BTF, samples, strict=True):
            row[: sample.frames_TF.shape[0]] = sample.frames_TF
        return Batch(
            ids=tuple(sample.id for sample in samples),
            signals_BTF=signals_BTF,
            lengths_B=torch.tensor(lengths, dtype=torch.int64),
            targets=pad_targets(samples) | pad_frame_targets(samples, frames),
            references=tuple(sample.reference for sample in samples),
            flaws=tuple(flaw for sample in samples for flaw in sample.flaws),
        )


def pad_targets(samples: Sequence[Sample]) -> dict[str, Tensor]:
    """Each named target padded with zeros, and its lengths beside it as `<name in singular>_lengths`."""
    padded: dict[str, Tensor] = {}
    for name in samples[0].targets:
        rows = [sample.targets[name] for sample in samples]
        padded[name] = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        padded[f"{name.removesuffix('s')}_lengths"] = torch.tensor([len(row) for row in rows], dtype=torch.int64)
    return padded


def pad_frame_targets(samples: Sequence[Sample], frames: int) -> dict[str, Tensor]:
    """Each target of one value (or more) a frame, padded as the frames are, zero (or False) beyond each length.

    What one sample of the batch lacks, the batch lacks.
    """
    padded: dict[str, Tensor] = {}
    shared = [name for name in samples[0].frame_targets if all(name in sample.frame_targets for sample in samples)]
    for name in shared:
        first = samples[0].frame_targets[name]
        padded[name] = first.new_zeros(len(samples), frames, *first.shape[1:])
        for row, sample in zip(padded[name], samples, strict=True):
            row[: len(sample.frame_targets[name])] = sample.frame_targets[name]
    return padded
