"""Moonshine: hears a waveform and writes text, token by token; the transformers library's own, pretrained or not.

It does not know how sound was levelled, nor how text is normalized; how many frames it listens to is what its
convolutions leave of a waveform.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from project.contract import Batch, Emissions, InputError, TokenOutput
from project.model.backbone import library
from project.model.backbone.exact_padding import OwnTimeNorm
from project.model.backbone.library import Init
from project.model.head import start_at_blank
from project.model.token_writer import TokenWriter
from project.model.trained import backbone_of
from project.text.vocabulary import Vocabulary

# B examples, N samples, T frames, D features, L tokens, V their number

SAMPLE_RATE = 16000
SHORTEST = 895  # samples: what gives the convolutions one frame
_CONVOLUTIONS = ((127, 64), (7, 3), (3, 2))  # their sizes and strides
_STRIDE = 64 * 3 * 2
_KEY = "model"


@final
class Moonshine(nn.Module):
    """MoonshineForConditionalGeneration as `network`, and perhaps a CTC head on its frames.

    `config` is what differs from the library's own configuration (that of Moonshine tiny) with random weights; `source`
    names published weights or a folder that holds them, or, with init=local, a run of ours. `padding`: as in the
    library an example differs beside longer ones, as a norm runs over the whole batch's time; `exact` leaves padding
    out. `ctc` is a second head that learns which tokens are in the sound without being told where: from nothing, a
    decoder finds nothing to attend to for long.
    """

    hears, writes = "wave", "tokens"
    bodies = ("network",)
    frame_rate = SAMPLE_RATE / _STRIDE
    replaceable = ("auxiliary_head",)
    edges = ("network.proj_out", "network.model.decoder.embed_tokens", "network.model.encoder.conv1", "auxiliary_head")

    def __init__(
        self,
        alphabet: Vocabulary,
        init: Init = "random",
        source: str | None = None,
        config: Mapping[str, Any] | None = None,
        padding: Literal["library", "exact"] = "library",
        ctc: bool = False,
        checkpointing: bool = False,
        architecture: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(alphabet, Vocabulary):
            raise InputError("model=moonshine writes tokens of a tokenizer: set text=subwords text.tokenizer=...")
        self._start, self._end = alphabet.start, alphabet.end
        self.network, self.architecture = network_of(alphabet, init, source, config or {}, architecture)
        if padding == "exact":
            self._encoder.groupnorm = OwnTimeNorm(self._encoder.groupnorm)
        self.auxiliary_head = nn.Linear(int(self.network.config.hidden_size), len(alphabet)) if ctc else None
        if self.auxiliary_head is not None:
            start_at_blank(self.auxiliary_head)
        if checkpointing:
            enable = getattr(self.network, "activation_checkpointing_enable", None)  # its name from 5.23 on
            (enable or self.network.gradient_checkpointing_enable)({"use_reentrant": False})

    @property
    def mixes_padding(self) -> bool:
        """Whether an example comes out differently beside longer ones, even with a mask."""
        return not isinstance(self._encoder.groupnorm, OwnTimeNorm)

    @property
    def _encoder(self) -> Any:
        return self.network.model.encoder

    def forward(self, batch: Batch) -> TokenOutput:
        """What is heard; and of the reference, if there is one, each token given those before it."""
        encoded, lengths_B = self.encode(batch.signals_BTF[..., 0], batch.lengths_B)
        logits_BLV = None
        if "symbols" in batch.targets:
            given_BL = self.given(batch.targets["symbols"])
            logits_BLV = self.network(encoder_outputs=encoded, decoder_input_ids=given_BL, use_cache=False).logits
        auxiliary = None
        if self.auxiliary_head is not None:
            said_BTV = self.auxiliary_head(encoded.last_hidden_state).float().log_softmax(dim=2)
            auxiliary = Emissions(said_BTV, lengths_B)
        writer = TokenWriter(self.network, encoded, self._start, self._end)
        return TokenOutput(lengths_B, batch.lengths_B / SAMPLE_RATE, writer, logits_BLV, auxiliary)

    def given(self, symbols_BL: Tensor) -> Tensor:
        """What the decoder is shown where it learns tokens and their end: the start, and the tokens."""
        start_B1 = torch.full_like(symbols_BL[:, :1], self._start)
        return torch.cat([start_B1, symbols_BL[:, :-1]], dim=1)

    def encode(self, wave_BN: Tensor, lengths_B: Tensor) -> tuple[Any, Tensor]:
        """The encoder's output with its mask, and the numbers of frames in which no padding is heard."""
        wave_BN = functional.pad(wave_BN, (0, max(0, SHORTEST - wave_BN.shape[1])))
        frames_B = self.num_output_frames(lengths_B)
        norm = self._encoder.groupnorm
        if isinstance(norm, OwnTimeNorm):
            norm.lengths_B = behind(lengths_B.clamp(min=SHORTEST), *_CONVOLUTIONS[0])
        # the library looks at every 384th sample of a mask of samples to learn which frames count
        samples_N = torch.arange(wave_BN.shape[1], device=wave_BN.device)
        mask_BN = samples_N <= (frames_B[:, None] - 1) * _STRIDE
        return self._encoder(wave_BN, attention_mask=mask_BN), frames_B

    def num_output_frames(self, num_frames: Tensor) -> Tensor:
        """Frames behind the convolutions of so many samples; exact, and at least one, as too short ones are filled."""
        frames = num_frames.clamp(min=SHORTEST)
        for size, stride in _CONVOLUTIONS:
            frames = behind(frames, size, stride)
        return frames


def behind(lengths: Tensor, size: int, stride: int) -> Tensor:
    """How many places of a window of that size there are, so many apart."""
    return (lengths - size).div(stride, rounding_mode="floor") + 1


def attention_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration in which keys and values have as many heads as queries, unless it says otherwise.

    >>> attention_of({"encoder_num_attention_heads": 4})["encoder_num_key_value_heads"]
    4
    """
    heads = {side: config.get(f"{side}_num_attention_heads") for side in ("encoder", "decoder")}
    alike = {f"{side}_num_key_value_heads": number for side, number in heads.items() if number is not None}
    return {**alike, **config}


def network_of(
    alphabet: Vocabulary,
    init: Init,
    source: str | None,
    config: Mapping[str, Any],
    architecture: Mapping[str, Any] | None,
) -> tuple[Any, Mapping[str, Any]]:
    """The library's model for a vocabulary, and all that is needed to build it again without its weights."""
    from transformers import GenerationConfig, MoonshineForConditionalGeneration

    weights: dict[str, Tensor] = {}
    if architecture is None and init == "local":
        architecture, weights = backbone_of(source, "model.network.", _KEY)
        _require_same_tokens(alphabet, source)
    library.same_kind("moonshine", source, architecture, _KEY)
    numbers = {"bos_token_id": alphabet.start, "eos_token_id": alphabet.end, "pad_token_id": 0}
    numbers["decoder_start_token_id"] = alphabet.start
    own = {**attention_of(config), "vocab_size": len(alphabet)} if init == "random" else {}
    made = library.configured("MoonshineConfig", init, source, {**own, **numbers}, architecture, _KEY)
    if made.vocab_size != len(alphabet):
        raise InputError(
            f"{_KEY}.source {source}: it writes {made.vocab_size:,} tokens, and text.tokenizer has {len(alphabet):,}: "
            f"set text.tokenizer={source}"
        )
    if init == "pretrained" and architecture is None:
        network = library.loaded(MoonshineForConditionalGeneration, source, made, {}, key=_KEY)
    else:
        network = MoonshineForConditionalGeneration(made)
    network.generation_config = GenerationConfig()  # type: ignore[no-untyped-call]  # how it used to be asked stands in no Protocol
    if weights:
        library.fill(network, weights, source, _KEY)
    return network, {"kind": "moonshine", **library.plain(made)}


def _require_same_tokens(alphabet: Vocabulary, source: str | None) -> None:
    """As many tokens are not the same ones: what a run knows of each would be another's."""
    file = Path(str(source)) / "alphabet.json"
    if file.is_file() and Vocabulary.load(file).hash != alphabet.hash:
        raise InputError(
            f"{_KEY}.source {source}: it writes other tokens than text.tokenizer has: set text.tokenizer={source}"
        )
