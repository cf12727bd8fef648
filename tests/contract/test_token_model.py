"""What every model of conf/model that writes token by token must hold: a newcomer is tested here by being there.

The classes are the real ones; sizes are tiny. A class that is not in SMALL says itself what is small, as `TINY`.
"""

from __future__ import annotations

import json
import typing
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import nn

from project.build.bind import make, resolve
from project.build.compose import compose, options
from project.contract import Batch, TokenOutput
from project.decode.generate import Generate
from project.loss.token import TokenLoss

SMALL: Mapping[str, Mapping[str, Any]] = {
    "Moonshine": {"hidden_size": 32, "intermediate_size": 64, "initializer_range": 0.1, "attention_dropout": 0.0}
    | {f"{side}_num_hidden_layers": 1 for side in ("encoder", "decoder")}
    | {f"{side}_num_attention_heads": 2 for side in ("encoder", "decoder")}
}
TEXTS = ("one two six ten", "ten one two", "six two", "six one")


def writes_tokens(name: str) -> bool:
    """Whether that is what a model does, by its own annotation."""
    target = resolve(compose("train", [f"model={name}"])["model"]["_target_"], "model")
    return typing.get_type_hints(typing.cast(type[nn.Module], target).forward)["return"] is TokenOutput


WRITING = [name for name in options("model") if writes_tokens(name)]


def build(name: str, tones: Any) -> Any:
    torch.manual_seed(0)
    node = compose("train", [f"model={name}"])["model"]
    target = resolve(node["_target_"], "model")
    sizes = SMALL.get(target.__name__) or getattr(target, "TINY", None)
    assert sizes is not None, f"{target}: tell what is small, as TINY or in SMALL"
    node |= {"config": {**node["config"], **sizes}}
    offers = {"num_features": 1, "num_symbols": len(tones.vocabulary), "alphabet": tones.vocabulary, "columns": {}}
    return make(node, "model", **offers, architecture=None)


def only(batch: Batch, place: int) -> Batch:
    """One example of a batch, without its padding."""
    length, size = int(batch.lengths_B[place]), int(batch.targets["symbol_lengths"][place])
    targets = {"symbols": batch.targets["symbols"][place : place + 1, :size], "symbol_lengths": torch.tensor([size])}
    signals_BTF, ids = batch.signals_BTF[place : place + 1, :length], batch.ids[place : place + 1]
    return Batch(ids, signals_BTF, torch.tensor([length]), targets, batch.references[place : place + 1])


def say(model: nn.Module, batch: Batch) -> TokenOutput:
    with torch.no_grad():
        output: TokenOutput = model.eval()(batch)
    return output


@pytest.fixture(params=WRITING, scope="module")
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_there_are_rows() -> None:
    assert len(WRITING) >= 3


def test_it_says_something_of_each_token_of_the_reference(name: str, tones: Any) -> None:
    model, batch = build(name, tones), tones.batch(TEXTS)
    output = say(model, batch)
    assert output.logits_BLV is not None
    assert output.logits_BLV.shape == (*batch.targets["symbols"].shape, len(tones.vocabulary))
    assert torch.isfinite(output.logits_BLV).all()
    assert output.seconds_B.tolist() == pytest.approx((batch.lengths_B / 16000).tolist())
    assert output.lengths_B.tolist() == model.num_output_frames(batch.lengths_B).tolist()
    assert say(model, Batch(batch.ids, batch.signals_BTF, batch.lengths_B, {}, batch.references)).logits_BLV is None


def test_a_token_is_told_from_those_before_it_alone(name: str, tones: Any) -> None:
    """Otherwise what is learned is to read the answer."""
    model, batch = build(name, tones), tones.batch(TEXTS)
    before = say(model, batch).logits_BLV
    batch.targets["symbols"][:, 3] = 200
    after = say(model, batch).logits_BLV
    assert before is not None
    assert after is not None
    torch.testing.assert_close(after[:, :4], before[:, :4])
    assert (after[:, 4] - before[:, 4]).abs().max() > 1e-4


def test_an_example_is_the_same_alone_and_padded_in_a_batch_or_it_says_that_it_is_not(name: str, tones: Any) -> None:
    model, batch = build(name, tones), tones.batch(TEXTS)
    together, worst = say(model, batch), 0.0
    assert together.logits_BLV is not None
    for place, size in enumerate(batch.targets["symbol_lengths"].tolist()):
        alone = say(model, only(batch, place)).logits_BLV
        assert alone is not None
        worst = max(worst, float((together.logits_BLV[place, :size] - alone[0]).abs().max()))
    assert worst > 1e-4 if model.mixes_padding else worst < 1e-4


def test_what_it_writes_is_likely_by_its_own_word(name: str, tones: Any) -> None:
    """Shown what it wrote as a reference, it says the same log-probabilities."""
    model, batch = build(name, tones), only(tones.batch(TEXTS), 0)
    with torch.no_grad():
        (found,) = model.eval()(batch).writer.write(torch.tensor([5]))
    row = torch.tensor([[*found.tokens, tones.vocabulary.end]])
    targets = {"symbols": row, "symbol_lengths": torch.tensor([row.shape[1]])}
    shown = say(model, Batch(batch.ids, batch.signals_BTF, batch.lengths_B, targets, batch.references))
    assert shown.logits_BLV is not None
    log_probs_L = shown.logits_BLV[0].double().log_softmax(dim=1).gather(1, row.T)[:, 0]
    assert found.log_probs == pytest.approx(log_probs_L.tolist(), abs=1e-4)


def test_gradients_reach_all_that_learns(name: str, tones: Any) -> None:
    model, batch = build(name, tones).train(), tones.batch(TEXTS)
    sum(TokenLoss()(model(batch), batch).values()).backward()
    for path, weight in model.named_parameters():
        assert weight.grad is not None, path
        assert weight.grad.abs().sum() > 0, path


def test_it_learns_eight_utterances_by_heart(name: str, tones: Any) -> None:
    model, batch = build(name, tones), tones.batch()
    values = tones.teach(model, batch, steps=200, enough=0.01)
    found = Generate(tones.vocabulary, tokens_per_second=40)(say(model, batch))
    assert [one.text for one in found] == list(batch.references), values[-1]


def test_it_is_built_again_from_its_architecture_alone(name: str, tones: Any) -> None:
    """Neither the sizes in the configuration nor what it was pretrained from are looked at."""
    model, batch = build(name, tones), tones.batch(TEXTS)
    told = json.loads(json.dumps(dict(model.architecture)))
    node = compose("train", [f"model={name}"])["model"] | {"init": "pretrained", "source": "/nowhere", "config": {}}
    again = make(node, "model", alphabet=tones.vocabulary, architecture=told)
    again.load_state_dict(model.state_dict())
    torch.testing.assert_close(say(again, batch).logits_BLV, say(model, batch).logits_BLV, atol=0, rtol=0)
    assert dict(again.architecture) == told


def test_adapters_know_where_to_go(name: str, tones: Any) -> None:
    """A fresh one changes nothing, and what it is put beside no longer learns."""
    model, batch = build(name, tones), tones.batch(TEXTS)
    before = say(model, batch).logits_BLV
    make(compose("train", ["adapter=lora"])["adapter"], "adapter")(model)
    learning = [path for path, weight in model.named_parameters() if weight.requires_grad]
    assert learning
    assert all("lora_" in path or not path.startswith(tuple(model.bodies)) for path in learning)
    torch.testing.assert_close(say(model, batch).logits_BLV, before, atol=0, rtol=0)
