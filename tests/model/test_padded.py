"""Layers for padded batches: beside torch's own on examples without padding, and on each example alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from project.model.padded import (
    Extent,
    MaskedBatchNorm1d,
    MaskedConv1d,
    MaskedLSTM,
    SqueezeExcite,
    Unrecalled,
    num_strided,
)

LENGTHS, CHANNELS = (9, 5, 1, 12), 6


def padded(seed: int = 0, beyond: float = 1e6) -> tuple[Tensor, Extent]:
    """(B, C, T) examples with nonsense beyond their lengths, and how far they reach."""
    x_BCT = torch.randn(len(LENGTHS), CHANNELS, max(LENGTHS), generator=torch.Generator().manual_seed(seed)) * 3 + 1
    extent = Extent.of(torch.tensor(LENGTHS), max(LENGTHS))
    return x_BCT.masked_fill(extent.outside_B1T, beyond), extent


def alone(x_BCT: Tensor) -> list[Tensor]:
    """Each example by itself, as long as it is."""
    return [x_BCT[row : row + 1, :, :length] for row, length in enumerate(LENGTHS)]


def test_extents() -> None:
    extent = Extent.of(torch.tensor([1, 4, 5]), 5)
    assert (~extent.outside_B1T).sum(dim=2).flatten().tolist() == [1, 4, 5]
    halved = extent.strided(2)
    assert halved.lengths_B.tolist() == [1, 2, 3]
    assert halved.outside_B1T.tolist() == [[[False, True, True]], [[False, False, True]], [[False] * 3]]
    assert extent.strided(1) is extent
    for num_frames in range(1, 30):
        assert num_strided(torch.tensor(num_frames), 4) == num_strided(num_strided(torch.tensor(num_frames), 2), 2)


@pytest.mark.parametrize(("kernel", "stride", "groups"), [(1, 1, 1), (3, 1, 1), (3, 2, 1), (5, 1, 6), (5, 2, 6)])
def test_a_convolution_of_each_example_by_itself(kernel: int, stride: int, groups: int) -> None:
    torch.manual_seed(0)
    conv = MaskedConv1d(CHANNELS, CHANNELS, kernel, stride, groups)
    plain = nn.Conv1d(CHANNELS, CHANNELS, kernel, stride, kernel // 2, groups=groups)
    plain.load_state_dict(conv.state_dict())
    x_BCT, extent = padded()
    made_BCT, lengths = conv(x_BCT, extent), extent.strided(stride).lengths_B.tolist()
    for row, one in enumerate(alone(x_BCT)):
        torch.testing.assert_close(made_BCT[row : row + 1, :, : lengths[row]], plain(one))
        assert plain(one).shape[2] == lengths[row]


def test_a_norm_of_what_lies_inside() -> None:
    """Output, gradients, and what is kept for evaluation, as torch's norm has them of the same frames end to end."""
    masked, plain = MaskedBatchNorm1d(CHANNELS), nn.BatchNorm1d(CHANNELS)
    for norm in (masked, plain):
        with torch.no_grad():
            norm.weight.copy_(torch.linspace(0.5, 2, CHANNELS))
            norm.bias.copy_(torch.linspace(-1, 1, CHANNELS))
    inside_BT = ~Extent.of(torch.tensor(LENGTHS), max(LENGTHS)).outside_B1T[:, 0]
    for seed in range(3):
        x_BCT, extent = padded(seed)
        mine_BCT, theirs_BCT = x_BCT.clone().requires_grad_(), x_BCT.clone().requires_grad_()
        made_NC = masked(mine_BCT, extent).transpose(1, 2)[inside_BT]
        wanted_NC = plain(theirs_BCT.transpose(1, 2)[inside_BT])
        torch.testing.assert_close(made_NC, wanted_NC)
        for norm, said_NC in ((masked, made_NC), (plain, wanted_NC)):
            norm.zero_grad()
            said_NC.pow(3).sum().backward()
        torch.testing.assert_close(mine_BCT.grad, theirs_BCT.grad, atol=1e-3, rtol=1e-4)
        torch.testing.assert_close(masked.weight.grad, plain.weight.grad, atol=1e-3, rtol=1e-4)
        torch.testing.assert_close(masked.bias.grad, plain.bias.grad, atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(masked.running_mean_C, plain.running_mean)
    torch.testing.assert_close(masked.running_var_C, plain.running_var)
    x_BCT, extent = padded(9)
    torch.testing.assert_close(masked.eval()(x_BCT, extent), plain.eval()(x_BCT))


def test_a_norm_of_a_single_frame_is_its_bias() -> None:
    norm = MaskedBatchNorm1d(2)
    made = norm(torch.tensor([[[3.0, 7.0], [5.0, 7.0]]]), Extent.of(torch.tensor([1]), 2))
    assert made[0, :, 0].tolist() == [0, 0]
    assert norm.running_var_C.isfinite().all()


def test_a_batch_that_is_not_finite_leaves_no_trace_in_a_norm() -> None:
    """Its step is skipped; were its mean remembered, every later validation would be NaN."""
    norm = MaskedBatchNorm1d(CHANNELS).train()
    x_BCT, extent = padded(beyond=0.0)
    norm(x_BCT, extent)
    before = norm.running_mean_C.clone(), norm.running_var_C.clone()
    broken = x_BCT.clone()
    broken[0, 2, 0] = float("inf")
    norm(broken, extent)
    others = [channel for channel in range(CHANNELS) if channel != 2]
    for old, new in zip(before, (norm.running_mean_C, norm.running_var_C), strict=True):
        assert new.isfinite().all()
        assert new[2] == old[2]
        assert (new[others] != old[others]).all()


def test_a_norm_that_is_run_again_does_not_count_twice() -> None:
    norm, (x_BCT, extent) = MaskedBatchNorm1d(CHANNELS), padded()
    before = norm(x_BCT, extent)
    once = norm.running_mean_C.clone()
    again = Unrecalled(nn.ModuleList([norm]))
    for _ in range(2):
        with again:
            assert torch.equal(norm(x_BCT, extent), before)
    assert torch.equal(norm.running_mean_C, once)
    norm(x_BCT, extent)
    assert not torch.equal(norm.running_mean_C, once)


def test_squeezing_takes_the_mean_of_what_lies_inside() -> None:
    torch.manual_seed(0)
    part, (x_BCT, extent) = SqueezeExcite(CHANNELS, reduction=2), padded()
    made_BCT = part(x_BCT, extent)
    for row, one in enumerate(alone(x_BCT)):
        squeezed = torch.relu(nn.functional.linear(one.mean(dim=2), part.squeeze.weight, part.squeeze.bias))
        factors = nn.functional.hardsigmoid(nn.functional.linear(squeezed, part.excite.weight, part.excite.bias))
        torch.testing.assert_close(made_BCT[row : row + 1, :, : LENGTHS[row]], one * factors[..., None])


@pytest.mark.parametrize("layers", [1, 2])
def test_an_lstm_reads_each_example_from_its_own_ends(layers: int) -> None:
    torch.manual_seed(0)
    masked, plain = MaskedLSTM(CHANNELS, 4, layers), nn.LSTM(CHANNELS, 4, layers, bidirectional=True, batch_first=True)
    assert sum(one.numel() for one in masked.parameters()) == sum(one.numel() for one in plain.parameters())
    for depth in range(layers):
        for lstm, suffix in ((masked.forwards[depth], ""), (masked.backwards[depth], "_reverse")):
            for name, weight in lstm.named_parameters():
                plain.get_parameter(f"{name.removesuffix('0')}{depth}{suffix}").data.copy_(weight.data)
    x_BCT, extent = padded()
    made_BTC = masked(x_BCT.transpose(1, 2), extent.lengths_B)
    for row, one in enumerate(alone(x_BCT)):
        torch.testing.assert_close(made_BTC[row : row + 1, : LENGTHS[row]], plain(one.transpose(1, 2))[0])
