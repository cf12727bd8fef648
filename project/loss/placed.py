"""CTC with places: where a corpus knows when each symbol was sent, the model is told so as well."""

from __future__ import annotations

import torch
from torch import Tensor

from project.contract import Batch, Emissions, InputError, Terms
from project.loss.ctc import CTC
from project.padding import inside


class PlacedCTC:
    """The terms of CTC, and `place`: how unlikely the symbol of each frame is, or blank where none was sent.

    The term is a cross entropy (natural logarithm) summed over an example's frames and divided by its number of
    symbols, so that it is of CTC's size. Learning starts at once instead of finding alignments first, and recognized
    symbols keep the time at which they were sent. CTC alone says a symbol early at one speed and late at another, and
    in between twice or not at all. Real recordings rarely know places: a batch without them has the
    terms of CTC alone, which training refuses and evaluation takes.
    """

    def __init__(self, ctc: CTC) -> None:
        self._ctc = ctc

    def __call__(self, output: Emissions, batch: Batch) -> Terms:
        terms = self._ctc(output, batch)
        if "places" in batch.targets:
            terms["place"] = placing(output, batch.targets["places"], batch.targets["symbol_lengths"])
        elif torch.is_grad_enabled():
            raise InputError(
                "loss=ctc_placed wants to know when symbols were sent, and no example says it in labels.places: use "
                "loss=ctc weighting=fixed, or train on made Morse"
            )
        return terms


def placing(output: Emissions, places_BS: Tensor, num_symbols_B: Tensor) -> Tensor:
    """Cross entropy of all frames per symbol; `places_BS` has a symbol's id at one input frame, 0 elsewhere."""
    frames = output.log_probs_BTV.shape[1]
    rows_BS = (torch.arange(places_BS.shape[1], device=places_BS.device) * frames // places_BS.shape[1]).expand_as(
        places_BS
    )
    none_BT = places_BS.new_zeros(len(places_BS), frames)
    symbols_BT = none_BT.scatter_reduce(1, rows_BS, places_BS, "amax")  # of two in one frame one stands
    inside_BT = inside(output.lengths_B, frames)
    unlikely_BT = -output.log_probs_BTV.gather(2, symbols_BT[..., None])[..., 0]
    return ((unlikely_BT * inside_BT).sum(dim=1) / num_symbols_B.clamp(min=1)).mean()
