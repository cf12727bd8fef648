"""What every model of conf/model that hears waveforms must hold: a newcomer is tested here by being there.

The classes are the real ones; sizes are tiny. A backbone that is not in SMALL says itself what is small, as `TINY`.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any, cast, get_type_hints

import pytest
import torch
from torch import Tensor, nn

from project.build.bind import make, resolve
from project.build.compose import compose, options
from project.contract import Batch, Emissions
from project.decode.greedy import Greedy
from project.loss.ctc import CTC
from project.text.alphabet import Alphabet

ALPHABET = Alphabet(("P", "T", "K", "S", "M"))
SYMBOLS = len(ALPHABET)
TONE = 1600  # samples of a symbol: five frames of 50 a second
LENGTHS = (9000, 7001, 5200, 1700, 300)
DURATIONS = (1, 2, 159, 160, 161, 320, 399, 400, 401, 559, 560, 719, 720, 721, 879, 1039, 1040, 1041, 4000, 7777, 16001)

_QUIET = {"hidden_dropout": 0.0, "attention_dropout": 0.0, "activation_dropout": 0.0, "feat_proj_dropout": 0.0}
_MEL = {"d_model": 32, "encoder_layers": 2, "encoder_attention_heads": 2, "encoder_ffn_dim": 64, "dropout": 0.0}
SMALL: Mapping[str, Mapping[str, Any]] = {
    "WaveTransformer": _QUIET
    | {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    | {"conv_dim": [32] * 7, "num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2},
    "Whisper": _MEL | {"max_source_positions": 60},
    "Qwen2Audio": _MEL | {"max_source_positions": 60},
    "Wav2Vec2Bert": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    | {"hidden_dropout": 0.0, "attention_dropout": 0.0, "activation_dropout": 0.0, "feat_proj_dropout": 0.0}
    | {"conformer_conv_dropout": 0.0, "conv_depthwise_kernel_size": 5, "output_hidden_size": 32},
}
PARTS: Mapping[str, Mapping[str, Any]] = {  # of encoders that a backbone is given: keys of their own
    "Conformer": {"num_features": 48, "channels": 48, "layers": 2, "heads": 2, "dropout": 0.0}
}


@functools.cache
def node_of(name: str) -> dict[str, Any]:
    """As it is composed; whoever changes it changes a copy."""
    node: dict[str, Any] = compose("train", [f"model={name}"])["model"]
    return node


def hears_waves(name: str) -> bool:
    """And spells symbols: one that learns units of sound is another family's."""
    node = node_of(name)
    gives = get_type_hints(cast(type[nn.Module], resolve(node["_target_"], "model")).forward)["return"]
    return gives is Emissions and "project.model.backbone." in json.dumps(node)


WAVE = [name for name in options("model") if hears_waves(name)]


def small(node: Any) -> Any:
    """The node with every backbone in it made small."""
    if isinstance(node, list):
        return [small(one) for one in node]
    if not isinstance(node, dict):
        return node
    made = {key: small(value) for key, value in node.items()}
    made |= PARTS.get(str(node.get("_target_")).rpartition(".")[2], {})
    if ".backbone." in str(node.get("_target_")):
        target = resolve(node["_target_"], "model.backbone")
        sizes = SMALL.get(str(node["_target_"]).rpartition(".")[2]) or getattr(target, "TINY", None)
        assert sizes is not None, f"{target}: tell what is small, as TINY or in SMALL"
        made["config"] = {**(node.get("config") or {}), **sizes}
    return made


def build(name: str, tuning: dict[str, Any] | None = None) -> nn.Module:
    torch.manual_seed(0)
    node = small(node_of(name))
    return made_of(node if tuning is None else retuned(node, {"_target_": "project.model.tuning.Tuning", **tuning}))


def made_of(node: dict[str, Any], architecture: Mapping[str, Any] | None = None) -> nn.Module:
    offers = {"num_features": 1, "num_symbols": SYMBOLS, "alphabet": ALPHABET, "columns": {}}
    model: nn.Module = make(node, "model", **offers, architecture=architecture)
    return model


def retuned(node: Any, tuning: dict[str, Any]) -> Any:
    """The node with every backbone in it tuned so."""
    if not isinstance(node, dict):
        return node
    made = {key: retuned(value, tuning) for key, value in node.items()}
    if "backbone" in node:
        made["tuning"] = tuning
    elif "streams" in node:
        made["tuning"] = dict.fromkeys(node["streams"], tuning)
    return made


def backbones_of(model: nn.Module) -> dict[str, Any]:
    return {name: one for name, one in model.named_modules() if ".backbone." in type(one).__module__ and name}


def batch_of(*lengths: int) -> Batch:
    """Noise that depends on the example alone, zero beyond each length; two symbols each."""
    signals_BTF = torch.zeros(len(lengths), max(lengths), 1)
    for row, length in zip(signals_BTF, lengths, strict=True):
        row[:length] = torch.randn(length, 1, generator=torch.Generator().manual_seed(length))
    symbols = torch.tensor([[1 + length % 4, 5] for length in lengths])
    targets = {"symbols": symbols, "symbol_lengths": torch.full((len(lengths),), 2)}
    return Batch(tuple(map(str, lengths)), signals_BTF, torch.tensor(lengths), targets, ("",) * len(lengths))


def speech() -> Batch:
    """Eight utterances of three or four symbols, each a tone of its own, with a short silence between."""
    draw = torch.Generator().manual_seed(0)
    counts = [3 + index % 2 for index in range(8)]
    rows = [torch.randint(1, SYMBOLS, (count,), generator=draw) for count in counts]
    waves = [torch.cat([_tone(int(symbol)) for symbol in row]) for row in rows]
    waves = [wave + 0.01 * torch.randn(len(wave), generator=draw) for wave in waves]
    lengths_B = torch.tensor([len(wave) for wave in waves])
    signals_BTF = nn.utils.rnn.pad_sequence(waves, batch_first=True)[..., None]
    symbols = nn.utils.rnn.pad_sequence(rows, batch_first=True)
    targets = {"symbols": symbols, "symbol_lengths": torch.tensor(counts)}
    references = tuple(ALPHABET.decode(row.tolist()) for row in rows)
    return Batch(tuple(map(str, range(8))), signals_BTF, lengths_B, targets, references)


def _tone(symbol: int) -> Tensor:
    wave_T = 1.5 * torch.sin(torch.arange(TONE) * 2 * torch.pi * 350 * symbol / 16000)
    wave_T[-TONE // 4 :] = 0
    return wave_T


def say(model: nn.Module, batch: Batch) -> Emissions:
    with torch.no_grad():
        output: Emissions = model.eval()(batch)
    return output


@pytest.fixture(params=WAVE, scope="module")
def model(request: pytest.FixtureRequest) -> nn.Module:
    return build(request.param)


def test_there_are_rows() -> None:
    assert len(WAVE) >= 9


def test_it_gives_distributions_that_vary_over_time(model: nn.Module) -> None:
    output = say(model, batch_of(*LENGTHS))
    assert output.log_probs_BTV.dtype == torch.float32
    assert output.log_probs_BTV.shape[::2] == (len(LENGTHS), SYMBOLS)
    total = output.log_probs_BTV.exp().sum(dim=2)
    torch.testing.assert_close(total, torch.ones_like(total))
    assert output.log_probs_BTV[0, : output.lengths_B[0]].std(dim=0).max() > 1e-4


def test_its_lengths_are_those_of_its_frames(model: nn.Module) -> None:
    for length in DURATIONS:
        output = say(model, batch_of(length))
        assert output.lengths_B.tolist() == [output.log_probs_BTV.shape[1]], length
        assert model.num_output_frames(torch.tensor([length])).tolist() == output.lengths_B.tolist(), length
        assert torch.isfinite(output.log_probs_BTV).all()


def test_an_example_is_the_same_alone_and_padded_in_a_batch_or_it_says_that_it_is_not(model: nn.Module) -> None:
    together = say(model, batch_of(*LENGTHS))
    worst = 0.0
    for row, length in enumerate(LENGTHS):
        alone = say(model, batch_of(length))
        frames = int(together.lengths_B[row])
        assert int(alone.lengths_B[0]) == frames
        worst = max(worst, float((together.log_probs_BTV[row, :frames] - alone.log_probs_BTV[0]).abs().max()))
    if model.mixes_padding:
        assert worst > 1e-3, "it says that padding matters, and it does not"
    else:
        assert worst < 1e-4


@pytest.mark.parametrize("mode", ["full", "frozen", "last"])
@pytest.mark.parametrize("name", WAVE)
def test_gradients_reach_exactly_what_should_learn_with_checkpointing(name: str, mode: str) -> None:
    model = build(name, {"mode": mode, "last_layers": int(mode == "last"), "checkpointing": True}).train()
    batch = batch_of(*LENGTHS[:-1])
    CTC()(model(batch), batch)["ctc"].backward()
    parameters = dict(model.named_parameters())
    bodies = backbones_of(model)
    body = {path for path in parameters if path.startswith(tuple(f"{name}." for name in bodies))}
    upper = {
        id(parameter)
        for backbone in bodies.values()
        for part in (*backbone.layers[-1:], *getattr(backbone, "above", ()))
        for parameter in part.parameters()
    }
    learning = {"full": body, "frozen": set(), "last": {name for name in body if id(parameters[name]) in upper}}[mode]
    assert learning or mode == "frozen"
    reached = {name for name, parameter in parameters.items() if parameter.grad is not None}
    assert reached == (parameters.keys() - body) | learning
    for path in reached:  # a bias of keys shifts all weights of attention alike: its gradient is nothing but rounding
        assert path.endswith("k_proj.bias") or parameters[path].grad.abs().sum() > 0, path


@pytest.mark.parametrize("name", WAVE)
def test_it_learns_eight_utterances_by_heart(name: str) -> None:
    model = build(name).train()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    batch, loss = speech(), CTC()
    optimizer = torch.optim.AdamW([one for one in model.parameters() if one.requires_grad], lr=5e-3)
    errors = 1
    for step in range(300):
        optimizer.zero_grad()
        output = model(batch)
        value = loss(output, batch)["ctc"]
        value.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 10 == 9 and value.item() < 1.0:
            errors = wrong(output, batch)
            if not errors:
                break
    assert errors == 0, f"{value.item():.3f}"


def wrong(output: Emissions, batch: Batch) -> int:
    """How many symbols a greedy decoder gets wrong."""
    found = Greedy(ALPHABET)(output)
    pairs = zip(batch.references, found, strict=True)
    return sum(0 if reference == hypothesis.text else max(1, len(reference)) for reference, hypothesis in pairs)


@pytest.mark.parametrize("name", WAVE)
def test_it_is_built_again_from_its_architecture_alone(name: str) -> None:
    """Neither the sizes in the configuration nor what it was pretrained from are looked at."""
    model = build(name)
    told = json.loads(json.dumps(dict(model.architecture)))
    torch.manual_seed(1)
    again = made_of(elsewhere(small(node_of(name))), told)
    again.load_state_dict(model.state_dict())
    batch = batch_of(*LENGTHS)
    torch.testing.assert_close(say(again, batch).log_probs_BTV, say(model, batch).log_probs_BTV, atol=0, rtol=0)
    assert dict(again.architecture) == told


def elsewhere(node: Any) -> Any:
    """The node with every backbone in it from a place that is gone."""
    if not isinstance(node, dict):
        return node
    made = {key: elsewhere(value) for key, value in node.items()}
    gone = {"init": "pretrained", "source": "/nowhere/at/all", "config": {}}
    return made | gone if ".backbone." in str(node.get("_target_")) else made
