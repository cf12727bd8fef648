"""Masked learning as a system: what it sees in training, validation and recognition; and a run from end to end."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from project import train
from project.build.compose import compose
from project.contract import Batch, Config, Emissions, Hypothesis, InputError, Terms
from project.loss.ctc import CTC
from project.loss.masked import Masked
from project.loss.weighting import Fixed
from project.model.envelope import EnvelopeEncoder
from project.run import Run
from project.system.masked_ctc import MaskedCTCSystem

LENGTHS = (40, 33)


def batch_of(seed: int = 0) -> Batch:
    """Two examples with levels and states as features, and hidden spans."""
    generator = torch.Generator().manual_seed(seed)
    inside_BT = torch.arange(40) < torch.tensor(LENGTHS)[:, None]
    states_BT = ((torch.arange(40) // 5 % 2) * inside_BT).float()
    levels_BT = (states_BT + 0.1 * torch.rand(2, 40, generator=generator)).clamp(0, 1) * inside_BT
    hidden_BT = torch.zeros(2, 40, dtype=torch.bool)
    hidden_BT[0, 8:21] = hidden_BT[1, 20:30] = True
    targets = {
        "symbols": torch.tensor([[1, 2], [2, 1]]),
        "symbol_lengths": torch.tensor([2, 2]),
        "hidden": hidden_BT,
        "states": states_BT,
        "trust": inside_BT.float(),
    }
    return Batch(("a", "b"), torch.stack([levels_BT, states_BT], 2), torch.tensor(LENGTHS), targets, ("AB", "BA"))


def read(output: Emissions) -> list[Hypothesis]:
    """A decoder that always says the same."""
    return [Hypothesis((), "AB", 0.0) for _ in output.lengths_B]


def system_of(loss: Masked, **weights: float) -> MaskedCTCSystem:
    torch.manual_seed(0)
    model = EnvelopeEncoder(2, 4, channels=16, blocks=2, dropout=0.0, mask_head=True)
    return MaskedCTCSystem(model, loss, Fixed(**weights), read, {})  # type: ignore[arg-type]


def with_frame(batch: Batch, row: int, frame: int) -> Batch:
    """The batch with another signal in one frame: what the feature tells of it is wrong."""
    signals_BTF = batch.signals_BTF.clone()
    signals_BTF[row, frame] = 1 - signals_BTF[row, frame]
    return replace(batch, signals_BTF=signals_BTF)


def with_state(batch: Batch, row: int, frame: int) -> Batch:
    """The batch with another state wanted in one frame."""
    states_BT = batch.targets["states"].clone()
    states_BT[row, frame] = 1 - states_BT[row, frame]
    return replace(batch, targets={**batch.targets, "states": states_BT})


def loss_of(system: MaskedCTCSystem, batch: Batch) -> float:
    result = system.training_step(batch, 0)
    assert result is not None
    loss: Tensor = result["loss"]
    return loss.item()


def test_hidden_frames_alone_are_asked_for_and_they_alone_are_not_seen() -> None:
    system, batch = system_of(Masked(), mask=1.0), batch_of()
    before = loss_of(system, batch)
    for row, length in enumerate(LENGTHS):
        for frame in range(0, length, 2):
            hidden = bool(batch.targets["hidden"][row, frame])
            assert (loss_of(system, with_state(batch, row, frame)) != before) == hidden, "asked"
            if hidden:
                assert loss_of(system, with_frame(batch, row, frame)) == before, "seen"
    beside = with_frame(batch, 0, 7)
    assert loss_of(system, beside) != before


def test_recognition_hides_nothing() -> None:
    system, batch = system_of(Masked(ctc=CTC()), ctc=1.0, mask=0.5), batch_of()
    system.eval()
    output, _ = system.predict(batch)
    bare = replace(batch, targets={})
    assert torch.equal(output.log_probs_BTV, system(bare).log_probs_BTV)
    assert not torch.equal(output.log_probs_BTV, system(batch).log_probs_BTV)
    changed, _ = system.predict(with_frame(batch, 0, 12))
    assert not torch.equal(output.log_probs_BTV, changed.log_probs_BTV)


def test_validation_asks_for_hidden_states_and_shows_all_symbols() -> None:
    """The CTC term is that of the whole signal, the mask term and the counts those of the hidden one."""
    system, batch = system_of(Masked(ctc=CTC()), ctc=1.0, mask=0.5), batch_of()
    system.eval()
    output, _ = system.predict(batch)
    checked = system.check(output, batch)
    terms, counts = checked.terms, checked.counts
    hiding: Emissions = system(batch)
    assert terms["ctc"].item() == CTC()(output, batch)["ctc"].item()
    assert terms["mask"].item() == Masked()(hiding, batch)["mask"].item()
    assert terms["ctc"].item() != CTC()(hiding, batch)["ctc"].item()
    assert hiding.states_BT is not None
    asked = batch.targets["hidden"]
    right = (hiding.states_BT > 0)[asked] == (batch.targets["states"] > 0.5)[asked]
    on = int(batch.targets["states"][asked].sum())
    assert counts == {"asked": 23.0, "on": float(on), "right": float(right.sum())}
    majority = max(on, 23 - on) / 23
    expected = {"mask_accuracy": float(right.sum()) / 23, "mask_majority": majority}
    assert system.ratios(counts) == pytest.approx(expected)


def test_frames_that_are_not_trusted_are_not_counted() -> None:
    system, batch = system_of(Masked(), mask=1.0), batch_of()
    trust_BT = batch.targets["trust"].clone()
    trust_BT[0, :15] = 0
    output, _ = system.eval().predict(batch)
    counts = system.check(output, replace(batch, targets={**batch.targets, "trust": trust_BT})).counts
    assert counts["asked"] == 23 - 7


def test_a_model_without_the_head_is_named() -> None:
    system = MaskedCTCSystem(EnvelopeEncoder(2, 4, channels=8, blocks=1), Masked(), Fixed(mask=1.0), read, {})  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"model\.mask_head=true"):
        system.training_step(batch_of(), 0)
    with pytest.raises(InputError, match=r"model\.mask_head=true"):
        system.check(system.predict(batch_of())[0], batch_of())


def test_a_weight_of_zero_leaves_the_mask_head_alone() -> None:
    system = system_of(Masked(ctc=CTC()), ctc=1.0, mask=0.0)
    result = system.training_step(batch_of(), 0)
    assert result is not None
    result["loss"].backward()
    head = system.model.mask_head
    assert isinstance(head, torch.nn.Linear)
    assert head.weight.grad is not None
    assert head.weight.grad.abs().sum() == 0
    assert next(system.model.head.parameters()).grad.abs().sum() > 0  # type: ignore[union-attr]


def test_without_ctc_the_symbols_head_has_a_gradient_of_zero() -> None:
    """Some gradient it must have, or training on several devices stops."""
    system = system_of(Masked(), mask=1.0)
    result = system.training_step(batch_of(), 0)
    assert result is not None
    result["loss"].backward()
    for name, parameter in system.model.named_parameters():
        assert parameter.grad is not None, name
        assert bool(parameter.grad.any()) != name.startswith("head."), name


def test_it_learns_what_is_hidden() -> None:
    """A steady rhythm: what is hidden follows from the rest."""
    system, batch = system_of(Masked(), mask=1.0), batch_of()
    optimizer = torch.optim.AdamW(system.parameters(), lr=5e-3)
    terms: Terms = {}
    for _ in range(150):
        optimizer.zero_grad()
        result = system.training_step(batch, 0)
        assert result is not None
        terms = result["terms"]
        result["loss"].backward()
        optimizer.step()
    assert terms["mask"].item() < 0.1
    assert system.ratios(system.check(system.predict(batch)[0], batch).counts)["mask_accuracy"] > 0.95


@pytest.fixture(scope="module")
def pretraining(tiny: list[str]) -> list[str]:
    return [*tiny, "experiment=morse/pretrain"]


@pytest.fixture(scope="module")
def pretrained(pretraining: list[str], tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = Run(tmp_path_factory.mktemp("pretrained") / "run")
    config = compose("train", pretraining)
    train.fit(run, config, train.build(config))
    return run


def test_a_pretraining_run_from_end_to_end(pretrained: Run) -> None:
    curves = pretrained.curves()
    assert pretrained.state()["state"] == "finished"
    assert "train/ctc" not in curves
    assert curves["dev/loss"] == curves["dev/mask"]
    assert [step for step, _ in curves["dev/mask_accuracy"]] == [6, 12]
    assert 0.5 <= curves["dev/mask_majority"][0][1] == curves["dev/mask_majority"][1][1] < 1
    assert all(math.isfinite(value) for _, value in curves["train/mask"])


def test_a_finetuning_run_starts_from_it_and_says_what_it_leaves_out(
    pretrained: Run, tiny: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["experiment=morse/finetune", f"init_from={pretrained.folder}", "optimizer.lr=0", "optimizer.other_lr=0"]
    config: Config = compose("train", [*tiny, *words])
    run = Run(tmp_path / "run")
    train.fit(run, config, train.build(config))
    before, after = (torch.load(one.best, weights_only=True)["state_dict"] for one in (pretrained, run))
    left_out = {"model.hidden_frame", "model.mask_head.weight", "model.mask_head.bias"}
    assert before.keys() - after.keys() == left_out
    assert all(torch.equal(before[name], weight) for name, weight in after.items())
    told = capsys.readouterr().err
    for text in (told, (run.folder / "train.log").read_text()):
        assert "model.hidden_frame of" in text
        assert "model.mask_head of" in text
        assert "is left out" in text


def test_the_mask_weight_is_a_key_of_the_command_line(pretraining: list[str]) -> None:
    config = compose("train", [*pretraining, "sweep=mask_weight", "weighting.mask=0.3"])
    assert config["weighting"] == {"_target_": "project.loss.weighting.Fixed", "ctc": 1.0, "mask": 0.3}
    assert config["loss"]["ctc"]["_target_"] == "project.loss.ctc.CTC"
    assert config["callbacks"]["checkpoint"]["monitor"] == "dev/cer"
