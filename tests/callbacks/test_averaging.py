"""The average of weights, against one reckoned from the weights of every step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from project import train
from project.build import assemble
from project.build.compose import compose
from project.callbacks.averaging import Averaging
from project.callbacks.watcher import Watcher
from project.contract import InputError
from project.run import Run

DECAY = 0.8


class Witness(Watcher):
    """Keeps the weights of every step, and those that are validated."""

    def __init__(self) -> None:
        self.passed: list[dict[str, torch.Tensor]] = []
        self.validated: list[dict[str, torch.Tensor]] = []

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        self.passed.append(copy(pl_module))

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.passed.append(copy(pl_module))

    def on_validation_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        self.validated.append(copy(pl_module))


def copy(pl_module: Any) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in pl_module.state_dict().items()}


def test_what_is_validated_is_the_average_and_training_does_not_notice(
    tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = assemble.build_trainer
    seen: list[Witness] = []

    def watched(*arguments: Any) -> Any:
        trainer = build(*arguments)
        seen.append(Witness())
        trainer.callbacks.append(seen[-1])  # type: ignore[attr-defined]
        return trainer

    monkeypatch.setattr(assemble, "build_trainer", watched)
    for name, decay in (("plain", "null"), ("averaged", str(DECAY))):
        config = compose("train", [*tiny, f"callbacks.averaging.decay={decay}"])
        train.fit(Run(tmp_path / name), config, train.build(config))
    plain, averaged = seen
    assert all(torch.equal(a, b) for a, b in zip(plain.passed[-1].values(), averaged.passed[-1].values(), strict=True))
    average = {name: value.double() for name, value in averaged.passed[0].items()}
    found = iter(averaged.validated)
    for step, weights in enumerate(averaged.passed[1:], start=1):
        kept = min(DECAY, (1 + step) / (10 + step))
        average = {name: kept * average[name] + (1 - kept) * weights[name].double() for name in average}
        if step in {6, 12}:
            for name, value in next(found).items():
                torch.testing.assert_close(value.double(), average[name], atol=1e-5, rtol=1e-4)
    best = torch.load(Run(tmp_path / "averaged").best, weights_only=True)["state_dict"]
    assert any(all(torch.equal(best[name], one[name]) for name in best) for one in averaged.validated)


@pytest.mark.parametrize("decay", [0.0, 1.0, -0.5])
def test_a_decay_is_a_part(decay: float) -> None:
    with pytest.raises(InputError, match=r"callbacks\.averaging\.decay is .*: give a number between 0 and 1"):
        Averaging(decay)
