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


def masked_batch(signals_BTF: torch.Tensor, lengths: list[int], hidden_BT: torch.Tensor) -> Batch:
    targets = {"hidden": hidden_BT}
    return Batch(("a",) * len(lengths), signals_BTF, torch.tensor(lengths), targets, ("",) * len(lengths))


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_a_mask_head_speaks_of_each_input_frame(stride: int) -> None:
    torch.manual_seed(0)
    encoder = EnvelopeEncoder(2, 5, channels=8, blocks=1, stride=stride, mask_head=True).eval()
    for frames in (7, 8, 9):
        output: Emissions = encoder(batch_of(torch.rand(2, frames, 2), [frames, 5]))
        assert output.states_BT is not None
        assert output.states_BT.shape == (2, frames)
        assert output.states_BT.dtype == torch.float32
    signals_BTF = torch.rand(1, 60, 2)  # a state is that of its own frame: it depends on what is around that
    before = encoder(batch_of(signals_BTF, [60])).states_BT
    signals_BTF[0, 30] += 1
    changed = (encoder(batch_of(signals_BTF, [60])).states_BT != before)[0].nonzero()[:, 0]
    assert changed[0] <= 30 <= changed[-1]
    assert changed[-1] - changed[0] < 2 * encoder.context_frames + stride


def test_hidden_frames_are_not_seen() -> None:
    torch.manual_seed(0)
    encoder = EnvelopeEncoder(2, 5, channels=8, blocks=3, mask_head=True).eval()
    signals_BTF, hidden_BT = torch.rand(2, 50, 2), torch.zeros(2, 50, dtype=torch.bool)
    hidden_BT[0, 10:20] = hidden_BT[1, 30:33] = True
    before: Emissions = encoder(masked_batch(signals_BTF, [50, 40], hidden_BT))
    signals_BTF[hidden_BT] = torch.rand(13, 2) * 100
    after: Emissions = encoder(masked_batch(signals_BTF, [50, 40], hidden_BT))
    assert torch.equal(before.log_probs_BTV, after.log_probs_BTV)
    assert before.states_BT is not None
    assert after.states_BT is not None
    assert torch.equal(before.states_BT, after.states_BT)
    shown: Emissions = encoder(batch_of(signals_BTF, [50, 40]))
    assert not torch.equal(shown.log_probs_BTV[0], after.log_probs_BTV[0])


def test_without_a_mask_head_nothing_is_hidden_and_nothing_said(encoder: EnvelopeEncoder) -> None:
    signals_BTF = torch.rand(1, 50, 2)
    output: Emissions = encoder(masked_batch(signals_BTF, [50], torch.ones(1, 50, dtype=torch.bool)))
    assert output.states_BT is None
    assert torch.equal(output.log_probs_BTV, encoder(batch_of(signals_BTF, [50])).log_probs_BTV)
    assert not [name for name in encoder.state_dict() if name.startswith(("mask_head", "hidden_frame"))]


def test_the_symbols_head_has_a_dropout_of_its_own() -> None:
    def outputs(dropout: float | list[float], times: int = 2) -> list[torch.Tensor]:
        torch.manual_seed(0)
        encoder = EnvelopeEncoder(2, 5, channels=8, blocks=2, dropout=dropout, mask_head=True).train()
        found = [encoder(batch_of(torch.ones(1, 20, 2), [20])) for _ in range(times)]
        return [found[0].log_probs_BTV, found[1].log_probs_BTV, found[0].states_BT, found[1].states_BT]

    one, other, states, same_states = outputs([0.0, 0.5])
    assert not torch.equal(one, other)
    assert torch.equal(states, same_states)
    one, other, *_ = outputs(0.0)
    assert torch.equal(one, other)
    with pytest.raises(InputError, match=r"model\.dropout"):
        EnvelopeEncoder(2, 5, dropout=[0.1])
