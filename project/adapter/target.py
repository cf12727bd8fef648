"""Which linear layers of an encoder or decoder an adapter goes to, by the names that libraries give to them.

It does not know what is put there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

from torch import nn

from project.contract import InputError

Preset = Literal["qv", "qkv", "qkvo", "all", "decoder_self_qkv", "all_linear"]

_NAMES: Mapping[str, frozenset[str]] = {  # in wav2vec2 and its kin, Whisper, Moonshine; w2v-BERT
    "q": frozenset({"q_proj", "linear_q"}),
    "k": frozenset({"k_proj", "linear_k"}),
    "v": frozenset({"v_proj", "linear_v"}),
    "o": frozenset({"out_proj", "o_proj", "linear_out"}),
    "f": frozenset({"fc1", "fc2", "intermediate_dense", "output_dense"}),  # feed-forward
}
_LETTERS: Mapping[str, str] = {"qv": "qv", "qkv": "qkv", "qkvo": "qkvo", "all": "qkvof", "decoder_self_qkv": "qkv"}
_WITHIN: Mapping[str, frozenset[str]] = {"decoder_self_qkv": frozenset({"decoder", "self_attn"})}  # parts of the path
_ALL = "all_linear"


def targeted(body: nn.Module, targets: Preset | Sequence[str]) -> list[str]:
    """The names of the linear layers of a body that an adapter goes to.

    All linear layers are all but those whose weights are another module's too, as an output head's often are.
    """
    owners = Counter(id(weight) for module in body.modules() for weight in module.parameters(recurse=False))
    shared = {name for name, _ in linears(body) if owners[id(body.get_submodule(name).weight)] > 1}
    found = [(name, parent) for name, parent in linears(body) if is_meant(name, targets)]
    if targets == _ALL:
        found = [(name, parent) for name, parent in found if name not in shared]
    for name, parent in found:
        if name in shared:
            raise InputError(
                f"adapter.targets: {name}: its weights are another module's too, which a merged adapter would change "
                "as well: leave it out of adapter.targets"
            )
        if reads_weights(parent):
            raise InputError(
                f"adapter.targets: {name}: {type(parent).__name__} reads its weights itself, so an adapter there would "
                "do nothing: leave it out of adapter.targets"
            )
    return [name for name, _ in found]


def is_meant(name: str, targets: Preset | Sequence[str]) -> bool:
    """Whether a linear layer of that name is among those that are asked for.

    >>> is_meant("decoder.layers.0.self_attn.q_proj", "decoder_self_qkv"), is_meant("layers.0.fc1", ["0.fc1"])
    (True, True)
    >>> is_meant("decoder.layers.0.encoder_attn.q_proj", "decoder_self_qkv"), is_meant("proj_out", "all")
    (False, False)
    """
    if targets == _ALL:
        return True
    if isinstance(targets, str):
        *path, last = name.split(".")
        within = _WITHIN.get(targets, frozenset())
        return within <= set(path) and any(last in _NAMES[letter] for letter in _LETTERS[targets])
    return f".{name}".endswith(tuple(f".{end}" for end in targets))


def reads_weights(parent: nn.Module) -> bool:
    """Whether a module computes with weights of its layers instead of calling them, past any adapter."""
    if isinstance(parent, nn.MultiheadAttention):
        return True
    return type(parent).__name__ == "WavLMAttention" and not getattr(parent, "calls_projections", False)


def linears(body: nn.Module) -> list[tuple[str, nn.Module]]:
    """Names of linear layers with the modules that they are parts of."""
    return [
        (f"{path}.{name}".lstrip("."), parent)
        for path, parent in body.named_modules()
        for name, child in parent.named_children()
        if isinstance(child, nn.Linear)
    ]
