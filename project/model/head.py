"""What heads that say which symbol is in a frame have in common: where they start before they have learned anything."""

from __future__ import annotations

import math

import torch
from torch import nn


def start_at_blank(head: nn.Linear, blank: float = 0.95) -> None:
    """Lets an untrained head say blank with that probability, as it is in most frames of a trained one.

    Otherwise a network first spends hundreds of steps on learning that most frames are blank, and sometimes learns
    another symbol for it and stays there.
    """
    others = head.out_features - 1
    with torch.no_grad():
        head.bias[0] = math.log(blank / (1 - blank) * others)
