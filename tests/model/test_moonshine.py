"""Moonshine: the published sizes, its frames and its mask, padding, gradients, and the ways in which weights come."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from project.build.bind import make
from project.build.compose import compose
from project.contract import Batch, Emissions, InputError, TokenOutput
from project.decode.generate import Generate
from project.loss.token import TokenLoss
from project.model.moonshine import SHORTEST, Moonshine
from project.text.alphabet import Alphabet
from project.text.vocabulary import Vocabulary, trained

LENGTHS = (8000, 6001, 3500, 1300, 700)
DURATIONS = (895, 896, 1020, 1022, 1023, 1278, 1279, 1280, 1300, 1406, 1407, 1662, 1663, 2000, 2047, 2048, 3456, 4000)
DURATIONS += (5119, 7777, 8000, 9999, 12345, 15999, 16000, 16001, 20479, 31999, 32000, 48001)


class Published(Vocabulary):
    """As wide as the published tokenizer, and nothing else."""

    def __init__(self) -> None:
        self.start, self.end = 1, 2

    def __len__(self) -> int:
        return 32768


def node_of(name: str, **changes: Any) -> dict[str, Any]:
    node: dict[str, Any] = compose("train", [f"model={name}"])["model"]
    return node | changes


def noise(*lengths: int, words: int = 3) -> Batch:
    """Noise that depends on the example alone, zero beyond each length; a few tokens each."""
    signals_BTF = torch.zeros(len(lengths), max(lengths), 1)
    for row, length in zip(signals_BTF, lengths, strict=True):
        row[:length] = 0.1 * torch.randn(length, 1, generator=torch.Generator().manual_seed(length))
    symbols = torch.tensor([[3 + (length * place) % 200 for place in range(1, words + 1)] + [2] for length in lengths])
    targets = {"symbols": symbols, "symbol_lengths": torch.full((len(lengths),), words + 1)}
    return Batch(tuple(map(str, lengths)), signals_BTF, torch.tensor(lengths), targets, ("",) * len(lengths))


def say(model: nn.Module, batch: Batch) -> TokenOutput:
    with torch.no_grad():
        output: TokenOutput = model.eval()(batch)
    return output


def logits(model: nn.Module, batch: Batch) -> Tensor:
    found = say(model, batch).logits_BLV
    assert found is not None
    return found


def wild(tones: Any, seed: int = 0, **options: Any) -> Moonshine:
    """Random weights, large enough that what is said depends on what is heard."""
    found: Moonshine = tones.model(seed, {"initializer_range": 0.3}, **options)
    return found


@pytest.mark.parametrize(("name", "count"), [("moonshine", 27_092_736), ("moonshine_base", 61_513_920)])
def test_the_published_sizes(name: str, count: int) -> None:
    with torch.device("meta"):
        model = make(node_of(name), "model", alphabet=Published(), architecture=None)
    assert sum(weight.numel() for weight in model.parameters()) == count


def test_the_small_one_is_small(tones: Any) -> None:
    with torch.device("meta"):
        model = make(node_of("moonshine_small", ctc=True), "model", alphabet=tones.vocabulary, architecture=None)
    assert 2.5e6 < sum(weight.numel() for weight in model.parameters()) < 3.5e6


def test_frames_are_the_librarys(tones: Any) -> None:
    """What comes out, and what the library itself reckons."""
    model = tones.model()
    for length in DURATIONS:
        frames = model.num_output_frames(torch.tensor([length])).tolist()
        assert frames == [model.network.model.encoder._get_feat_extract_output_lengths(length)], length
        heard, lengths_B = model.encode(torch.zeros(1, length), torch.tensor([length]))
        assert lengths_B.tolist() == frames == [heard.last_hidden_state.shape[1]], length
        assert heard.attention_mask.tolist() == [[1] * frames[0]]


@pytest.mark.parametrize("padding", ["library", "exact"])
@pytest.mark.parametrize("length", [1, 2, 127, SHORTEST - 1, SHORTEST])
def test_what_is_too_short_is_filled_up(tones: Any, padding: str, length: int) -> None:
    model = wild(tones, padding=padding)
    output = say(model, noise(length))
    assert output.lengths_B.tolist() == [1]
    assert output.seconds_B.tolist() == pytest.approx([length / 16000])
    assert output.logits_BLV is not None
    assert torch.isfinite(output.logits_BLV).all()
    filled = noise(length)
    filled.signals_BTF.resize_(1, SHORTEST, 1)[:, length:] = 0
    filled.lengths_B.fill_(SHORTEST)
    torch.testing.assert_close(logits(model, filled), output.logits_BLV)


@pytest.mark.parametrize("padding", ["library", "exact"])
def test_it_is_the_librarys_model(tones: Any, padding: str) -> None:
    """A recording alone: the same numbers as from the library's class, called as its manual says."""
    model, batch = wild(tones, padding=padding), noise(8000)
    theirs = type(model.network)(model.network.config).eval()
    theirs.load_state_dict(model.network.state_dict())
    given_BL = torch.cat([torch.tensor([[1]]), batch.targets["symbols"][:, :-1]], dim=1)
    with torch.no_grad():
        expected = theirs(input_values=batch.signals_BTF[..., 0], decoder_input_ids=given_BL).logits
    torch.testing.assert_close(logits(model, batch), expected, atol=1e-5, rtol=1e-4)


def differences(model: Moonshine, *lengths: int) -> list[float]:
    """By how much the logits of each example differ beside others from those it has alone."""
    together = logits(model, noise(*lengths))
    alone = [logits(model, noise(length)) for length in lengths]
    return [float((one[0] - row).abs().max()) for one, row in zip(alone, together, strict=True)]


def test_with_exact_padding_an_example_is_the_same_in_any_batch(tones: Any) -> None:
    model = wild(tones, padding="exact")
    assert not model.mixes_padding
    assert max(differences(model, *LENGTHS)) < 1e-4
    garbage = noise(*LENGTHS)
    for row, length in zip(garbage.signals_BTF, LENGTHS, strict=True):
        row[length:] = 7.0
    together = logits(model, noise(*LENGTHS))
    long_enough = [row for row, length in enumerate(LENGTHS) if length >= SHORTEST]
    torch.testing.assert_close(logits(model, garbage)[long_enough], together[long_enough], atol=1e-4, rtol=1e-4)


def test_the_librarys_padding_is_heard_and_it_says_so(tones: Any) -> None:
    model = wild(tones)
    assert model.mixes_padding
    apart = differences(model, *LENGTHS)
    assert apart[0] < 1e-4, "the longest one has no padding"
    assert min(apart[1:]) > 1e-2
    assert max(differences(model, 5000, 5000)) < 1e-4
    same = noise(5000, 5000)
    same.signals_BTF[1] = -same.signals_BTF[1]
    assert float((logits(model, same)[0] - logits(model, noise(5000))[0]).abs().max()) < 1e-4


@pytest.mark.parametrize("padding", ["library", "exact"])
def test_frames_of_padding_are_attended_to_by_nobody(tones: Any, padding: str) -> None:
    model, batch = wild(tones, padding=padding), noise(*LENGTHS)
    model.network.set_attn_implementation("eager")
    heard, lengths_B = model.eval().encode(batch.signals_BTF[..., 0], batch.lengths_B)
    assert heard.attention_mask.sum(dim=1).tolist() == lengths_B.tolist()
    assert heard.attention_mask.shape[1] == heard.last_hidden_state.shape[1]
    given = model.given(batch.targets["symbols"])
    seen = model.network(encoder_outputs=heard, decoder_input_ids=given, output_attentions=True)
    itself = model.network.model.encoder(
        batch.signals_BTF[..., 0], attention_mask=_of_samples(batch, lengths_B), output_attentions=True
    )
    for weights_BHQK in (*seen.cross_attentions, *itself.attentions):
        for row, frames in enumerate(lengths_B.tolist()):
            assert weights_BHQK[row, ..., frames:].abs().max() < 1e-6 if frames < weights_BHQK.shape[3] else True
            heard_K = weights_BHQK[row, ..., :frames].sum(dim=-1)
            torch.testing.assert_close(heard_K, torch.ones_like(heard_K))


def _of_samples(batch: Batch, frames_B: Tensor) -> Tensor:
    """A mask of samples of which every 384th belongs to a frame that no padding reaches."""
    return torch.arange(batch.signals_BTF.shape[1]) < frames_B[:, None] * 384 - 383


def test_padding_does_not_change_what_a_checkpoint_holds(tones: Any) -> None:
    """A run with the one kind can begin with the weights of the other; each weight is there once."""
    exact, library = tones.model(padding="exact"), tones.model()
    assert exact.state_dict().keys() == library.state_dict().keys()
    exact.load_state_dict(library.state_dict())


def test_what_is_learned_is_shown_one_place_later(tones: Any) -> None:
    symbols_BL = torch.tensor([[5, 6, 2], [7, 2, 0]])
    assert tones.model().given(symbols_BL).tolist() == [[1, 5, 6], [1, 7, 2]]


def test_a_token_does_not_see_those_after_it(tones: Any) -> None:
    model, batch = wild(tones), noise(4000, words=5)
    before = logits(model, batch)
    batch.targets["symbols"][0, 2] = 99
    after = logits(model, batch)
    torch.testing.assert_close(after[:, :3], before[:, :3])
    assert (after[:, 3] - before[:, 3]).abs().max() > 1e-2


def test_without_a_reference_it_only_listens(tones: Any) -> None:
    batch = noise(4000)
    output = say(tones.model(), Batch(batch.ids, batch.signals_BTF, batch.lengths_B, {}, ("",)))
    assert output.logits_BLV is None
    assert output.auxiliary is None


@pytest.mark.parametrize("options", [{}, {"padding": "exact"}, {"padding": "exact", "ctc": True}])
def test_gradients_with_checkpointing_are_those_without(tones: Any, options: dict[str, Any]) -> None:
    batch, found = noise(*LENGTHS[:-1]), []
    for checkpointing in (False, True):
        model = wild(tones, checkpointing=checkpointing, **options).train()
        sum(TokenLoss()(model(batch), batch).values()).backward()
        found.append({name: weight.grad for name, weight in model.named_parameters()})
    plain, again = found
    for name, gradient in plain.items():
        assert gradient is not None, name
        assert gradient.abs().sum() > 0, name
        torch.testing.assert_close(again[name], gradient, msg=name)


@pytest.mark.parametrize("options", [{"padding": "exact"}, {}, {"padding": "exact", "ctc": True}])
def test_it_learns_eight_utterances_by_heart(tones: Any, options: dict[str, Any]) -> None:
    model, batch = tones.model(**options), tones.batch()
    values = tones.teach(model, batch, steps=200, enough=0.01)
    found = Generate(tones.vocabulary, tokens_per_second=40)(say(model, batch))
    assert [one.text for one in found] == list(batch.references), values[-1]
    assert values[-1] < 0.1 * values[0]


def test_the_second_head_says_tokens_in_frames(tones: Any) -> None:
    batch = noise(*LENGTHS)
    output = say(tones.model(ctc=True), batch)
    assert isinstance(output.auxiliary, Emissions)
    assert output.auxiliary.lengths_B.tolist() == output.lengths_B.tolist()
    assert output.auxiliary.log_probs_BTV.shape[::2] == (5, len(tones.vocabulary))
    total = output.auxiliary.log_probs_BTV.exp().sum(dim=2)
    torch.testing.assert_close(total, torch.ones_like(total))


def test_it_is_built_again_from_its_architecture_alone(tones: Any) -> None:
    model = wild(tones, padding="exact")
    told = json.loads(json.dumps(dict(model.architecture)))
    torch.manual_seed(1)
    again = Moonshine(tones.vocabulary, "pretrained", "/nowhere/at/all", padding="exact", architecture=told)
    again.load_state_dict(model.state_dict())
    assert dict(again.architecture) == told
    torch.testing.assert_close(logits(again, noise(*LENGTHS)), logits(model, noise(*LENGTHS)), atol=0, rtol=0)
    with pytest.raises(InputError, match=r"it is of kind whisper, not moonshine"):
        Moonshine(tones.vocabulary, architecture={**told, "kind": "whisper"})


@pytest.fixture
def hub(tones: Any, tmp_path: Path) -> tuple[Moonshine, Path]:
    """A model as it is published, with settings of its own for generation, and its tokenizer."""
    model = wild(tones, seed=5)
    model.network.generation_config.update(no_repeat_ngram_size=1, max_length=5, repetition_penalty=3.0)
    model.network.save_pretrained(tmp_path / "hub")
    model.network.generation_config = type(model.network.generation_config)()
    tones.vocabulary.save(tmp_path / "hub" / "tokenizer.json")
    return model, tmp_path / "hub"


def test_it_begins_with_published_weights(tones: Any, hub: tuple[Moonshine, Path]) -> None:
    model, folder = hub
    again = Moonshine(Vocabulary.load(folder), "pretrained", str(folder))
    torch.testing.assert_close(logits(again, noise(*LENGTHS)), logits(model, noise(*LENGTHS)), atol=0, rtol=0)
    assert again.network.training or not again.training
    assert again.architecture["config"]["pad_token_id"] == 0
    other = trained(["quite other words, and more of them"], 20)
    assert len(other) != len(tones.vocabulary)
    with pytest.raises(InputError, match=rf"it writes {len(tones.vocabulary)} tokens, and text.tokenizer has"):
        Moonshine(other, "pretrained", str(folder))
    with pytest.raises(InputError, match=r"model.init is pretrained, and model.source names nothing"):
        Moonshine(tones.vocabulary, "pretrained")
    with pytest.raises(InputError, match=r"model.source /gone: it cannot be loaded"):
        Moonshine(tones.vocabulary, "pretrained", "/gone")


def test_how_published_weights_used_to_be_asked_does_not_matter(tones: Any, hub: tuple[Moonshine, Path]) -> None:
    """Settings of generation that lie beside weights stand in no Protocol, and a restored run would not have them."""
    model, folder = hub
    limits_B, batch = torch.tensor([12, 9]), noise(8000, 8000)
    begun = Moonshine(Vocabulary.load(folder), "pretrained", str(folder))
    found = [one.tokens for one in say(begun, batch).writer.write(limits_B)]
    assert found == [one.tokens for one in say(model, batch).writer.write(limits_B)]
    assert any(len(set(row)) < len(row) for row in found), "nothing is forbidden to come twice"


def saved_run(folder: Path, model: Moonshine, architecture: Mapping[str, Any] | None = None) -> Path:
    """What a finished run's folder holds of its model."""
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "architecture.json").write_text(json.dumps(dict(architecture or model.architecture)))
    state = {f"model.{name}": value for name, value in model.state_dict().items()}
    torch.save({"state_dict": state}, folder / "checkpoints" / "best.ckpt")
    return folder


def test_it_begins_with_a_run_of_ours(tones: Any, tmp_path: Path) -> None:
    """Whatever its padding was, and without the second head."""
    model = wild(tones, seed=7, padding="exact", ctc=True)
    run = saved_run(tmp_path / "run", model)
    for padding in ("exact", "library"):
        again = Moonshine(tones.vocabulary, "local", str(run), {"hidden_size": 999}, padding=padding)
        torch.testing.assert_close(logits(again, noise(6000)), logits(model, noise(6000)), atol=1e-5, rtol=1e-5)
    with pytest.raises(InputError, match=r"model.source names nothing, and init is local"):
        Moonshine(tones.vocabulary, "local")
    with pytest.raises(InputError, match=r"model.source /gone: it holds no architecture.json"):
        Moonshine(tones.vocabulary, "local", "/gone")
    with pytest.raises(InputError, match=r"it writes 275 tokens, and text.tokenizer has"):
        Moonshine(trained(["quite other words, and more of them"], 20), "local", str(run))


def test_a_run_of_another_shape_or_with_adapters_is_refused(tones: Any, tmp_path: Path) -> None:
    model, wider = wild(tones), tones.model(sizes={"intermediate_size": 96})
    with pytest.raises(InputError, match=r"does not fit its architecture.json"):
        Moonshine(tones.vocabulary, "local", str(saved_run(tmp_path / "wide", model, wider.architecture)))


def test_a_run_that_writes_other_tokens_is_refused(tones: Any, tmp_path: Path) -> None:
    """As many tokens are not the same tokens: what it knows of each would be another's."""
    run = saved_run(tmp_path / "run", wild(tones))
    tones.vocabulary.save(run / "alphabet.json")
    other = trained(["tea for two, sir"], 16)
    assert len(other) == len(tones.vocabulary)
    with pytest.raises(InputError, match=r"other tokens"):
        Moonshine(other, "local", str(run))
    Moonshine(tones.vocabulary, "local", str(run))


def test_what_is_asked_wrongly_is_told(tones: Any) -> None:
    with pytest.raises(InputError, match=r"model.config.hidden_sice: MoonshineConfig knows no such key"):
        Moonshine(tones.vocabulary, config={"hidden_sice": 3})
    with pytest.raises(InputError, match=r"writes tokens of a tokenizer: set text=subwords text.tokenizer"):
        Moonshine(Alphabet(("A", "B")))  # type: ignore[arg-type]
