"""Speech as a language of its own: a codec that others have trained says it in numbers, and an encoder reads these.

Each frame is said by several numbers, each one picking a word from a codebook of what the ones before left unsaid
(residual vector quantization). The codec never learns here, and autocast does not round it: its codes are the first
stage of two, and `codes` gives them by themselves. What learns is an embedding of each codebook and the encoder behind.
What the numbers mean is not known here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Literal, Self, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from project.contract import InputError
from project.model.backbone import library
from project.model.backbone.library import Init
from project.model.backbone.resample import ratio, reach, resampled
from project.model.padded import Extent
from project.model.sequence_encoder import Encoder
from project.model.trained import backbone_of
from project.padding import inside

# B examples, N samples, T frames of the codec, K codebooks, D numbers of a frame

Kind = Literal["encodec", "mimi"]

_CLASSES = {"encodec": "Encodec", "mimi": "Mimi"}
_RATE = 16000
_BABBLE_SECONDS = 8  # that the words of a codec with random weights are made of


@final
class CodecTokens(nn.Module):
    """The first `codebooks` of a codec, their embeddings added up, and an encoder that takes `encoder.num_features`.

    A codec's frame becomes `spread` frames of the output, each with embeddings of its own: Mimi's 12.5 a second are
    too few for speech sounds. `init`, `source`, `config` and `architecture` are about the codec, as elsewhere.
    """

    mixes_padding = False
    level = "none"  # full scale is 1, and how loud it is counts
    TINY: ClassVar[Mapping[str, Any]] = {
        "num_filters": 4, "hidden_size": 16, "codebook_dim": 16, "codebook_size": 64, "num_lstm_layers": 1,
    }  # fmt: skip

    def __init__(
        self,
        encoder: Encoder,
        kind: Kind = "encodec",
        init: Init = "random",
        source: str | None = None,
        config: Mapping[str, Any] | None = None,
        codebooks: int = 8,
        spread: int = 1,
        architecture: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        is_new = architecture is None
        weights: dict[str, Tensor] = {}
        if architecture is None and init == "local":
            architecture, weights = backbone_of(source)
        library.same_kind(kind, source, architecture)
        own = (config or {}) if init == "random" else {}
        made = library.configured(f"{_CLASSES[kind]}Config", init, source, own, architecture)
        _refuse(made, codebooks, spread)
        self.architecture: Mapping[str, Any] = {"kind": kind, **library.plain(made)}
        self.codec: Any = _codec(kind, "pretrained" if is_new and init == "pretrained" else "random", source, made)
        if is_new and init == "random":
            invent_words(self.codec, int(made.sampling_rate))
        library.hold(self.codec)
        self._kind, self._spread, self._rate = kind, spread, int(made.sampling_rate)
        self._hop = int(getattr(made, "hop_length", round(self._rate / made.frame_rate)))
        self._fewest = int(made.last_kernel_size) + 1  # frames; with less, a codec that mirrors its ends hears others
        self._options = _options(self.codec, kind, codebooks)
        width = encoder.num_features * spread
        self.embeddings = nn.ModuleList(nn.Embedding(made.codebook_size, width) for _ in range(codebooks))
        self.encoder = encoder
        self.num_features = encoder.width
        self.frame_rate = self._rate / self._hop * spread
        if weights:
            library.fill(self, weights, source)
        self.train()

    @property
    def layers(self) -> Sequence[nn.Module]:
        """The blocks of the encoder, from the bottom up."""
        blocks = getattr(self.encoder, "layers", getattr(self.encoder, "blocks", None))
        return [self.encoder] if blocks is None else list(blocks)

    @property
    def above(self) -> Sequence[nn.Module]:
        """The norm behind the last, if there is one."""
        norm = getattr(self.encoder, "norm", None)
        return [] if norm is None else [norm]

    def train(self, mode: bool = True) -> Self:
        """As ever, but for the codec."""
        super().train(mode)
        self.codec.eval()
        return self

    def forward(self, wave_BN: Tensor, lengths_B: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T * spread, D) and lengths."""
        codes_BKT, _ = self.codes(wave_BN, lengths_B)
        said = [embed(codes_BT) for embed, codes_BT in zip(self.embeddings, codes_BKT.unbind(1), strict=True)]
        x_BTD = torch.stack(said).sum(dim=0).reshape(len(wave_BN), -1, self.encoder.num_features)
        frames_B = self.num_output_frames(lengths_B)
        return self.encoder(x_BTD, Extent.of(frames_B, x_BTD.shape[1])), frames_B

    @torch.no_grad()
    def codes(self, wave_BN: Tensor, lengths_B: Tensor) -> tuple[Tensor, Tensor]:
        """(B, K, T) numbers from 0, and how many frames are an example's own. No weights that learn are looked at."""
        frames = int(self._num_frames(torch.tensor(wave_BN.shape[1])))
        wanted = max(frames, self._fewest) * self._hop  # samples; silence behind is the same in any batch
        up, down = ratio(_RATE, self._rate)
        size = -(-wanted * down // up) + reach(_RATE, self._rate)
        outside_BN = ~inside(lengths_B, wave_BN.shape[1])
        silent_BN = functional.pad(wave_BN.float().masked_fill(outside_BN, 0), (0, size - wave_BN.shape[1]))
        with torch.autocast(wave_BN.device.type, enabled=False):
            heard_B1N = resampled(silent_BN, _RATE, self._rate)[:, None, :wanted]
            for book in _books(self.codec):
                book._embed = None  # Mimi keeps a table made of weights that may have been loaded or moved since
            told = self.codec.encode(heard_B1N.to(self._precision), **self._options).audio_codes
        codes_BKT = told[0] if self._kind == "encodec" else told
        return codes_BKT[:, : len(self.embeddings), :frames], self._num_frames(lengths_B)

    @property
    def _precision(self) -> torch.dtype:
        weights: Iterator[Tensor] = self.codec.buffers()
        return next(one.dtype for one in weights if one.is_floating_point())

    def num_output_frames(self, num_samples: Tensor) -> Tensor:
        """`spread` for each frame of the codec, begun ones included; at least those of one."""
        return self._num_frames(num_samples) * self._spread

    def _num_frames(self, num_samples: Tensor) -> Tensor:
        up, down = ratio(_RATE, self._rate)
        samples = (num_samples * up + down - 1) // down
        return ((samples + self._hop - 1) // self._hop).clamp(min=1)


def _refuse(config: Any, codebooks: int, spread: int) -> None:
    """A codec that hears what is to come, or levels a whole recording, would hear padding."""
    if config.audio_channels != 1 or not config.use_causal_conv or getattr(config, "normalize", False):
        raise InputError(
            "model.backbone: this codec takes stereo, looks ahead or levels whole recordings: take one that hears one "
            "channel as it comes, such as facebook/encodec_24khz or kyutai/mimi"
        )
    if not 1 <= codebooks <= config.num_quantizers or spread < 1:
        raise InputError(
            f"model.backbone: codebooks is {codebooks} and spread {spread}: this codec has {config.num_quantizers} "
            "codebooks; give 1 to that many, and a spread of 1 or more"
        )


def _codec(kind: Kind, init: str, source: str | None, config: Any) -> Any:
    """The codec without what makes sound of numbers again."""
    import transformers

    model_class: Any = getattr(transformers, f"{_CLASSES[kind]}Model")
    codec = library.loaded(model_class, source, config, {}) if init == "pretrained" else model_class(config)
    for name in ("decoder", "decoder_transformer", "upsample"):
        if name in dict(codec.named_children()):
            setattr(codec, name, None)
    for part in codec.modules():
        if nn.utils.parametrize.is_parametrized(part):
            nn.utils.parametrize.remove_parametrizations(part, "weight")
    return codec.eval()


def _options(codec: Any, kind: Kind, codebooks: int) -> dict[str, Any]:
    """How a codec is told that so many codebooks are enough."""
    if kind == "mimi":
        return {"num_quantizers": max(codebooks, int(codec.config.num_semantic_quantizers))}
    rates = sorted(codec.config.target_bandwidths)
    enough = (one for one in rates if codec.quantizer.get_num_quantizers_for_bandwidth(one) >= codebooks)
    return {"bandwidth": next(enough)}


@torch.no_grad()
def invent_words(codec: Any, sample_rate: int) -> None:
    """Gives a codec with random weights words in its codebooks, between things that it has heard.

    The library leaves all words 0, so that everything would be said by the same number. What it hears is a hum and
    noise; each codebook gets its words when the residual of the ones before first comes to it. Random biases go: what
    they add everywhere is fifty times what changes, so that rounding would decide between words.
    """
    for name, weight in codec.named_parameters():
        if "bias" in name.rpartition(".")[2]:
            weight.zero_()
    for book in _books(codec):
        book.quantize = partial(_first, book, book.quantize)
    options = {"bandwidth": max(codec.config.target_bandwidths)} if hasattr(codec.config, "target_bandwidths") else {}
    codec.encode(_babble(sample_rate)[None, None], **options)
    for book in _books(codec):
        del book.quantize


def _babble(sample_rate: int) -> Tensor:
    """A hum of changing pitch and noise, which swell and fade each by itself ten times a second."""

    def curve(low: float, high: float) -> Tensor:
        points = torch.rand(1, 1, 10 * _BABBLE_SECONDS) * math.log(high / low)
        return low * functional.interpolate(points, size=_BABBLE_SECONDS * sample_rate, mode="linear")[0, 0].exp()

    phase_N = (2 * math.pi / sample_rate * curve(80, 300)).cumsum(dim=0)
    hum_N = torch.stack([(phase_N * order).sin() / order for order in range(1, 25)]).sum(dim=0)
    return curve(0.002, 0.3) * hum_N + curve(0.001, 0.1) * torch.randn(len(hum_N))


def _first(book: Any, quantize: Callable[[Tensor], Tensor], x_ND: Tensor) -> Tensor:
    words = book.embed_sum if hasattr(book, "embed_sum") else book.embed
    one, other = x_ND[torch.randint(len(x_ND), (2, len(words)))]
    words.copy_(one.lerp(other, torch.rand(len(words), 1)))
    return quantize(x_ND)


def _books(codec: Any) -> list[Any]:
    return [part for part in codec.modules() if type(part).__name__.endswith("EuclideanCodebook")]
