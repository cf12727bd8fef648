"""Finds spans in windows of price bars: one encoder, and heads for the kind, the bounds, each bar, and a countdown.

It does not know prices or time, only the features of bars; and it says all it says of the window's first span, but for
the span head, which speaks of each bar.
"""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from project.contract import Batch, InputError, SpanOutput
from project.model.bar_readout import READOUTS, ReadoutName
from project.model.padded import Extent
from project.model.sequence_encoder import Encoder

# B windows, T bars, F features of a bar, C channels

_RAREST = 1e-4  # a base rate counts as at least that far from 0 and 1


@final
class BarSpans(nn.Module):
    """The heads of the multitask row, as many as are wanted. A window gives the same result alone and padded.

    With a readout `pooled`, a BiLSTM of 96 and a countdown it has 97,543 parameters, and the four sigmas of uncertainty
    weighting make 97,547: the source's number. The source's list of layers is not at hand; this is the simplest one
    found that has its number.

    `readout` None leaves out every head that speaks of spans, for learning from hidden values alone: a run that starts
    from such weights begins with fresh heads. It then says that all bars are as likely inside as not.

    With a restore head it says what the features are, and does not see what a batch calls `hidden`: a learned value for
    each feature stands there.

    With `bias_init` the span head starts at the log odds of `base_rate`, the part of bars inside spans in training.
    """

    replaceable = ("readout", "span_head", "countdown_head", "restore_head", "hidden_values")

    def __init__(
        self,
        num_features: int,
        num_symbols: int,
        encoder: Encoder,
        *,
        readout: ReadoutName | None = "softmax",
        countdown: bool = True,
        restore_head: bool = False,
        bias_init: bool = True,
        base_rate: float | None = None,
    ) -> None:
        super().__init__()
        if readout is None and not restore_head:
            raise InputError("model.readout=null leaves nothing to say: set model.restore_head=true, or a readout")
        width = encoder.width
        self.encoder = encoder
        self.readout = READOUTS[readout](width, num_symbols) if readout else None
        self.span_head = nn.Linear(width, 1) if readout else None
        self.countdown_head = countdown_head(width) if readout and countdown else None
        self.restore_head = nn.Linear(width, num_features) if restore_head else None
        self.hidden_values = nn.Parameter(torch.zeros(num_features)) if restore_head else None
        # where the signal enters and answers leave
        heads = ("readout", "span_head", "countdown_head", "restore_head")
        self.edges = (*(f"encoder.{name}" for name in encoder.edges), *heads)
        if bias_init and base_rate is not None and self.span_head is not None:
            rate = torch.tensor(base_rate).clamp(_RAREST, 1 - _RAREST)
            nn.init.constant_(self.span_head.bias, float(torch.logit(rate)))

    def forward(self, batch: Batch) -> SpanOutput:
        """Logits and numbers in float32, for as many bars as there are."""
        extent = Extent.of(batch.lengths_B, batch.signals_BTF.shape[1])
        seen_BTF = batch.signals_BTF.masked_fill(extent.outside_B1T.transpose(1, 2), 0)
        if self.hidden_values is not None and "hidden" in batch.targets:
            seen_BTF = torch.where(batch.targets["hidden"], self.hidden_values, seen_BTF)
        x_BTC = self.encoder(seen_BTF, extent)
        restored_BTF = self.restore_head(x_BTC).float() if self.restore_head is not None else None
        if self.readout is None or self.span_head is None:
            inside_BT = torch.zeros(x_BTC.shape[:2], device=x_BTC.device)
            return SpanOutput(inside_BT, batch.lengths_B, restored_BTF=restored_BTF)
        said = self.readout(x_BTC, extent)
        return SpanOutput(
            inside_BT=self.span_head(x_BTC).float()[..., 0],
            lengths_B=batch.lengths_B,
            kinds_BV=said.kinds_BV,
            starts_BT=said.starts_BT,
            ends_BT=said.ends_BT,
            pointers_BP=said.pointers_BP,
            countdown_BT=self.countdown_head(x_BTC).float()[..., 0] if self.countdown_head is not None else None,
            restored_BTF=restored_BTF,
        )

    def num_output_frames(self, num_frames: Tensor) -> Tensor:
        """As many."""
        return num_frames


def countdown_head(width: int, hidden: int = 32) -> nn.Sequential:
    """Two layers to one number for each bar."""
    return nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, 1))
