"""The paced envelope encoder: from the loudness of a keyed tone to symbols, at the pace at which they are sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any, final

from torch import Tensor, nn

from project.contract import Batch, Emissions, InputError
from project.model.envelope import centred
from project.model.head import start_at_blank
from project.model.pace import PacedBlock, PacedSums, PaceFinder, likeliest
from project.model.spacing import Spacing
from project.padding import inside
from project.text.alphabet import Alphabet

# B examples, T frames, F features of a frame, C channels, V symbols (blank included)

_KERNEL = 5  # frames that one look takes in
_STRIDE = 2  # input frames for one output frame: 100 a second become 50
_FARTHEST = 96  # output frames from one that a look sees: two seconds


@final
class PacedEnvelopeEncoder(nn.Module):
    """A finder of the pace, then looks around at distances that are counted in half dits, and a CTC head.

    `distances`: for each look, how many half dits lie between the frames that it sees. Near ones again after far ones
    let what is known of the whole tell what is heard close by. `finder`: settings of the `PaceFinder`.

    `sums`: lengths in dits. Beside all columns of the feature those are heard that are sums of such a length, at the
    pace found. `sum_frames`: how long the feature's sums are.

    `alphabet`: whose spaces stand by the rule of `Spacing` where letters are far apart; not while it learns. What the
    rule looks at is no part of `context_frames`: a piece that sees less of such a recording has less to go by.

    Otherwise as the envelope encoder: features lie between 0 and 1, padding does not count, it looks both ways and
    wants whole recordings or pieces that overlap by `context_frames`.
    """

    edges = ("enter", "sums.enter", "head", "finder.head")
    replaceable = ("head", "sums")

    def __init__(
        self,
        num_features: int,
        num_symbols: int,
        sum_frames: Sequence[float] = (),
        alphabet: Alphabet | None = None,
        *,
        finder: Mapping[str, Any] | None = None,
        sums: Sequence[float] = (),
        channels: int = 96,
        distances: Sequence[int] = (1, 2, 4, 8, 16, 32, 2, 8),
    ) -> None:
        super().__init__()
        if not distances or min(distances) < 1:
            raise InputError(f"model.distances is {list(distances)}: give one or more, each 1 or more")
        self.enter = nn.Conv1d(num_features, channels, _KERNEL, stride=_STRIDE, padding=_KERNEL // 2)
        self.finder = _finder(channels, finder or {})
        self.sums = _sums(sum_frames, sums, channels)
        self.tell = nn.Linear(self.finder.paces, channels)
        self.blocks = nn.ModuleList(PacedBlock(channels, _KERNEL, step, _FARTHEST, 0.0) for step in distances)
        self.norm = nn.LayerNorm(channels)
        self.head = nn.Linear(channels, num_symbols)
        start_at_blank(self.head)
        self.spacing = None if alphabet is None else Spacing(alphabet)
        reaches = (min(_FARTHEST, ceil(_KERNEL // 2 * 0.5 * step * self.finder.longest)) for step in distances)
        self.context_frames = _KERNEL // 2 + _STRIDE * (self.finder.context_frames + sum(reaches))

    def forward(self, batch: Batch) -> Emissions:
        """(B, T / 2, V) log-probabilities in float32, and the pace."""
        lengths_B = self.num_output_frames(batch.lengths_B)
        heard_BTF = centred(batch)
        x_BTC = self.enter(heard_BTF.transpose(1, 2)).transpose(1, 2)
        mask_BT1 = inside(lengths_B, x_BTC.shape[1])[..., None]
        pace = self.finder(x_BTC, mask_BT1)
        pace_BT = likeliest(pace).detach()  # symbols teach the finder nothing: what it says remains a pace
        x_BTC = x_BTC + self.tell(pace.log_probs_BTK.detach().exp())
        if self.sums is not None:
            x_BTC = x_BTC + self.sums(heard_BTF, pace_BT)
        for block in self.blocks:
            x_BTC = block(x_BTC, mask_BT1, pace_BT)
        log_probs_BTV = self.head(self.norm(x_BTC)).float().log_softmax(dim=2)
        if self.spacing is not None and not self.training:
            log_probs_BTV = self.spacing(log_probs_BTV, pace_BT, mask_BT1)
        return Emissions(log_probs_BTV, lengths_B, pace=pace)

    def keep_pace(self) -> None:
        """Learn symbols alone: what finds the pace, and what it listens to, stay as they are."""
        self.enter.requires_grad_(False)
        self.finder.requires_grad_(False)

    def num_output_frames(self, num_frames: Tensor) -> Tensor:
        """One for every two input frames, the last one possibly cut short."""
        return (num_frames + _STRIDE - 1) // _STRIDE


def _sums(sum_frames: Sequence[float], dits: Sequence[float], channels: int) -> PacedSums | None:
    if not dits:
        return None
    if min(dits) <= 0:
        raise InputError(f"model.sums is {list(dits)}: give lengths in dits, each above 0, or [] for none")
    if len(sum_frames) < 2 or list(sum_frames) != sorted(set(sum_frames)):
        raise InputError(
            f"model.sums is {list(dits)}, but the feature does not sum over two lengths or more that rise: set "
            "feature=tone_envelope and feature.integrate_ms, or model.sums=[]"
        )
    return PacedSums(sum_frames, dits, channels, _KERNEL, _STRIDE)


def _finder(inputs: int, settings: Mapping[str, Any]) -> PaceFinder:
    try:
        return PaceFinder(inputs, **settings)
    except TypeError as error:
        raise InputError(f"model.finder: {error}: --cfg job shows its keys") from None
