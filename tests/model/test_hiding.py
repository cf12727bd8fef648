"""Which frames are hidden: as many as HuBERT hides, in stretches, the same for an example; and that none is seen."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from project.model.hiding import generator_of, hidden_spans, hiding


@pytest.mark.parametrize(("frames", "starts", "span"), [(500, 0.08, 10), (200, 0.05, 4), (1000, 0.02, 25)])
def test_as_many_frames_are_hidden_as_spans_that_overlap_at_random_cover(frames: int, starts: float, span: int) -> None:
    generator = torch.Generator().manual_seed(0)
    part = torch.stack([hidden_spans(frames, starts, span, generator) for _ in range(400)]).float().mean()
    places = frames - span + 1
    count = starts * frames  # of places without replacement; a frame in the middle is missed by all of them
    missed = (1 - count / places) ** span
    assert float(part) == pytest.approx(1 - missed, abs=0.02)


def test_stretches_are_whole_and_at_least_one() -> None:
    generator = torch.Generator().manual_seed(1)
    for frames in (1, 5, 10, 11, 60):
        hidden_T = hidden_spans(frames, 0.0, 10, generator)
        assert int(hidden_T.sum()) == min(frames, 10)
    runs = "".join(map(str, hidden_spans(300, 0.02, 10, generator).int().tolist())).split("0")
    assert min(len(run) for run in runs if run) >= 10


def test_an_id_decides_and_torchs_generator_where_none_is_given() -> None:
    one, again, other = (hidden_spans(100, 0.08, 10, generator_of(name)) for name in ("a", "a", "b"))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    drawn = []
    for _ in range(2):
        torch.manual_seed(5)
        drawn.append(hidden_spans(100, 0.08, 10))
    assert torch.equal(*drawn)


@pytest.mark.parametrize("pair", [False, True])
def test_rows_are_replaced_while_it_holds_and_learn_nothing(pair: bool) -> None:
    class Entrance(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, str]:
            return (2 * x, "as it was") if pair else 2 * x

    entrance, x_BTD = Entrance(), torch.ones(1, 3, 2, requires_grad=True)
    instead_D = torch.tensor([5.0, 7.0], requires_grad=True)
    with hiding(entrance, torch.tensor([[False, True, False]]), instead_D):
        said = entrance(x_BTD)
    rows = said[0] if pair else said
    assert rows.tolist() == [[[2, 2], [5, 7], [2, 2]]]
    rows.sum().backward()
    assert x_BTD.grad is not None
    assert instead_D.grad is not None
    assert x_BTD.grad[0, :, 0].tolist() == [2, 0, 2]
    assert instead_D.grad.tolist() == [1, 1]
    after = entrance(x_BTD)
    assert (after[0] if pair else after).tolist() == [[[2, 2]] * 3]
