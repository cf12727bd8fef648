"""Late fusion: exact at both ends, distributions between, rates matched, members from run folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from project.contract import Batch, Emissions, InputError
from project.loss.ctc import CTC
from project.model.late_fusion import LateFusion
from project.text.alphabet import Alphabet

SYMBOLS = 5


class Member(nn.Module):
    """A recognizer of one layer: a distribution for every `step` frames."""

    def __init__(self, step: int, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.step = step
        self.head = nn.Linear(2, SYMBOLS)

    def forward(self, batch: Batch) -> Emissions:
        x_BTF = batch.signals_BTF[:, :: self.step]
        return Emissions(self.head(x_BTF).log_softmax(dim=2), self.num_output_frames(batch.lengths_B))

    def num_output_frames(self, num_frames: Tensor) -> Tensor:
        return (num_frames + self.step - 1) // self.step


def batch_of(*lengths: int) -> Batch:
    signals_BTF = torch.zeros(len(lengths), max(lengths), 2)
    for row, length in zip(signals_BTF, lengths, strict=True):
        row[:length] = torch.randn(length, 2, generator=torch.Generator().manual_seed(length))
    targets = {"symbols": torch.full((len(lengths), 2), 3), "symbol_lengths": torch.full((len(lengths),), 2)}
    return Batch(tuple(map(str, lengths)), signals_BTF, torch.tensor(lengths), targets, ("",) * len(lengths))


def fused(first: int = 1, second: int = 1, **options: Any) -> LateFusion:
    return LateFusion(SYMBOLS, {"one": Member(first, 1), "two": Member(second, 2)}, **options)


@pytest.mark.parametrize("space", ["log", "linear"])
@pytest.mark.parametrize("steps", [(1, 2), (2, 1), (3, 2)])
def test_at_its_ends_it_is_one_member_exactly(space: Any, steps: tuple[int, int]) -> None:
    batch = batch_of(31, 20)
    for alpha, place in ((0, 0), (1, 1), (0.0, 0), (1.0, 1)):
        model = fused(*steps, alpha=alpha, space=space)
        alone: Emissions = Member(steps[place], place + 1)(batch)
        output = model(batch)
        assert torch.equal(output.log_probs_BTV, alone.log_probs_BTV)
        assert torch.equal(output.lengths_B, alone.lengths_B)
        assert torch.equal(model.num_output_frames(batch.lengths_B), alone.lengths_B)


def test_it_mixes_as_the_formulas_say() -> None:
    batch = batch_of(12, 7)
    one, two = (Member(1, seed)(batch).log_probs_BTV.exp() for seed in (1, 2))
    linear = fused(alpha=0.3, space="linear")(batch).log_probs_BTV.exp()
    torch.testing.assert_close(linear, 0.7 * one + 0.3 * two)
    geometric = one**0.7 * two**0.3
    log = fused(alpha=0.3, space="log")(batch).log_probs_BTV.exp()
    torch.testing.assert_close(log, geometric / geometric.sum(dim=2, keepdim=True))


def test_raw_scales_of_logits_do_not_decide() -> None:
    """Logits that are all a constant higher are the same distribution: a mixture of logits would change."""
    model, batch = fused(), batch_of(9)
    before = model(batch).log_probs_BTV
    with torch.no_grad():
        model.members["one"].head.bias += 100.0  # type: ignore[union-attr, operator]
    torch.testing.assert_close(model(batch).log_probs_BTV, before, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("steps", [(1, 1), (1, 2), (4, 2), (3, 2)])
def test_lengths_and_padding(steps: tuple[int, int]) -> None:
    model = fused(*steps)
    lengths = (41, 30, 11, 2)
    together = model(batch_of(*lengths))
    for row, length in enumerate(lengths):
        alone = model(batch_of(length))
        frames = int(alone.lengths_B[0])
        assert alone.log_probs_BTV.shape[1] == frames == int(together.lengths_B[row])
        assert model.num_output_frames(torch.tensor([length])).tolist() == [frames]
        torch.testing.assert_close(together.log_probs_BTV[row, :frames], alone.log_probs_BTV[0])


def test_a_gradient_reaches_both_and_none_reaches_who_has_no_say() -> None:
    model, batch = fused(1, 2), batch_of(20, 15)
    CTC()(model(batch), batch)["ctc"].backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    assert not any(parameter.requires_grad for parameter in fused(alpha=0).members["two"].parameters())
    assert not any(parameter.requires_grad for parameter in fused(frozen=True).parameters())


def saved(folder: Path, member: Member, alphabet: Alphabet) -> str:
    """A run's folder with that member as its model."""
    (folder / "checkpoints").mkdir(parents=True)
    state = {f"model.{name}": value for name, value in member.state_dict().items()} | {"weighting.w": torch.ones(1)}
    torch.save({"state_dict": state}, folder / "checkpoints" / "best.ckpt")
    (folder / "alphabet.json").write_text(alphabet.to_json(), encoding="utf-8")
    return str(folder)


def test_members_start_from_runs(tmp_path: Path) -> None:
    alphabet = Alphabet(("A", "B", "C", "D"))
    trained = Member(1, 7)
    weights = {"one": saved(tmp_path / "run", trained, alphabet), "two": None}
    model = fused(alpha=0, weights=weights, alphabet=alphabet)
    assert torch.equal(model(batch_of(8)).log_probs_BTV, trained(batch_of(8)).log_probs_BTV)
    with pytest.raises(InputError, match="another alphabet"):
        fused(weights=weights, alphabet=Alphabet(("A", "B", "D", "C")))
    restored = fused(weights={"one": "nowhere", "two": None}, architecture={})  # weights come with its own checkpoint
    assert not torch.equal(restored.members["one"].head.weight, trained.head.weight)  # type: ignore[union-attr, arg-type]


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give two"):
        LateFusion(SYMBOLS, {"one": Member(1, 1)})
    with pytest.raises(InputError, match=r"alpha is 1\.5"):
        fused(alpha=1.5)
    with pytest.raises(InputError, match=r"weights\.three"):
        fused(weights={"three": str(tmp_path)})
    with pytest.raises(InputError, match=r"no checkpoints/best\.ckpt"):
        fused(weights={"one": str(tmp_path)})
    wave = Member(1, 2)
    wave.hears = "wave"  # type: ignore[assignment]
    with pytest.raises(InputError, match="hear different things"):
        LateFusion(SYMBOLS, {"one": Member(1, 1), "two": wave})
    wide = Member(1, 2)
    wide.head = nn.Linear(3, SYMBOLS)
    with pytest.raises(InputError, match=r"head\.weight is \(5, 3\) there"):
        fused(weights={"one": saved(tmp_path / "wide", wide, Alphabet(("A",)))})
