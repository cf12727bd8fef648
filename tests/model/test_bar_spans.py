"""The bars' network: its number of parameters, its heads, and windows that are the same in any company."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from project.build.bind import make
from project.build.compose import compose
from project.contract import Batch, InputError, SpanOutput
from project.model.bar_spans import BarSpans
from project.model.sequence_encoder import TCN, BiLSTM, Encoder, Transformer, turned

FEATURES, KINDS = 12, 3
LENGTHS = (30, 17, 8, 1)
ENCODERS: dict[str, Any] = {
    "bilstm": lambda: BiLSTM(FEATURES, channels=8, layers=2),
    "tcn": lambda: TCN(FEATURES, channels=8, layers=3, kernel=3),
    "transformer": lambda: Transformer(FEATURES, channels=16, layers=2, heads=2),
}
HEADS = ("inside_BT", "kinds_BV", "starts_BT", "ends_BT", "pointers_BP", "countdown_BT", "restored_BTF")


def windows(*lengths: int) -> Batch:
    """Random features that depend on the window alone."""
    signals_BTF = torch.zeros(len(lengths), max(lengths), FEATURES)
    for row, length in zip(signals_BTF, lengths, strict=True):
        row[:length] = torch.randn(length, FEATURES, generator=torch.Generator().manual_seed(length))
    return Batch(("",) * len(lengths), signals_BTF, torch.tensor(lengths), {}, ("",) * len(lengths))


def hiding(batch: Batch, part: float = 0.2) -> Batch:
    hidden_BTF = torch.rand(batch.signals_BTF.shape, generator=torch.Generator().manual_seed(0)) < part
    return Batch(batch.ids, batch.signals_BTF, batch.lengths_B, {"hidden": hidden_BTF}, batch.references)


def network(encoder: Encoder, **options: Any) -> BarSpans:
    return BarSpans(FEATURES, KINDS, encoder, **options)


def configured(name: str, base_rate: float | None = None) -> BarSpans:
    node = compose("train", [f"model={name}"])["model"]
    found: BarSpans = make(node, "model", num_features=FEATURES, num_symbols=KINDS, base_rate=base_rate)
    return found


def heads_of(output: SpanOutput) -> dict[str, Tensor]:
    heads = {name: getattr(output, name) for name in HEADS}
    return {name: head for name, head in heads.items() if head is not None}


def test_the_sources_settings_have_its_number_of_parameters() -> None:
    model = configured("bar_spans_source")
    sizes = {name: sum(p.numel() for p in part.parameters()) for name, part in model.named_children()}
    assert sizes == {"encoder": 84_480, "readout": 6_275 + 386, "span_head": 193, "countdown_head": 6_209}
    assert sum(sizes.values()) == 97_543
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) + 4 == 97_547  # with a sigma for each term


@pytest.mark.parametrize("readout", ["softmax", "pooled"])
@pytest.mark.parametrize("name", ENCODERS)
def test_a_window_is_the_same_alone_and_padded_in_a_batch(name: str, readout: Any) -> None:
    torch.manual_seed(0)
    model = network(ENCODERS[name](), readout=readout, restore_head=True).eval()
    batch = windows(*LENGTHS)
    together = heads_of(model(batch))
    for row, length in enumerate(LENGTHS):
        alone = heads_of(model(windows(length)))
        assert alone.keys() == together.keys()
        for head, said in alone.items():
            whole = together[head][row] if head in {"kinds_BV", "pointers_BP"} else together[head][row, :length]
            torch.testing.assert_close(whole, said[0], atol=1e-5, rtol=1e-4, msg=head)


@pytest.mark.parametrize("readout", ["softmax", "pooled"])
@pytest.mark.parametrize("name", ENCODERS)
def test_what_stands_in_the_padding_does_not_matter(name: str, readout: Any) -> None:
    torch.manual_seed(0)
    model = network(ENCODERS[name](), readout=readout).train()
    batch = windows(*LENGTHS)
    within_BT = torch.arange(max(LENGTHS)) < batch.lengths_B[:, None]
    before = heads_of(model(batch))
    batch.signals_BTF[~within_BT] = torch.nan
    after = heads_of(model(batch))
    for head, said in before.items():
        if head in {"kinds_BV", "pointers_BP"}:
            torch.testing.assert_close(after[head], said, msg=head)
        else:
            torch.testing.assert_close(after[head][within_BT], said[within_BT], msg=head)


def test_bounds_are_sought_in_a_windows_own_bars() -> None:
    batch = windows(*LENGTHS)
    output: SpanOutput = configured("bar_spans_tiny").eval()(batch)
    within_BT = torch.arange(max(LENGTHS)) < batch.lengths_B[:, None]
    for logits_BT in (output.starts_BT, output.ends_BT):
        assert logits_BT is not None
        assert ((logits_BT > -torch.inf) == within_BT).all()
        torch.testing.assert_close(logits_BT.softmax(dim=1).sum(dim=1), torch.ones(len(LENGTHS)))
    assert output.pointers_BP is None
    assert output.inside_BT.shape == (len(LENGTHS), max(LENGTHS))


@pytest.mark.parametrize("name", ENCODERS)
def test_every_bar_knows_of_bars_on_both_sides(name: str) -> None:
    torch.manual_seed(0)
    model = network(ENCODERS[name]()).eval()
    batch = windows(13)
    before = model(batch).inside_BT
    batch.signals_BTF[0, 6] += 3
    changed = (model(batch).inside_BT != before)[0]
    assert changed.all()  # 13 bars are within everyone's sight


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("options", [{}, {"readout": "pooled"}, {"countdown": False}, {"restore_head": True}])
def test_each_head_that_is_there_teaches_and_all_weights_learn(name: str, options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    model = network(ENCODERS[name](), **options).train()
    heads = heads_of(model(hiding(windows(30, 17, 8))))
    assert ("pointers_BP" in heads) == (options.get("readout") == "pooled") != ("starts_BT" in heads)
    assert ("countdown_BT" in heads) == options.get("countdown", True)
    assert ("restored_BTF" in heads) == options.get("restore_head", False)
    visible = [head[:, :8].log_softmax(1) if name in {"starts_BT", "ends_BT"} else head for name, head in heads.items()]
    torch.stack([(head * torch.randn_like(head)).sum() for head in visible]).sum().backward()
    for path, parameter in model.named_parameters():
        assert parameter.grad is not None, path
        assert parameter.grad.abs().sum() > 0, path


def test_hidden_values_are_not_seen_by_who_restores_them_and_only_by_who_does() -> None:
    torch.manual_seed(0)
    batch = hiding(windows(20, 12))
    restoring = network(ENCODERS["bilstm"](), restore_head=True).eval()
    before = heads_of(restoring(batch))
    changed = Batch(batch.ids, batch.signals_BTF.clone(), batch.lengths_B, batch.targets, batch.references)
    changed.signals_BTF[batch.targets["hidden"]] = 99.0
    assert all(torch.equal(head, heads_of(restoring(changed))[name]) for name, head in before.items())
    plain = network(ENCODERS["bilstm"]()).eval()
    shown = Batch(batch.ids, batch.signals_BTF, batch.lengths_B, {}, batch.references)
    assert torch.equal(plain(batch).inside_BT, plain(shown).inside_BT)
    assert not torch.equal(plain(changed).inside_BT, plain(shown).inside_BT)


def test_one_that_only_restores_has_an_encoder_alone_to_give_on() -> None:
    """What fine-tuning starts from: the encoder is the same, all else may be replaced."""
    masked, tuned = configured("bar_spans_masked"), configured("bar_spans")
    theirs, mine = masked.state_dict(), tuned.state_dict()
    assert {name for name in theirs if name in mine} == {name for name in mine if name.startswith("encoder.")}
    others = theirs.keys() ^ mine.keys()
    assert others
    assert all(any(name == head or name.startswith(f"{head}.") for head in BarSpans.replaceable) for name in others)
    output: SpanOutput = masked.eval()(windows(9, 4))
    assert heads_of(output).keys() == {"inside_BT", "restored_BTF"}
    assert (output.inside_BT == 0).all()
    with pytest.raises(InputError, match=r"model\.readout"):
        network(ENCODERS["tcn"](), readout=None)


def test_the_span_head_starts_at_the_base_rate() -> None:
    for name, rate, expected in (
        ("bar_spans", 0.07, math.log(0.07 / 0.93)),
        ("bar_spans", 0.0, math.log(1e-4 / (1 - 1e-4))),
        ("bar_spans_source", 0.07, None),
        ("bar_spans", None, None),
    ):
        head = configured(name, rate).span_head
        assert head is not None
        limit = 1 / math.sqrt(head.in_features)
        assert abs(head.bias.item()) <= limit if expected is None else head.bias.item() == pytest.approx(expected)
    output: SpanOutput = configured("bar_spans", 0.07).eval()(windows(30, 30))
    assert output.inside_BT.sigmoid().mean().item() == pytest.approx(0.07, abs=0.02)


@pytest.mark.parametrize("name", ["bar_spans", "bar_spans_tcn", "bar_spans_transformer", "bar_spans_masked"])
def test_its_edges_are_parts_of_it(name: str) -> None:
    """Optimizers that treat inner matrices apart find where signals enter and answers leave."""
    model = configured(name)
    paths = [path for path, _ in model.named_parameters()]
    own = [edge for edge in model.edges if edge.startswith("encoder.")]
    assert own
    assert all(any(path.startswith(f"{edge}.") for path in paths) for edge in own)
    taking = [path for path, p in model.named_parameters() if p.ndim == 2 and p.shape[1] == FEATURES]
    assert all(path.startswith(tuple(f"{edge}." for edge in model.edges)) for path in taking)


def test_turning_tells_distances_alone() -> None:
    """Two bars look the same to each other wherever in the window they are, as long as they are as far apart."""
    angles_TD = torch.arange(50)[:, None] * torch.tensor([1.0, 0.1, 0.01])
    one, other = torch.randn(6), torch.randn(6)
    found = [turned(one[None], angles_TD[[a]]) @ turned(other[None], angles_TD[[b]]).T for a, b in ((3, 10), (40, 47))]
    torch.testing.assert_close(found[0], found[1], atol=1e-5, rtol=1e-4)
    elsewhere = turned(one[None], angles_TD[[3]]) @ turned(other[None], angles_TD[[11]]).T
    assert not torch.allclose(found[0], elsewhere, atol=1e-3)


def test_sizes_that_cannot_be_are_refused() -> None:
    with pytest.raises(InputError, match="odd"):
        TCN(FEATURES, kernel=4)
    with pytest.raises(InputError, match="multiple of 8"):
        Transformer(FEATURES, channels=20)
