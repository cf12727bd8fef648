"""Speech to text, token by token: what is learned is each next token, what is scored is what the model writes alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, final

import torch
from torch import Tensor

from project.contract import Batch, Emissions, InputError, Output, TokenOutput
from project.decode.generate import Generate
from project.diagnosis.prior import ignorant
from project.loss.token import IGNORED, wanted, without_ends
from project.system.base import Checked, System


@final
class SttSystem(System):
    """Beside errors of what is written, of a validation: `dev/token_accuracy`, the part of tokens that are right given
    the right ones before them (it may be high where nothing that is written alone is right), and `dev/unreachable`, the
    part of the references that the decoder's settings cannot write.

    Skill is measured by how frequent tokens are in training: they are counted as they come, and the counts kept with
    the weights.
    """

    shown = ("token", "token_accuracy", "unreachable")
    telling = ("references", "unreachable")  # counts that the diagnosis looks at

    def begin(self) -> None:
        """The counts are a buffer, so that they go into checkpoints."""
        model: Any = self.model
        decoder: Any = self.decoder
        if not isinstance(decoder, Generate):
            raise InputError(
                "decode: what writes token by token is asked by decode=generate: choose it, or leave it out"
            )
        if not hasattr(model, "network"):
            raise InputError(
                f"system=stt is for models that write token by token, and {type(model).__name__} is none: "
                "set model=moonshine, or another system"
            )
        self.reaches = decoder.reaches  # of the decoder itself: whoever measures its time puts another in its place
        self.token_counts: Tensor
        self.register_buffer("token_counts", torch.zeros(int(model.network.config.vocab_size), dtype=torch.int64))

    @property
    def replaceable(self) -> tuple[str, ...]:
        """The counts too: they are those of what is learned now."""
        return (*super().replaceable, "token_counts")

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Count the tokens that are learned."""
        wanted_BL = wanted(batch)
        self.token_counts += torch.bincount(wanted_BL[wanted_BL != IGNORED], minlength=len(self.token_counts))

    def check(self, output: Output, batch: Batch) -> Checked:
        """The terms; tokens that are right, and references that cannot be reached."""
        assert isinstance(output, TokenOutput)
        assert output.logits_BLV is not None
        wanted_BL = wanted(batch)
        counts = {
            "tokens": float((wanted_BL != IGNORED).sum()),
            "right": float((output.logits_BLV.argmax(dim=2) == wanted_BL).sum()),
            "references": float(len(batch)),
            "unreachable": float(self.unreachable(output, batch)),
        }
        return Checked(self.loss(output, batch), counts)

    def unreachable(self, output: TokenOutput, batch: Batch) -> int:
        """How many of the references the decoder's settings cannot write."""
        rows, sizes = batch.targets["symbols"].tolist(), batch.targets["symbol_lengths"].tolist()
        texts = [row[: size - 1] for row, size in zip(rows, sizes, strict=True)]
        seconds = output.seconds_B.tolist()
        return sum(not self.reaches(*pair) for pair in zip(texts, seconds, strict=True))

    def ratios(self, counts: Mapping[str, float]) -> dict[str, float]:
        """Tokens that are right, of all; references out of reach, of all."""
        return {
            "token_accuracy": counts["right"] / max(1.0, counts["tokens"]),
            "unreachable": counts["unreachable"] / max(1.0, counts["references"]),
        }

    def ignorant(self, output: Output, batch: Batch) -> Output | None:
        """Each token as frequent as in training, one added to each count; and what a second head would say unheard."""
        assert isinstance(output, TokenOutput)
        assert output.logits_BLV is not None
        log_probs_V = (self.token_counts + 1).double().log().log_softmax(dim=0).float()
        unheard = replace(output, logits_BLV=log_probs_V.expand_as(output.logits_BLV))
        if isinstance(output.auxiliary, Emissions):
            unheard = replace(unheard, auxiliary=ignorant(output.auxiliary, without_ends(batch)))
        return unheard
