"""The pace: found in keyed marks, and what it makes of sums and of looks around."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from peft import LoraConfig, inject_adapter_in_model
from torch.nn import functional

from project.contract import Batch, Emissions, InputError, Pace
from project.loss.paced import pacing
from project.model.pace import PacedBlock, PacedSums, PaceFinder, likeliest
from project.model.paced_envelope import PacedEnvelopeEncoder
from project.model.sequence_encoder import DilatedBlock

BLOCK = {"channels": 6, "kernel": 5, "dropout": 0.0}


def everywhere(frames: int) -> torch.Tensor:
    return torch.ones(1, frames, 1, dtype=torch.bool)


def paced_block(distance: int, farthest: int = 50) -> PacedBlock:
    torch.manual_seed(0)
    return PacedBlock(**BLOCK, distance=distance, farthest=farthest)


@pytest.mark.parametrize("distance", [1, 3])
def test_at_two_frames_a_mark_it_is_a_dilated_block(distance: int) -> None:
    paced, plain = paced_block(distance), DilatedBlock(**BLOCK, dilation=distance)
    plain.load_state_dict(paced.state_dict())
    x_BTC, mask_BT1 = torch.randn(2, 40, 6), torch.ones(2, 40, 1, dtype=torch.bool)
    mask_BT1[1, 25:] = False
    torch.testing.assert_close(paced(x_BTC, mask_BT1, torch.full((2, 40), 2.0)), plain(x_BTC, mask_BT1))


def test_what_is_sent_at_half_the_speed_looks_the_same() -> None:
    block, x_BTC = paced_block(2), torch.randn(1, 40, 6)
    fast_BTC = block(x_BTC, everywhere(40), torch.full((1, 40), 3.0))
    slow_BTC = block(x_BTC.repeat_interleave(2, dim=1), everywhere(80), torch.full((1, 80), 6.0))
    torch.testing.assert_close(slow_BTC[:, ::2][:, 8:-8], fast_BTC[:, 8:-8])


def test_between_two_frames_it_sees_a_mean_of_both() -> None:
    """Against a plain loop, at places that are no whole frames, and beyond the ends, where there is nothing."""
    block, x_BTC = paced_block(1), torch.randn(1, 12, 6)
    normed_TC = block.norm(x_BTC)[0]

    def at(place: float) -> torch.Tensor:
        low = math.floor(place)
        rows = [normed_TC[row] if 0 <= row < 12 else torch.zeros(6) for row in (low, low + 1)]
        return rows[0] * (low + 1 - place) + rows[1] * (place - low)

    around_TC = torch.stack([torch.cat([at(frame + 0.5 * 2.7 * step) for step in range(-2, 3)]) for frame in range(12)])
    expected_BTC = x_BTC + block.mix(functional.gelu(block.look(around_TC)))
    torch.testing.assert_close(block(x_BTC, everywhere(12), torch.full((1, 12), 2.7)), expected_BTC)


def test_a_pace_that_is_a_little_other_changes_little() -> None:
    block, x_BTC, pace_BT = paced_block(1), torch.randn(1, 30, 6), torch.full((1, 30), 3.0)
    before, after = (block(x_BTC, everywhere(30), pace_BT + change) for change in (-1e-4, 1e-4))
    assert (before - after).abs().max() < 1e-2
    even = Pace(torch.tensor([[[0.5, 0.5, 1e-9]]]).log(), torch.tensor([2.0, 3.0, 9.0]))
    assert likeliest(even).item() == pytest.approx(6**0.5, rel=1e-4)


def test_what_is_no_number_stays_none() -> None:
    """A loss that is not finite is for those who look for it; places that are none would end the process."""
    block, x_BTC = paced_block(2), torch.randn(1, 9, 6)
    assert block(x_BTC, everywhere(9), torch.full((1, 9), torch.nan)).isnan().all()


def test_where_in_a_recording_something_is_sent_does_not_matter() -> None:
    block, x_BTC = paced_block(4, farthest=8), torch.randn(1, 40, 6)
    long_BTC = torch.cat([torch.zeros(1, 40_000, 6), x_BTC], dim=1)
    late_BTC = block(long_BTC, everywhere(40_040), torch.full((1, 40_040), 1.7))[:, 40_000:]
    alone_BTC = block(x_BTC, everywhere(40), torch.full((1, 40), 1.7))
    torch.testing.assert_close(late_BTC[:, 9:], alone_BTC[:, 9:], rtol=0, atol=1e-6)


def test_no_look_goes_farther_than_asked_nor_beyond_the_ends() -> None:
    block, x_BTC, pace_BT = paced_block(4, farthest=5), torch.randn(1, 30, 6), torch.full((1, 30), 9.0)
    before_BTC = block(x_BTC, everywhere(30), pace_BT)
    x_BTC[0, 20, 3] += 1
    changed = (block(x_BTC, everywhere(30), pace_BT) != before_BTC).any(dim=2)[0].nonzero()[:, 0].tolist()
    assert changed == [15, 20, 25]
    assert block(x_BTC[:, :1], everywhere(1), pace_BT[:, :1]).isfinite().all()


def keyed(marks: list[int], num_frames: int = 160) -> torch.Tensor:
    """(B, T, 1) Dits of so many frames each, with gaps as long, in some noise."""
    at_T = torch.arange(num_frames)
    down_BT = torch.stack([(at_T // mark) % 2 == 0 for mark in marks]).float()
    return (down_BT + 0.3 * torch.randn(down_BT.shape))[..., None]


def test_the_finder_learns_how_long_marks_last_and_keeps_it_apart_for_two_senders() -> None:
    torch.manual_seed(0)
    finder = PaceFinder(1, channels=16, dilations=(1, 4), frames=(1.5, 9.0), paces=12, reach=30)
    optimizer = torch.optim.AdamW(finder.parameters(), lr=5e-3)
    marks = [2, 3, 4, 5, 6, 7, 8, 2]
    pace_BT, lengths_B = torch.tensor(marks)[:, None].expand(-1, 160).float(), torch.full((8,), 160)
    inside_BT1 = torch.ones(8, 160, 1, dtype=torch.bool)
    for _ in range(120):
        optimizer.zero_grad()
        pacing(finder(keyed(marks), inside_BT1), pace_BT, lengths_B, torch.ones(8)).backward()
        optimizer.step()
    with torch.no_grad():
        one_after_the_other = torch.cat([keyed([3]), keyed([7])], dim=1)
        found_T = likeliest(finder(one_after_the_other, everywhere(320)))[0]
    assert found_T[20:120].median().item() == pytest.approx(3, rel=0.17)
    assert found_T[200:300].median().item() == pytest.approx(7, rel=0.17)


def test_nothing_farther_than_its_context_matters() -> None:
    torch.manual_seed(0)
    finder = {"channels": 8, "dilations": (1, 2), "paces": 6, "reach": 10, "frames": (1.0, 4.0)}
    encoder = PacedEnvelopeEncoder(2, 5, (1.0, 4.0), sums=(1, 3), finder=finder, channels=8, distances=(1, 3)).eval()
    assert encoder.context_frames == 2 + 2 * (10 + 2 * 3 + 4 + 12)
    signals_BTF = torch.rand(1, 400, 2)
    batch = Batch(("a",), signals_BTF, torch.tensor([400]), {}, ("",))
    before: Emissions = encoder(batch)
    signals_BTF[0, 200] += 3
    after: Emissions = encoder(batch)
    apart_T = (before.log_probs_BTV - after.log_probs_BTV).abs().amax(dim=2)[0]
    changed = (apart_T > 1e-5).nonzero()[:, 0]  # sums differ in their last digits everywhere
    assert 200 - 2 * int(changed[0]) <= encoder.context_frames
    assert 2 * int(changed[-1]) - 200 <= encoder.context_frames
    assert len(changed) > 20


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"distances": []}, "one or more"),
        ({"distances": [0, 2]}, "one or more"),
        ({"finder": {"frames": [9.0, 0.6]}}, "shortest and the longest"),
        ({"finder": {"width": 3}}, r"model\.finder: .*width"),
        ({"sums": [1, 0]}, "above 0"),
        ({"sums": [1]}, "feature=tone_envelope and feature.integrate_ms"),
        ({"sums": [1], "sum_frames": [2.0]}, "two lengths or more"),
        ({"sums": [1], "sum_frames": [4.0, 2.0]}, "that rise"),
    ],
)
def test_what_cannot_be_built_is_refused(words: dict[str, object], told: str) -> None:
    with pytest.raises(InputError, match=told):
        PacedEnvelopeEncoder(2, 5, **words)  # type: ignore[arg-type]


def paced_sums(lengths: list[float], dits: list[float], stride: int = 2) -> PacedSums:
    """Sums that are heard as they are, each in a channel of its own, at every other frame."""
    sums = PacedSums(lengths, dits, channels=len(dits), kernel=1, stride=stride)
    with torch.no_grad():
        sums.enter.weight.copy_(torch.eye(len(dits))[..., None])
        sums.enter.bias.zero_()  # type: ignore[union-attr]
    return sums


def test_of_all_sums_those_as_long_as_dits_and_dahs_are_heard() -> None:
    """A pace of 2 output frames is 4 input frames: one dit is the second length, two are the third."""
    lengths, levels = [2.0, 4.0, 8.0], [0.1, 0.2, 0.4]
    x_BTF = torch.tensor([*levels, 9.0]).expand(1, 7, 4)  # and a column that is no sum
    dits = [0.5, 1, 2, math.sqrt(2), 0.1, 50]
    heard_BTD = paced_sums(lengths, dits)(x_BTF, torch.full((1, 4), 2.0))
    expected = [0.1, 0.2, 0.4, 0.3, 0.1, 0.4]  # then: half of the way, in logarithms; the shortest; the longest
    torch.testing.assert_close(heard_BTD, torch.tensor(expected).expand(1, 4, 6))


@pytest.mark.parametrize("frames", [9, 10])
def test_sums_follow_the_pace_of_their_example_and_moment(frames: int) -> None:
    """Against a plain loop, at a pace that changes, in a batch, at an odd end."""
    lengths, dits = [1.0, 2.5, 6.0, 16.0], [0.5, 1, 3]
    x_BTF, pace_BT = torch.rand(2, frames, 5), 0.4 + 6 * torch.rand(2, (frames + 1) // 2)
    heard_BTD = paced_sums(lengths, dits)(x_BTF, pace_BT)
    for row in range(2):
        for at in range((frames + 1) // 2):
            wanted = [math.log(2 * float(pace_BT[row, at]) * dit) for dit in dits]
            expected = np.interp(wanted, np.log(lengths), x_BTF[row, 2 * at, :4].numpy())
            assert heard_BTD[row, at].tolist() == pytest.approx(expected.tolist(), abs=1e-6)


def test_a_configuration_of_old_has_no_sums() -> None:
    assert PacedEnvelopeEncoder(2, 5, sum_frames=(1.0, 2.0)).sums is None
    assert PacedEnvelopeEncoder(3, 5, sum_frames=(1.0, 2.0), sums=(1,)).sums is not None


def test_learning_and_using_a_look_are_the_same() -> None:
    """While it learns it lays nothing side by side; what adapts it is not passed by."""
    block, x_BTC, pace_BT = paced_block(3), torch.randn(2, 20, 6, requires_grad=True), 1 + 3 * torch.rand(2, 20)
    mask_BT1, said, taught_by = torch.ones(2, 20, 1, dtype=torch.bool), {}, {}
    mask_BT1[1, 15:] = False
    for learning in (True, False):
        said[learning] = block.train(learning)(x_BTC, mask_BT1, pace_BT)
        taught_by[learning] = torch.autograd.grad(said[learning].square().sum(), [x_BTC, *block.parameters()])
    torch.testing.assert_close(said[True], said[False])
    torch.testing.assert_close(taught_by[True], taught_by[False], rtol=1e-4, atol=1e-5)
    inject_adapter_in_model(LoraConfig(r=2, target_modules=["look"]), block)
    block.train()(x_BTC, mask_BT1, pace_BT).sum().backward()
    taught = [one.grad for name, one in block.named_parameters() if "lora_B" in name]
    assert len(taught) == 1
    assert taught[0] is not None
    assert taught[0].abs().max() > 0


def test_symbols_alone_teach_the_finder_nothing() -> None:
    torch.manual_seed(0)
    encoder = PacedEnvelopeEncoder(2, 5, (1.0, 4.0), sums=(1, 3), channels=8, distances=(1, 3))
    output: Emissions = encoder(Batch(("a",), torch.rand(1, 60, 2), torch.tensor([60]), {}, ("",)))
    output.log_probs_BTV.square().sum().backward()
    taught = {name.partition(".")[0] for name, one in encoder.named_parameters() if one.grad is not None}
    assert taught == {"enter", "sums", "tell", "blocks", "norm", "head"}
    encoder.keep_pace()
    kept = {name.partition(".")[0] for name, one in encoder.named_parameters() if not one.requires_grad}
    assert kept == {"enter", "finder"}
