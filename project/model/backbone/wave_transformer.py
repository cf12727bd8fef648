"""Wav2Vec2, HuBERT, WavLM and Data2Vec: convolutions that turn a waveform into 50 rows a second, and a transformer.

The classes are those of the transformers library, so that all weights published for them fit. Built with random
weights, with published ones or with those of a run of ours, they are used in the same way. Not known here: what the
rows mean, and how much of it learns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, final

from torch import Tensor, nn
from torch.nn import functional

from project.contract import InputError
from project.model.backbone import exact_padding, library
from project.model.backbone.library import Init
from project.model.backbone.wavlm_attention import call_projections
from project.model.trained import backbone_of
from project.padding import inside

# B examples, T samples, T' frames, D features of a frame

Kind = Literal["wav2vec2", "hubert", "wavlm", "data2vec"]

_CLASSES = {"wav2vec2": "Wav2Vec2", "hubert": "Hubert", "wavlm": "WavLM", "data2vec": "Data2VecAudio"}


@final
class WaveTransformer(nn.Module):
    """One of four encoders by its `kind`.

    `config` is what differs from the library's own configuration of that kind where the weights are random; `source`
    names a published model or a folder that holds one, or, with init=local, a run's folder. `architecture`, of a run
    that is restored, goes before all: weights come with the run's checkpoint.

    `padding`: the library's own way is that norms over the whole time (feat_extract_norm=group) count the silence that
    fills a batch up, and so do Data2Vec's layers of positions: an example comes out differently beside longer ones.
    With `exact` it comes out as it does alone, at the cost of some time and memory.
    """

    def __init__(
        self,
        kind: Kind,
        init: Init = "random",
        source: str | None = None,
        config: Mapping[str, Any] | None = None,
        padding: Literal["library", "exact"] = "library",
        architecture: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        weights: dict[str, Tensor] = {}
        if architecture is None and init == "local":
            architecture, weights = backbone_of(source)
        library.same_kind(kind, source, architecture)
        settings = library.configured(f"{_CLASSES[kind]}Config", init, source, _own(init, config), architecture)
        settings.add_adapter = False  # it would halve the frames once more
        self.architecture: Mapping[str, Any] = {"kind": kind, **library.plain(settings)}
        self.model: Any = _built(kind, init if architecture is None else "random", source, settings)
        if weights:
            library.fill(self, weights, source)
        if kind == "wavlm":
            call_projections(self.model)
        self._steps = list(zip(settings.conv_kernel, settings.conv_stride, strict=True))
        self._reach = receptive_field(self._steps)
        self.num_features = int(settings.hidden_size)
        self.frame_rate = 16000 / num_steps(self._steps)
        self._exact = exact_padding.Exact(self.model) if padding == "exact" else None
        self.mixes_padding = padding == "library" and exact_padding.is_mixed(self.model)

    @property
    def layers(self) -> Sequence[nn.Module]:
        """The transformer's, from the bottom up."""
        return list(self.model.encoder.layers)

    @property
    def features(self) -> Sequence[nn.Module]:
        """The convolutions that make rows of samples."""
        return list(self.model.feature_extractor.conv_layers)

    @property
    def above(self) -> Sequence[nn.Module]:
        """The norm behind the last layer, where it is there and not below the first."""
        return [self.model.encoder.layer_norm] if getattr(self.model.config, "do_stable_layer_norm", False) else []

    @property
    def entrance(self) -> nn.Module:
        """What makes the transformer's rows of the convolutions': whoever hides frames from it does so behind this."""
        entrance: nn.Module = self.model.feature_projection
        return entrance

    def forward(self, wave_BT: Tensor, lengths_B: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T', D) and the numbers of frames."""
        said, frames_B = self._say(wave_BT, lengths_B)
        return said.last_hidden_state, frames_B

    def all_layers(self, wave_BT: Tensor, lengths_B: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
        """What goes into the first layer and what comes out of each, from the bottom up; and the numbers of frames."""
        said, frames_B = self._say(wave_BT, lengths_B, output_hidden_states=True)
        return said.hidden_states, frames_B

    def num_output_frames(self, num_samples: Tensor) -> Tensor:
        """As many as the convolutions find room for; one, of what is filled up with silence, where they find none."""
        return through(self._steps, num_samples.clamp(min=self._reach))

    def _say(self, wave_BT: Tensor, lengths_B: Tensor, **options: bool) -> tuple[Any, Tensor]:
        wave_BT = functional.pad(wave_BT, (0, max(0, self._reach - wave_BT.shape[1])))
        within_BT = inside(lengths_B.clamp(min=self._reach), wave_BT.shape[1])
        frames_B = self.num_output_frames(lengths_B)
        if self._exact is not None:
            self._exact.expect(through(self._steps[:1], lengths_B.clamp(min=self._reach)), frames_B)
        said = self.model(wave_BT, attention_mask=within_BT.long(), **options)
        return said, frames_B


def _own(init: Init, config: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Published weights bring their sizes with them."""
    return dict(config or {}) if init == "random" else {}


def _built(kind: Kind, init: Init, source: str | None, settings: Any) -> nn.Module:
    import transformers

    model_class: Any = getattr(transformers, f"{_CLASSES[kind]}Model")
    if init != "pretrained":
        made: nn.Module = model_class(settings)
        return made
    found = type(settings).get_config_dict(source)[0].get("model_type")
    if found != settings.model_type:
        raise InputError(
            f"model.backbone.source {source}: it is a {found} model, not {settings.model_type}: name another, "
            "or set model.backbone.kind"
        )
    pretrained: nn.Module = library.loaded(model_class, source, settings, {})
    return pretrained


def through(steps: Sequence[tuple[int, int]], lengths_B: Tensor) -> Tensor:
    """How many places convolutions of (kernel, stride) find in so many.

    >>> import torch
    >>> through([(10, 5), (3, 2)], torch.tensor([20, 30])).tolist()
    [1, 2]
    """
    for kernel, stride in steps:
        lengths_B = (lengths_B - kernel).div(stride, rounding_mode="floor") + 1
    return lengths_B


def receptive_field(steps: Sequence[tuple[int, int]]) -> int:
    """Of how many samples the convolutions make their first frame.

    >>> receptive_field([(10, 5), (3, 2), (3, 2), (3, 2), (3, 2), (2, 2), (2, 2)])
    400
    """
    reach = 1
    for kernel, stride in reversed(steps):
        reach = (reach - 1) * stride + kernel
    return reach


def num_steps(steps: Sequence[tuple[int, int]]) -> int:
    """Samples from one frame to the next."""
    count = 1
    for _, stride in steps:
        count *= stride
    return count
