"""Masked learning: the model says whether the key is down where the signal is hidden; beside CTC or alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import final

from project.contract import Answers, Batch, InputError, Output
from project.system.base import Checked, System


@final
class MaskedCTCSystem(System):
    """Training hides what the batch says; recognition never does.

    A validation batch is seen twice: whole for the hypotheses and the CTC term, and with its spans hidden for what
    is asked about them. `dev/mask_accuracy` is the part of the hidden frames that are told right, `dev/mask_majority`
    what one always saying the more frequent state would get: a head that is dead or not learning does not pass it.
    """

    shown = ("mask_accuracy", "mask_majority")

    def check(self, output: Output, batch: Batch) -> Checked:
        """The terms with symbols from the whole signal and states from the hidden one, and counts of hidden frames."""
        if "hidden" not in batch.targets:
            raise InputError("no frames are hidden: add project.data.augment.SpanMask to data.augment")
        states_BT = self(batch).states_BT
        if states_BT is None:
            raise InputError("the model says nothing of hidden frames: set model.mask_head=true")
        terms = self.loss(replace(output, states_BT=states_BT), batch)
        asked_BT = batch.targets["hidden"] & (batch.targets["trust"] > 0)
        on_BT = batch.targets["states"] > 0.5
        right_BT = (states_BT > 0) == on_BT
        counts = {"asked": asked_BT.sum(), "on": (asked_BT & on_BT).sum(), "right": (asked_BT & right_BT).sum()}
        heads = {"mask": Answers(states_BT[asked_BT].sigmoid(), on_BT[asked_BT])}
        return Checked(terms, {name: float(count) for name, count in counts.items()}, heads, is_taught="ctc" in terms)

    def ratios(self, counts: Mapping[str, float]) -> dict[str, float]:
        """Accuracy on hidden frames, and that of the majority guess."""
        asked = max(1.0, counts["asked"])
        majority = max(counts["on"], counts["asked"] - counts["on"])
        return {"mask_accuracy": counts["right"] / asked, "mask_majority": majority / asked}
