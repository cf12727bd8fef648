"""Early fusion: several encoders hear the same waveform, what they say of each moment is joined, and one head reads it.

Unlike recognizers that are mixed after they have decided, encoders need not agree on when a symbol is said. It does
not know which encoders they are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any, Literal, Self, cast, final

import torch
from torch import Tensor, nn

from project.contract import Batch, Emissions, InputError
from project.model import tuning as tune
from project.model.feature_cache import FeatureCache
from project.model.frame_rate import matched, num_matched, ratio_of
from project.model.head import start_at_blank
from project.model.tuning import Tuning
from project.part import Backbone

# B examples, T samples, T' frames, D numbers of a stream, S streams, V symbols (blank included)


@final
class EarlyFusion(nn.Module):
    """Streams at one rate, each normed and projected to `size` numbers, then side by side (concat) or gated.

    Gated: a mean, whose weights are found for each moment from what all streams say. `size` of None: no projection,
    the numbers of all streams side by side, such as 1024 + 768. `rate`: the frames are those of the slowest stream or
    of the first.

    `tuning`: by stream, how much of it learns; without a word all of it. `cache`: a folder where what frozen streams
    say of each recording is kept.
    """

    hears = "wave"
    replaceable = ("head",)
    edges = ("head",)

    def __init__(
        self,
        num_symbols: int,
        streams: Mapping[str, Backbone],
        mix: Literal["concat", "gated"] = "concat",
        size: int | None = 512,
        dropout: float = 0.1,
        rate: Literal["slowest", "first"] = "slowest",
        tuning: Mapping[str, Tuning] | None = None,
        cache: str | None = None,
    ) -> None:
        super().__init__()
        tunings = self._checked(streams, mix, size, tuning or {})
        self.backbone = nn.ModuleDict(cast(Mapping[str, nn.Module], streams))
        rates = [stream.frame_rate for stream in streams.values()]
        self.frame_rate = rates[0] if rate == "first" else min(rates)
        self._ratios = {name: ratio_of(self.frame_rate, stream.frame_rate) for name, stream in streams.items()}
        self.norms = nn.ModuleDict({name: nn.LayerNorm(stream.num_features) for name, stream in streams.items()})
        widths = {name: size or stream.num_features for name, stream in streams.items()}
        self.projections = nn.ModuleDict(
            {name: nn.Linear(stream.num_features, size) for name, stream in streams.items()} if size else {}
        )
        self.gate = nn.Linear(sum(widths.values()), len(streams)) if mix == "gated" else None
        if self.gate is not None:
            nn.init.zeros_(self.gate.weight)  # all streams alike at first
            nn.init.zeros_(self.gate.bias)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(
            next(iter(widths.values())) if self.gate is not None else sum(widths.values()), num_symbols
        )
        start_at_blank(self.head)
        for name, stream in self.backbone.items():
            tune.apply(tunings[name], stream)
        self.head_steps = max(one.head_steps for one in tunings.values())
        self._rates = [tune.rates(tunings[name], self, stream) for name, stream in self.backbone.items()]
        self._caches = {
            name: FeatureCache(cache, stream, name)
            for name, stream in self.backbone.items()
            if cache and tunings[name].mode == "frozen"
        }
        if cache and not self._caches:
            raise InputError(
                "model.cache: every stream learns: set model.tuning.<stream>.mode=frozen, or model.cache=null"
            )
        self.train()

    def _checked(
        self, streams: Mapping[str, Backbone], mix: str, size: int | None, tuning: Mapping[str, Tuning]
    ) -> dict[str, Tuning]:
        """How each stream is tuned, and what does not go together refused."""
        if len(streams) < 2:
            raise InputError(f"model.streams: there are {len(streams)}: give two or more, by name")
        if mix == "gated" and size is None:
            raise InputError("model.size is null, and a mean is of streams of one size: give one, or model.mix=concat")
        if unknown := sorted(tuning.keys() - streams.keys()):
            raise InputError(f"model.tuning.{unknown[0]}: no such stream: name one of {', '.join(streams)}")
        return {name: tuning.get(name) or Tuning() for name in streams}

    @property
    def architecture(self) -> dict[str, Any]:
        """The streams', by name."""
        return {"streams": {name: dict(stream.architecture) for name, stream in self._streams.items()}}

    @property
    def mixes_padding(self) -> bool:
        """Whether any of the streams does; what is kept in a cache was heard alone."""
        return any(stream.mixes_padding for name, stream in self._streams.items() if name not in self._caches)

    @property
    def _streams(self) -> Mapping[str, Backbone]:
        return cast(Mapping[str, Backbone], dict(self.backbone.items()))

    def rate_of(self, name: str) -> float:
        """A parameter's factor of the learning rate: what the tuning of its stream says."""
        return math.prod(rate(name) for rate in self._rates)

    def train(self, mode: bool = True) -> Self:
        """As ever, but what does not learn of the streams stays in evaluation."""
        super().train(mode)
        for stream in self.backbone.values():
            tune.rest(stream)
        return self

    def forward(self, batch: Batch) -> Emissions:
        """(B, T', V) log-probabilities in float32."""
        streams, lengths_B = self.encode(batch.signals_BTF[..., 0], batch.lengths_B)
        x_BTD = torch.cat(streams, dim=2)
        if self.gate is not None:
            share_BTS = self.gate(x_BTD).softmax(dim=2)
            x_BTD = torch.stack(streams, dim=3).mul(share_BTS[:, :, None]).sum(dim=3)
        return Emissions(self.head(self.dropout(x_BTD)).float().log_softmax(dim=2), lengths_B)

    def encode(self, wave_BT: Tensor, lengths_B: Tensor) -> tuple[list[Tensor], Tensor]:
        """What each stream says, normed and projected, frame by frame the same moments; and the numbers of frames."""
        heard = [matched(*self._hear(name, wave_BT, lengths_B), ratio) for name, ratio in self._ratios.items()]
        frames = min(x_BTD.shape[1] for x_BTD, _ in heard)
        shortest_B = torch.stack([frames_B for _, frames_B in heard]).amin(dim=0)
        made = []
        for name, (x_BTD, _) in zip(self._ratios, heard, strict=True):
            normed_BTD = self.norms[name](x_BTD[:, :frames])
            made.append(self.projections[name](normed_BTD) if name in self.projections else normed_BTD)
        return made, shortest_B

    def num_output_frames(self, num_frames: Tensor) -> Tensor:
        """The fewest that a stream has at the common rate."""
        counted = [
            num_matched(self._streams[name].num_output_frames(num_frames), one) for name, one in self._ratios.items()
        ]
        return torch.stack(counted).amin(dim=0)

    def _hear(self, name: str, wave_BT: Tensor, lengths_B: Tensor) -> tuple[Tensor, Tensor]:
        if name in self._caches:
            return self._caches[name](wave_BT, lengths_B)
        stream = self.backbone[name]
        learns = any(weight.requires_grad for weight in stream.parameters())  # adapters may have come later
        with nullcontext() if learns else torch.no_grad():
            x_BTD, frames_B = stream(wave_BT, lengths_B)
            return x_BTD, frames_B
