"""The sign encoder: the source's size to the last weight, its options, and that its branches see what they should."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from project.build.bind import make
from project.build.compose import compose
from project.contract import Batch, Emissions, InputError
from project.feature.landmark_layout import BLOCKS, LEFT_SHOULDER, NUM_POINTS, RIGHT_SHOULDER
from project.feature.landmarks import Landmarks
from project.loss.ctc import CTC
from project.model.mobilenet_lstm import STRIDE, MobileNetLSTM, SequencePart
from project.model.mobilenet_shape import SIZES
from project.model.padded import MaskedBatchNorm1d

COLUMNS = {"pose": (0, 6), "face": (6, 18), "hands": (18, 24)}
BRANCHES = {"pose": 8, "hands": 8, "face": 12}
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "upsampled": {"sequence": SequencePart(upsample="transpose")},
    "attentive": {"sequence": SequencePart(attention=True)},
    "deep": {"sequence": SequencePart(lstm_layers=2, head_dropout=0.1)},
    "without_lstm": {"sequence": SequencePart(lstm_layers=0)},
    "source": {"size": "source"},
    "source_at_a_quarter": {"size": "source", "sequence": SequencePart(upsample="none")},
    "auxiliary": {"auxiliary": True},
    "all": {"auxiliary": True, "checkpointing": True, "sequence": SequencePart("transpose", 2, True, 0.1)},
}


def build(num_symbols: int = 5, columns: Any = None, branches: Any = None, **options: Any) -> MobileNetLSTM:
    torch.manual_seed(0)
    settings = {"size": "tiny"} | options
    return MobileNetLSTM(num_symbols, columns or COLUMNS, branches or BRANCHES, **settings)


def batch_of(*lengths: int, padded_to: int | None = None) -> Batch:
    """Random frames, zero beyond each length, and two symbols each."""
    signals_BTF = torch.zeros(len(lengths), padded_to or max(lengths), 24)
    for row, length in zip(signals_BTF, lengths, strict=True):
        row[:length] = torch.randn(length, 24, generator=torch.Generator().manual_seed(length))
    targets = {
        "symbols": torch.tensor([[1, 2]] * len(lengths)),
        "symbol_lengths": torch.full((len(lengths),), 2),
    }
    return Batch(("a",) * len(lengths), signals_BTF, torch.tensor(lengths), targets, ("",) * len(lengths))


def composed(*overrides: str, num_symbols: int = 101) -> MobileNetLSTM:
    config = compose("train", ["model=mobilenet_lstm", "feature=landmarks", *overrides])
    columns = make(config["feature"], "feature").columns
    model: MobileNetLSTM = make(config["model"], "model", num_symbols=num_symbols, columns=columns)
    return model


def num_weights(part: nn.Module | None) -> int:
    return sum(one.numel() for one in part.parameters()) if part is not None else 0


def test_the_source_to_the_last_weight() -> None:
    for symbols in (2, 101):
        model = composed("feature.feature_set=source6516", "model.size=source", num_symbols=symbols)
        assert num_weights(model) == 14_154_507 + 257 * symbols
    assert num_weights(model) == 14_180_464
    parts = {name: num_weights(part) for name, part in model.named_children()}
    assert parts == {
        "encoders": 13_707_077,
        "stem": 18_464,
        "blocks": 90_278,
        "bridge": 74_496,
        "lstm": 264_192,
        "dropout": 0,
        "head": 257 * 101,
    }


@pytest.mark.parametrize("feature_set", ["pos", "pos_vel", "pos_vel_acc", "source6516"])
def test_the_compact_one_is_small_whatever_it_sees(feature_set: str) -> None:
    without = ["model.branches.motion=null"] if feature_set == "pos" else []
    assert 0.5e6 < num_weights(composed(f"feature.feature_set={feature_set}", *without)) < 2.5e6


def test_every_size_looks_at_a_quarter() -> None:
    for shape in SIZES.values():
        strides = [2, *(block.stride for block in shape.blocks)]
        assert np.prod(strides) == STRIDE


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
def test_padding_does_not_matter_and_lengths_are_right(options: dict[str, Any]) -> None:
    model = build(**options).eval()
    lengths = (61, 33, 6, 1)
    together: Emissions = model(batch_of(*lengths, padded_to=70))
    assert model.num_output_frames(torch.tensor(lengths)).tolist() == together.lengths_B.tolist()
    for row, length in enumerate(lengths):
        one: Emissions = model(batch_of(length))
        for mine, its in ((together, one), (together.auxiliary, one.auxiliary)):
            if mine is None or its is None:
                assert mine is its is None
                continue
            frames = int(mine.lengths_B[row])
            assert its.lengths_B.tolist() == [frames]
            assert its.log_probs_BTV.shape[1] == frames
            torch.testing.assert_close(mine.log_probs_BTV[row, :frames], its.log_probs_BTV[0], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
def test_more_padding_does_not_matter_while_learning(options: dict[str, Any]) -> None:
    """Nor for what the norms keep, nor for the gradients."""
    found = []
    for padded_to in (61, 80):
        model = build(**options, dropout=0.0).train()
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        batch = batch_of(61, 33, 12, padded_to=padded_to)
        CTC()(model(batch), batch)["ctc"].backward()
        found.append((model.state_dict(), {name: one.grad for name, one in model.named_parameters()}))
    torch.testing.assert_close(found[0], found[1], atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
def test_gradients_reach_every_weight_and_the_head_below_only_by_its_own(options: dict[str, Any]) -> None:
    model = build(**options).train()
    batch = batch_of(61, 40, 23, 12)
    output: Emissions = model(batch)
    CTC()(output, batch)["ctc"].backward(retain_graph=True)
    silent = {name for name, one in model.named_parameters() if one.grad is None or not one.grad.abs().sum()}
    assert silent == ({"auxiliary_head.weight", "auxiliary_head.bias"} if options.get("auxiliary") else set())
    if output.auxiliary is not None:
        model.zero_grad()
        CTC()(output.auxiliary, batch)["ctc"].backward()
        reached = {name.split(".")[0] for name, one in model.named_parameters() if one.grad is not None}
        assert reached - {"attention"} == {"encoders", "stem", "blocks", "auxiliary_head"}


def test_outputs_are_as_long_as_is_asked() -> None:
    for upsample, frames in ((None, 13), ("none", 13), ("transpose", 50)):
        output: Emissions = build(sequence=SequencePart(upsample=upsample), auxiliary=True)(batch_of(50, 7))
        assert output.log_probs_BTV.shape[:2] == (2, frames)
        assert output.lengths_B.tolist() == ([50, 7] if frames == 50 else [13, 2])
        assert output.auxiliary is not None
        assert output.auxiliary.log_probs_BTV.shape == (2, 13, 5)
        assert output.auxiliary.log_probs_BTV.dtype == torch.float32
        assert output.auxiliary.lengths_B.tolist() == [13, 2]
    model = build()
    assert model(batch_of(50, 7)).auxiliary is None
    assert not [name for name in model.state_dict() if name.startswith("auxiliary_head")]


def test_checkpointing_changes_nothing_but_memory() -> None:
    """Dropout draws the same again, and the norms count each batch once."""
    found = []
    for checkpointing in (False, True):
        model = build(checkpointing=checkpointing, sequence=SequencePart(attention=True)).train()
        batch = batch_of(61, 40, 12)
        torch.manual_seed(1)
        loss = CTC()(model(batch), batch)["ctc"]
        for keep in (True, False):  # twice, as where each term's share of the gradient is measured
            model.zero_grad()
            loss.backward(retain_graph=keep)
        found.append((model.state_dict(), {name: one.grad for name, one in model.named_parameters()}))
        assert all(one.is_recalled for one in model.modules() if isinstance(one, MaskedBatchNorm1d))
    torch.testing.assert_close(found[0], found[1])


def test_it_starts_by_saying_mostly_blank() -> None:
    output: Emissions = composed(num_symbols=38).eval()(
        Batch(("a",), torch.randn(1, 200, 3258), torch.tensor([200]), {}, ("",))
    )
    assert 0.8 < output.log_probs_BTV[..., 0].exp().mean() < 0.99


def test_in_half_precision_it_says_the_same_in_float32() -> None:
    model = build(auxiliary=True, sequence=SequencePart(attention=True)).eval()
    exact: Emissions = model(batch_of(61, 33))
    for step in (model.eval, model.train):
        step()
        with torch.autocast("cpu", torch.bfloat16):
            rough: Emissions = model(batch_of(61, 33))
        assert rough.log_probs_BTV.dtype == torch.float32
        if not model.training:
            assert (rough.log_probs_BTV.exp() - exact.log_probs_BTV.exp()).abs().max() < 0.02


def test_its_edges_are_where_signals_enter_and_symbols_leave() -> None:
    model = build(auxiliary=True)
    matrices = {name for name, one in model.named_parameters() if one.ndim == 2}
    assert {name for name in matrices if name.startswith(tuple(f"{edge}." for edge in model.edges))} == {
        "encoders.pose.0.weight", "encoders.hands.0.weight", "encoders.face.0.weight", "head.weight",
        "auxiliary_head.weight",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "branches", "says"),
    [
        (COLUMNS, {"pose": 8, "motion": 8}, r"model\.branches\.motion: .* pose, face, hands: .*motion=null"),
        ({"all": (0, 2)}, {"pose": 8}, r"model\.branches\.pose: .* it has all"),
        (COLUMNS, {"pose": None}, "keep at least one"),
        (COLUMNS, {"pose": 0}, "give at least 1"),
    ],
)
def test_branches_that_cannot_be(columns: Any, branches: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        build(columns=columns, branches=branches)
    with pytest.raises(InputError, match="it names none"):
        MobileNetLSTM(5, {}, BRANCHES)
    with pytest.raises(InputError, match="between branches"):
        build(branches={"pose": 8}, sequence=SequencePart(attention=True))
    with pytest.raises(InputError, match="lstm_layers"):
        build(sequence=SequencePart(lstm_layers=-1))


def test_a_branch_that_is_left_out_is_gone() -> None:
    model = composed("model.branches.face=null", "model.size=tiny")
    assert set(model.encoders) == {"pose", "hands", "motion"}


@pytest.mark.parametrize(
    ("block", "branch"), [("left_hand", "hands"), ("right_hand", "hands"), ("face", "face"), ("pose", "pose")]
)
def test_a_point_moves_its_own_branch_alone(block: str, branch: str) -> None:
    """From the raw landmarks to what each encoder says, in that frame alone."""
    feature = Landmarks(feature_set="pos")
    model = composed("feature.feature_set=pos", "model.branches.motion=null", "model.size=tiny").eval()
    said: dict[str, list[torch.Tensor]] = {name: [] for name in model.encoders}
    for name, part in model.encoders.items():
        part.register_forward_hook(lambda _, __, made, name=name: said[name].append(made))
    points_TPX = np.random.default_rng(0).normal(size=(9, NUM_POINTS, 3)).astype(np.float32)
    moved_TPX = points_TPX.copy()
    point = BLOCKS[block].start + 3
    assert point not in {LEFT_SHOULDER, RIGHT_SHOULDER}, "bodies are measured by these"
    moved_TPX[4, point] += 0.5
    for raw_TPX in (points_TPX, moved_TPX):
        signals_BTF = feature(raw_TPX)[None]
        model(Batch(("a",), signals_BTF, torch.tensor([9]), {}, ("",)))
    changed = {name: (before != after).any(dim=1) for name, (before, after) in said.items()}
    assert {name for name, frames in changed.items() if frames.any()} == {branch}
    assert changed[branch].nonzero().flatten().tolist() == [4]
