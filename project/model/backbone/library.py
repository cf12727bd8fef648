"""Encoders of the transformers library that hear log-mel frames: with random weights, with those that others have
trained, or built again as they were. They know nothing of what is made of their frames.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from logging import ERROR
from typing import Any, ClassVar, Literal, TypeAlias

import torch
from torch import Tensor, nn

from project.contract import InputError
from project.model.trained import backbone_of

Init: TypeAlias = Literal["random", "pretrained", "local"]

# What the library does to an encoder while it trains, and what would spoil weighted sums, lengths and comparisons.
_CALM = {"layerdrop": 0.0, "encoder_layerdrop": 0.0, "apply_spec_augment": False, "mask_time_prob": 0.0}
_CALM |= {"mask_feature_prob": 0.0}

KEY = "model.backbone"  # where a backbone stands in a run's configuration, for errors

# B examples, N samples, T frames, D features


class LibraryEncoder(nn.Module, ABC):
    """From a waveform to what one of the library's encoders makes of it.

    `config` is what differs from the class's own configuration where weights are random; `source` names a published
    model or a folder that holds one, or, with init=local, a run's folder. `architecture`, of a run that is restored,
    goes before all: weights come with the run's checkpoint. `added` is what is changed in any case.
    """

    mixes_padding = False
    frame_rate: float
    num_features: int
    architecture: Mapping[str, Any]

    kind: ClassVar[str]
    config_class: ClassVar[str]
    parts: ClassVar[Mapping[str, str]] = {}  # pattern -> replacement: where the encoder lies in checkpoints of a whole
    fresh: ClassVar[str] = ""  # parts whose names begin like this may be missing in a checkpoint

    def __init__(
        self,
        init: Init = "random",
        source: str | None = None,
        config: Mapping[str, Any] | None = None,
        architecture: Mapping[str, Any] | None = None,
        *,
        added: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        weights: dict[str, Tensor] = {}
        if architecture is None and init == "local":
            architecture, weights = backbone_of(source)
        same_kind(self.kind, source, architecture)
        own = (config or {}) if init == "random" else {}
        made = configured(self.config_class, init, source, {**own, **(added or {})}, architecture)
        if init == "pretrained" and architecture is None:
            self.encoder = loaded(self.encoder_class(), source, made, self.parts, self.fresh)
        else:
            self.encoder = self.encoder_class()(made)
        if hasattr(self.encoder, "embed_positions"):
            hold(self.encoder.embed_positions)  # the library never teaches them
        if weights:
            fill(self, weights, source)
        self.architecture = {"kind": self.kind, **plain(made)}
        self.num_features = int(made.hidden_size)

    @abstractmethod
    def encoder_class(self) -> Any:
        """The library's class."""

    @abstractmethod
    def heard(self, wave_BN: Tensor, lengths_B: Tensor) -> dict[str, Tensor]:
        """What it is called with."""

    @abstractmethod
    def num_output_frames(self, num_samples: Tensor) -> Tensor:
        """Output frames of waveforms with that many samples."""

    def pooled(self, x_BTD: Tensor) -> Tensor:
        """What a layer gives, at the rate of the output."""
        return x_BTD

    @property
    def layers(self) -> Sequence[nn.Module]:
        """The blocks of the encoder, from the bottom up."""
        return list(self.encoder.layers)

    @property
    def features(self) -> Sequence[nn.Module]:
        """The convolutions below them."""
        return [self.encoder.conv1, self.encoder.conv2]

    @property
    def above(self) -> Sequence[nn.Module]:
        """The norm behind the last."""
        return [self.encoder.layer_norm]

    def forward(self, wave_BN: Tensor, lengths_B: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T, D) and lengths."""
        encoded = self.encoder(**self.heard(wave_BN, lengths_B))
        return self._cut(encoded.last_hidden_state, wave_BN), self.num_output_frames(lengths_B)

    def all_layers(self, wave_BN: Tensor, lengths_B: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
        """What goes into the first layer and what comes out of each, from the bottom up; and the numbers of frames."""
        encoded = self.encoder(**self.heard(wave_BN, lengths_B), output_hidden_states=True)
        states = [*map(self.pooled, encoded.hidden_states[:-1]), encoded.last_hidden_state]
        return tuple(self._cut(one, wave_BN) for one in states), self.num_output_frames(lengths_B)

    def _cut(self, x_BTD: Tensor, wave_BN: Tensor) -> Tensor:
        """Without frames that no example of the batch reaches."""
        return x_BTD[:, : int(self.num_output_frames(torch.tensor(wave_BN.shape[1])))]


def configured(
    name: str,
    init: Init,
    source: str | None,
    config: Mapping[str, Any],
    architecture: Mapping[str, Any] | None,
    key: str = KEY,
) -> Any:
    """A configuration of the library's class of that name.

    Pretrained: that of `source`; else the class's own; either with what `config` says otherwise. `architecture`, as
    `plain` wrote it, goes before all. `key` is where all this stands in a run's configuration.
    """
    import transformers

    config_class: Any = getattr(transformers, name)
    if architecture is not None:
        return config_class.from_dict(dict(architecture["config"]))
    made = _told(config_class.from_pretrained, source, key=key) if init == "pretrained" else config_class()
    unknown = [one for one in config if not hasattr(made, one)]
    if unknown:
        raise InputError(f"{key}.config.{unknown[0]}: {name} knows no such key: correct or remove it")
    calm = {one: value for one, value in _CALM.items() if hasattr(made, one)}
    return config_class.from_dict({**made.to_dict(), **calm, **config})


def same_kind(kind: str, source: str | None, architecture: Mapping[str, Any] | None, key: str = KEY) -> None:
    """A run's backbone must be of the kind that is asked for."""
    if architecture is not None and architecture.get("kind") != kind:
        raise InputError(
            f"{key}.source {source}: it is of kind {architecture.get('kind')}, not {kind}: name another run, "
            "or choose its model"
        )


def fill(backbone: nn.Module, weights: Mapping[str, Tensor], source: str | None, key: str = KEY) -> None:
    """All of a run's weights, or an error that names one that does not fit."""
    mine = backbone.state_dict()
    others = sorted(mine.keys() ^ weights.keys())
    others += sorted(name for name in mine.keys() & weights.keys() if mine[name].shape != weights[name].shape)
    if others:
        raise InputError(
            f"{key}.source {source}: {others[0]} does not fit its architecture.json: name a run without adapters, "
            "whose folder is whole"
        )
    backbone.load_state_dict(dict(weights))


def hold(module: nn.Module) -> None:
    """Weights that never learn are no parameters: no way of tuning reaches them, and no optimizer counts them."""
    for part in module.modules():
        for name, weight in list(part.named_parameters(recurse=False)):
            delattr(part, name)
            part.register_buffer(name, weight.detach())


def plain(config: Any) -> dict[str, Any]:
    """All of a configuration as plain data, defaults of today included."""
    told: dict[str, Any] = json.loads(config.to_json_string(use_diff=False))
    return {"config": told}


def loaded(
    model_class: Any,
    source: str | None,
    config: Any,
    renamed: Mapping[str, str],
    fresh: str = "",
    key: str = KEY,
) -> Any:
    """A model with the weights of `source`; keys are `renamed`, pattern -> replacement, where it is part of another.

    Weights that are missing there are an error, those whose names begin with `fresh` aside: they are to be learned.
    """
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity(ERROR)  # it would list what is left out; what is missing is said here
    try:
        model, found = _told(
            model_class.from_pretrained, source, key=key, config=config, key_mapping=dict(renamed),
            output_loading_info=True, dtype=torch.float32,
        )  # fmt: skip
    finally:
        logging.set_verbosity(before)
    missing = sorted(one for one in found["missing_keys"] if not (fresh and one.startswith(fresh)))
    if missing or found["mismatched_keys"]:
        name = missing[0] if missing else str(next(iter(found["mismatched_keys"]))[0])
        raise InputError(
            f"{key}.source {source}: it does not hold {name} as {model_class.__name__} needs it: name a checkpoint of "
            f"that class, and change no sizes in {key}.config"
        )
    return model.train()


def _told(load: Any, source: str | None, *, key: str, **options: Any) -> Any:
    if not source:
        raise InputError(f"{key}.init is pretrained, and {key}.source names nothing: name a model")
    try:
        return load(source, **options)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{key}.source {source}: it cannot be loaded ({reason}): correct the name, give the folder of a saved "
            f"model, or set {key}.init=random"
        ) from None
