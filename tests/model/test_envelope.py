"""The envelope encoder: what the contract suite does not ask of it."""

from __future__ import annotations

import pytest
import torch

from project.contract import Batch, Emissions, InputError
from project.model.envelope import EnvelopeEncoder


def batch_of(signals_BTF: torch.Tensor, lengths: list[int]) -> Batch:
    return Batch(("a",) * len(lengths), signals_BTF, torch.tensor(lengths), {}, ("",) * len(lengths))


@pytest.fixture
def encoder() -> EnvelopeEncoder:
    torch.manual_seed(0)
    return EnvelopeEncoder(2, 5, channels=8, blocks=3).eval()


def test_it_sees_exactly_its_context(encoder: EnvelopeEncoder) -> None:
    """Changing one input frame changes output frames up to `context_frames` away, and none beyond."""
    signals_BTF = torch.rand(1, 200, 2)
    before: Emissions = encoder(batch_of(signals_BTF, [200]))
    signals_BTF[0, 100] += 1
    after: Emissions = encoder(batch_of(signals_BTF, [200]))
    changed = (before.log_probs_BTV != after.log_probs_BTV).any(dim=2)[0].nonzero()[:, 0]
    assert encoder.context_frames == 2 * (1 + 2 * 7)
    assert 100 - 2 * int(changed[0]) == encoder.context_frames
    assert 2 * int(changed[-1]) - 100 == encoder.context_frames


def test_what_stands_in_the_padding_does_not_matter(encoder: EnvelopeEncoder) -> None:
    signals_BTF = torch.rand(2, 50, 2)
    before: Emissions = encoder(batch_of(signals_BTF, [50, 21]))
    signals_BTF[1, 21:] = 1e6
    after: Emissions = encoder(batch_of(signals_BTF, [50, 21]))
    assert after.lengths_B.tolist() == [25, 11]
    assert torch.equal(before.log_probs_BTV[0], after.log_probs_BTV[0])
    assert torch.equal(before.log_probs_BTV[1, :11], after.log_probs_BTV[1, :11])


def test_it_starts_by_saying_mostly_blank() -> None:
    torch.manual_seed(0)
    output: Emissions = EnvelopeEncoder(2, 38)(batch_of(torch.rand(4, 300, 2), [300] * 4))
    blank = output.log_probs_BTV[..., 0].exp()
    assert 0.8 < blank.mean() < 0.99


def test_an_even_kernel_is_refused() -> None:
    with pytest.raises(InputError, match="odd"):
        EnvelopeEncoder(2, 5, kernel=4)
