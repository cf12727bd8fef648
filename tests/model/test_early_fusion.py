"""Early fusion: streams at one rate, the same alone and padded, frozen ones kept on disk."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from project.adapter.lora import LoRA
from project.contract import Batch, Emissions, InputError
from project.loss.ctc import CTC
from project.model.early_fusion import EarlyFusion
from project.model.feature_cache import FeatureCache
from project.model.tuning import Tuning

SYMBOLS = 5
LENGTHS = (3200, 2400, 1300, 700)


class Stream(nn.Module):
    """A backbone of two layers: `hop` samples make a frame. Counts what it hears."""

    mixes_padding = False

    def __init__(self, hop: int, width: int, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.hop, self.num_features, self.frame_rate = hop, width, 16000 / hop
        self.architecture = {"hop": hop, "width": width}
        self.enter = nn.Linear(hop, width)
        self.layers = nn.ModuleList([nn.Linear(width, width)])
        self.heard = 0

    def forward(self, wave_BT: Tensor, lengths_B: Tensor) -> tuple[Tensor, Tensor]:
        self.heard += len(wave_BT)
        padded_BT = functional.pad(wave_BT, (0, -wave_BT.shape[1] % self.hop))
        x_BTD = self.layers[0](self.enter(padded_BT.unflatten(1, (-1, self.hop))).tanh())
        if self.mixes_padding:
            x_BTD = x_BTD + x_BTD.mean(dim=1, keepdim=True)
        return x_BTD, self.num_output_frames(lengths_B)

    def num_output_frames(self, num_samples: Tensor) -> Tensor:
        return (num_samples + self.hop - 1) // self.hop


class Mixing(Stream):
    mixes_padding = True


def batch_of(*lengths: int) -> Batch:
    signals_BTF = torch.zeros(len(lengths), max(lengths), 1)
    for row, length in zip(signals_BTF, lengths, strict=True):
        row[:length] = torch.randn(length, 1, generator=torch.Generator().manual_seed(length))
    targets = {
        "symbols": torch.full((len(lengths), 1), 3),
        "symbol_lengths": torch.ones(len(lengths), dtype=torch.long),
    }
    return Batch(tuple(map(str, lengths)), signals_BTF, torch.tensor(lengths), targets, ("",) * len(lengths))


def fused(*hops: int, **options: Any) -> EarlyFusion:
    streams = {f"s{place}": Stream(hop, 6 + 2 * place, place) for place, hop in enumerate(hops or (100, 200))}
    return EarlyFusion(SYMBOLS, streams, **{"size": 8, "dropout": 0.0} | options)


FROZEN = {"s0": Tuning("frozen"), "s1": Tuning("frozen")}


@pytest.mark.parametrize("mix", ["concat", "gated"])
@pytest.mark.parametrize(("hops", "rate"), [((100, 200), "slowest"), ((100, 200), "first"), ((160, 240), "slowest")])
def test_an_example_is_the_same_alone_and_padded(mix: Any, hops: tuple[int, int], rate: Any) -> None:
    model = fused(*hops, mix=mix, rate=rate).eval()
    with torch.no_grad():
        if model.gate is not None:
            model.gate.weight.normal_()
    together: Emissions = model(batch_of(*LENGTHS))
    for row, length in enumerate(LENGTHS):
        alone: Emissions = model(batch_of(length))
        frames = int(alone.lengths_B[0])
        assert alone.log_probs_BTV.shape[1] == frames == int(together.lengths_B[row])
        assert model.num_output_frames(torch.tensor([length])).tolist() == [frames]
        torch.testing.assert_close(together.log_probs_BTV[row, :frames], alone.log_probs_BTV[0])


def test_lengths_are_the_fewest_that_a_stream_has() -> None:
    for length in range(1, 2000, 37):
        model = fused(100, 200, 320)
        fewest = -(-length // 320)
        assert model.num_output_frames(torch.tensor([length])).tolist() == [fewest]


def test_side_by_side_the_head_sees_all_numbers() -> None:
    model = fused(size=None)
    assert model.head.in_features == 6 + 8
    x_BTD, y_BTD = model.encode(torch.randn(1, 2000), torch.tensor([2000]))[0]
    assert x_BTD.shape == (1, 10, 6)
    torch.testing.assert_close(y_BTD.mean(dim=2), torch.zeros(1, 10), atol=1e-5, rtol=0)


def test_a_gate_starts_in_the_middle_and_learns() -> None:
    model, batch = fused(mix="gated"), batch_of(3200, 2400)
    one_BTD, two_BTD = model.encode(batch.signals_BTF[..., 0], batch.lengths_B)[0]
    expected = model.head((one_BTD + two_BTD) / 2).log_softmax(dim=2)
    torch.testing.assert_close(model(batch).log_probs_BTV, expected)
    CTC()(model(batch), batch)["ctc"].backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_frozen_streams_learn_nothing_and_stay_in_evaluation() -> None:
    model, batch = fused(tuning={"s0": Tuning("frozen"), "s1": Tuning(layer_decay=0.5)}), batch_of(3200, 2400)
    model.train()
    assert not model.backbone["s0"].training
    assert model.backbone["s1"].training
    CTC()(model(batch), batch)["ctc"].backward()
    learning = {name for name, p in model.named_parameters() if p.grad is not None}
    assert learning == {name for name, p in model.named_parameters() if p.requires_grad}
    assert not any(name.startswith("backbone.s0.") for name in learning)
    assert any(name.startswith("backbone.s1.") for name in learning)
    assert model.rate_of("backbone.s1.layers.0.weight") == 0.5
    assert model.rate_of("backbone.s1.enter.weight") == 0.25
    assert model.rate_of("head.weight") == 1.0


def test_it_learns_by_heart() -> None:
    model, batch = fused(), batch_of(3200, 2400, 1300, 900)
    batch.targets["symbols"][:, 0] = torch.tensor([1, 2, 3, 4])
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(100):
        optimizer.zero_grad()
        loss = CTC()(model(batch), batch)["ctc"]
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.05


def test_the_second_epoch_reads_what_the_first_one_wrote(tmp_path: Path) -> None:
    plain, model = fused(tuning=FROZEN), fused(tuning=FROZEN, cache=str(tmp_path))
    batch = batch_of(*LENGTHS)
    expected: Emissions = plain(batch)
    for _ in range(2):
        output: Emissions = model(batch)
        assert torch.equal(output.lengths_B, expected.lengths_B)
        for row, frames in enumerate(expected.lengths_B.tolist()):
            torch.testing.assert_close(output.log_probs_BTV[row, :frames], expected.log_probs_BTV[row, :frames])
    assert [stream.heard for stream in model.backbone.values()] == [4, 4]
    assert len(list(tmp_path.rglob("*.npy"))) == 8
    model(batch_of(2400, 500))  # one is new
    assert [stream.heard for stream in model.backbone.values()] == [5, 5]
    again = fused(tuning=FROZEN, cache=str(tmp_path))  # another run with the same encoders
    again(batch)
    assert [stream.heard for stream in again.backbone.values()] == [0, 0]


def test_other_weights_are_another_encoder(tmp_path: Path) -> None:
    model, batch = fused(tuning=FROZEN, cache=str(tmp_path)), batch_of(900)
    before: Tensor = model(batch).log_probs_BTV
    state = {name: value + 0.1 if name.startswith("backbone") else value for name, value in model.state_dict().items()}
    model.load_state_dict(state)
    after: Tensor = model(batch).log_probs_BTV
    fresh = fused(tuning=FROZEN)
    fresh.load_state_dict(state)
    torch.testing.assert_close(after, fresh(batch).log_probs_BTV)
    assert not torch.allclose(before, after)
    assert copy.deepcopy(model)(batch).log_probs_BTV.equal(after)


def test_precision_is_part_of_what_is_kept(tmp_path: Path) -> None:
    model, batch = fused(tuning=FROZEN, cache=str(tmp_path)), batch_of(900)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        model(batch)
    expected = fused(tuning=FROZEN)(batch).log_probs_BTV
    torch.testing.assert_close(model(batch).log_probs_BTV, expected)


def test_who_mixes_padding_is_heard_alone_once_it_is_kept(tmp_path: Path) -> None:
    streams = {"s0": Mixing(100, 6, 0), "s1": Stream(100, 8, 1)}
    model = EarlyFusion(SYMBOLS, streams, size=8, dropout=0.0, tuning=FROZEN, cache=str(tmp_path))
    assert not model.mixes_padding
    together: Emissions = model(batch_of(*LENGTHS))
    plain = EarlyFusion(SYMBOLS, {"s0": Mixing(100, 6, 0), "s1": Stream(100, 8, 1)}, size=8, dropout=0.0, tuning=FROZEN)
    assert plain.mixes_padding
    plain.load_state_dict(model.state_dict())
    alone: Emissions = plain(batch_of(700))
    torch.testing.assert_close(together.log_probs_BTV[3, :7], alone.log_probs_BTV[0])


def test_several_writers_do_not_disturb_each_other(tmp_path: Path) -> None:
    batch = batch_of(*range(500, 1500, 100))
    streams = [Stream(100, 6).eval().requires_grad_(False) for _ in range(8)]

    def hear(stream: Stream) -> Tensor:
        return FeatureCache(str(tmp_path), stream, "s0")(batch.signals_BTF[..., 0], batch.lengths_B)[0]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(hear, streams))
    assert all(torch.equal(one, found[0]) for one in found)
    assert len(list(tmp_path.rglob("*.npy"))) == 10
    assert not list(tmp_path.rglob("*.part"))


def test_what_learns_is_never_kept(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="every stream learns"):
        fused(cache=str(tmp_path))
    model = fused(tuning={"s0": Tuning("frozen")}, cache=str(tmp_path))
    model(batch_of(900))
    assert len(list(tmp_path.rglob("*.npy"))) == 1
    adapted = fused(tuning=FROZEN, cache=str(tmp_path))
    LoRA(targets=["0"])(adapted)
    with pytest.raises(InputError, match="an adapter in it"):
        adapted(batch_of(900))


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="give two or more"):
        fused(100)
    with pytest.raises(InputError, match="size is null"):
        fused(mix="gated", size=None)
    with pytest.raises(InputError, match="s7: no such stream"):
        fused(tuning={"s7": Tuning()})
