"""Reads units of sound from what a model says of frames: where it was asked, the likeliest one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from project.contract import Hypothesis, UnitOutput
from project.text.alphabet import Alphabet


class Units:
    """Says the likeliest unit of each hidden frame, and where that frame is; of an example with none hidden, of all.

    The score is the log-probability of all that it says together. It does not know that units last.
    """

    settings: Mapping[str, Any]

    def __init__(self, alphabet: Alphabet) -> None:
        self._alphabet = alphabet
        self.settings = {"decode": "units@1"}

    def __call__(self, output: UnitOutput) -> list[Hypothesis]:
        log_probs_BTK = output.logits_BTK.detach().float().log_softmax(dim=2)
        best_BT, units_BT = (tensor.cpu() for tensor in log_probs_BTK.max(dim=2))
        return [
            self._read(best_T[frames], units_T[frames], frames)
            for best_T, units_T, frames in zip(best_BT, units_BT, asked_frames(output), strict=True)
        ]

    def _read(self, log_probs_N: Tensor, units_N: Tensor, frames_N: Tensor) -> Hypothesis:
        tokens = tuple((units_N + 1).tolist())  # the alphabet's 0 is the blank
        spans = tuple((frame, frame + 1) for frame in frames_N.tolist())
        sure = tuple(log_probs_N.exp().tolist())
        return Hypothesis(tokens, self._alphabet.decode(tokens), float(log_probs_N.double().sum()), spans, sure)


def asked_frames(output: UnitOutput) -> list[Tensor]:
    """Of each example the numbers of its hidden frames; of all its frames if none is hidden."""
    frames_T = torch.arange(output.hidden_BT.shape[1], device=output.lengths_B.device)
    inside_BT = frames_T < output.lengths_B[:, None]
    hidden_BT = output.hidden_BT & inside_BT
    asked_BT = torch.where(hidden_BT.any(dim=1, keepdim=True), hidden_BT, inside_BT)
    return [asked_T.nonzero()[:, 0] for asked_T in asked_BT.cpu()]
