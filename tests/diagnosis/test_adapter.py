"""Adapters that are bypassed, or do nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from project.contract import Batch

Watch = Callable[..., Any]


def tuned(toy: Any, *, active: bool = True, trains: bool = True) -> nn.Module:
    """A frozen encoder with a low-rank change beside it, as adapters are."""

    class Tuned(toy):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            super().__init__(between=self.adapted)
            self.encoder.requires_grad_(False)
            self.down = nn.Linear(16, 2, bias=False)
            self.up = nn.Linear(2, 16, bias=False)
            nn.init.zeros_(self.up.weight)
            self.up.requires_grad_(trains)

        def adapted(self, states_BTC: Tensor, _: Batch) -> Tensor:
            return states_BTC + self.up(self.down(states_BTC)) if active else states_BTC

        def adapter_state(self) -> Mapping[str, Mapping[str, Any]]:
            change = self.up.weight @ self.down.weight
            return {"lora": {"active": active, "norm": float(torch.linalg.norm(change))}}

    return Tuned()


def test_an_adapter_that_works_is_not_told(watch: Watch, toy: Any) -> None:
    run = watch(tuned(toy))
    assert "adapter_idle" not in run.told
    assert run.curves["adapter/lora/norm"][-1][1] > 0.1
    assert run.curves["adapter/lora/active"][-1][1] == 1


@pytest.mark.parametrize(
    ("broken", "words"), [({"active": False}, "is not active: the base model answers"), ({"trains": False}, "absent")]
)
def test_an_adapter_that_does_nothing(watch: Watch, toy: Any, broken: dict[str, bool], words: str) -> None:
    finding = watch(tuned(toy, **broken)).findings["adapter_idle"]
    assert finding.subject == "lora"
    assert words in finding.text


def test_a_model_without_adapters_has_no_figures(sound: Any) -> None:
    assert not [name for name in sound.curves if name.startswith("adapter/")]
