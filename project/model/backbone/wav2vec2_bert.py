"""Wav2Vec2-BERT: a conformer on mel frames stacked in pairs, 50 a second, with or without an adapter that halves them.

The pairs are made here, as the extractor of the library makes them, and lengths are counted after that: whoever halves
them once more loses half of each example.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

from torch import Tensor, nn
from torch.nn import functional

from project.contract import InputError
from project.model.backbone.library import Init, LibraryEncoder
from project.model.backbone.mel import HOP, WINDOW, kaldi_fbank, levelled, num_kaldi_frames
from project.padding import inside

# B examples, N samples, T frames, F bands, D features

_STACKED = 2
_SHORTEST = WINDOW + HOP  # samples that make one pair


@final
class Wav2Vec2Bert(LibraryEncoder):
    """Pairs of mel frames, made here, and the library's Wav2Vec2BertModel.

    `adapter_layers` new layers behind the encoder halve the frames, each once: 50 a second, 25, 12.5. Its learned
    convolutions would look into padding, so they are shown zeros there.
    """

    kind = "wav2vec2_bert"
    config_class = "Wav2Vec2BertConfig"
    fresh = "adapter."

    def __init__(
        self,
        init: Init = "random",
        source: str | None = None,
        config: Mapping[str, Any] | None = None,
        adapter_layers: int = 0,
        architecture: Mapping[str, Any] | None = None,
    ) -> None:
        added = {"add_adapter": adapter_layers > 0, "num_adapter_layers": adapter_layers}
        super().__init__(init, source, config, architecture, added=added)
        made = self.encoder.config
        if made.feature_projection_input_dim % _STACKED:
            raise InputError(
                f"model.backbone.config.feature_projection_input_dim is {made.feature_projection_input_dim}: give an "
                "even number, twice the bands"
            )
        self._bands = int(made.feature_projection_input_dim) // _STACKED
        self.frame_rate = 50.0
        for layer in self._adapters():
            self.num_features = int(made.output_hidden_size)
            self.frame_rate /= layer.stride
            for convolution in (layer.residual_conv, layer.self_attn_conv):
                convolution.register_forward_pre_hook(_hide)

    def encoder_class(self) -> Any:
        """The model without a head."""
        from transformers import Wav2Vec2BertModel

        return Wav2Vec2BertModel

    @property
    def layers(self) -> Sequence[nn.Module]:
        """The blocks of the encoder, from the bottom up; the adapter's are not among them."""
        return list(self.encoder.encoder.layers)

    @property
    def features(self) -> Sequence[nn.Module]:
        """None that learns: mel frames are the first picture."""
        return []

    @property
    def above(self) -> Sequence[nn.Module]:
        """The adapter."""
        return [] if self.encoder.adapter is None else [self.encoder.adapter]

    def heard(self, wave_BN: Tensor, lengths_B: Tensor) -> dict[str, Tensor]:
        """Pairs of frames, each band with mean 0 and deviation 1 over the example, and which of them are true."""
        if wave_BN.shape[1] < _SHORTEST:
            wave_BN = functional.pad(wave_BN, (0, _SHORTEST - wave_BN.shape[1]))
        frames_B = num_kaldi_frames(lengths_B.clamp(min=_SHORTEST))
        mel_BTF = levelled(kaldi_fbank(wave_BN, self._bands), frames_B)
        pairs = mel_BTF.shape[1] // _STACKED
        pairs_BTF = mel_BTF[:, : pairs * _STACKED].reshape(len(mel_BTF), pairs, _STACKED * self._bands)
        left_B = frames_B // _STACKED
        mask_BT = inside(left_B, pairs)
        for layer in self._adapters():
            layer.residual_conv.inside_B = layer.self_attn_conv.inside_B = left_B
            left_B = _halved(left_B, layer.residual_conv)
        weight = self.encoder.feature_projection.projection.weight
        return {"input_features": pairs_BTF.to(weight.dtype), "attention_mask": mask_BT}

    def all_layers(self, wave_BN: Tensor, lengths_B: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
        """As ever; but an adapter has a rate of its own, and so there is nothing to weigh."""
        if self.encoder.adapter is not None:
            raise InputError("model.backbone.adapter_layers make frames of another rate: set 0, or model.mix=last")
        return super().all_layers(wave_BN, lengths_B)

    def num_output_frames(self, num_samples: Tensor) -> Tensor:
        """Whole pairs of windows, at least one, halved by each adapter layer."""
        frames = num_kaldi_frames(num_samples.clamp(min=_SHORTEST)) // _STACKED
        for layer in self._adapters():
            frames = _halved(frames, layer.residual_conv)
        return frames

    def _adapters(self) -> Any:
        return self.encoder.adapter.layers if self.encoder.adapter is not None else ()


def _halved(frames: Tensor, convolution: Any) -> Tensor:
    """What a convolution with a stride leaves of so many frames."""
    around = 2 * convolution.padding[0] - convolution.kernel_size[0]
    left: Tensor = (frames + around).div(convolution.stride[0], rounding_mode="floor") + 1
    return left


def _hide(convolution: Any, inputs: tuple[Tensor]) -> Tensor:
    """Zeros beyond each example's end, as a convolution sees beyond the end of a single one."""
    (x_BDT,) = inputs
    outside_BT = ~inside(convolution.inside_B, x_BDT.shape[2])
    return x_BDT.masked_fill(outside_BT[:, None], 0)
