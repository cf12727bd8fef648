"""Binding: what is built, and what is refused in one line before anything is."""

from __future__ import annotations

import functools
from typing import Any

import pytest
import torch

from project.build.bind import check, fits, make
from project.contract import InputError

ADAM = {"_target_": "torch.optim.AdamW", "_partial_": True, "lr": 1e-3}
FIXED = {"_target_": "project.loss.weighting.Fixed"}
COSINE = {"_target_": "project.scheduler.warmup.Cosine", "warmup_steps": 2}


def test_makes_objects_with_what_is_offered() -> None:
    schedule = make(COSINE, "scheduler", total_steps=10, unwanted=3)
    assert schedule(0) == 0.5
    assert schedule.total_steps == 10


def test_makes_partials_lists_and_mappings() -> None:
    optimizer = make(ADAM, "optimizer")
    assert isinstance(optimizer, functools.partial)
    assert optimizer([torch.zeros(2, requires_grad=True)]).defaults["lr"] == 1e-3
    made = make({"a": [COSINE], "b": 1}, "x", total_steps=5)
    assert made["a"][0].total_steps == 5
    assert made["b"] == 1


def test_a_constructor_may_take_keys_of_any_name() -> None:
    assert check(FIXED | {"ctc": 1, "weights": 0.5}, "x") == 1
    _, parts = make(FIXED | {"ctc": 1, "weights": 0.5}, "x")({"ctc": torch.tensor(2.0), "weights": torch.tensor(2.0)})
    assert {name: part.item() for name, part in parts.items()} == {"ctc": 2.0, "weights": 1.0}


@pytest.mark.parametrize(
    ("node", "line"),
    [
        ({"_target_": "os.system", "command": "true"}, "os.system is refused"),
        ({"_target_": "torch.load", "f": "x"}, "torch.load is refused"),
        ({"_target_": "torch.hub.load", "repo_or_dir": "x"}, "torch.hub.load is refused"),
        ({"_target_": "torch.os.system", "command": "true"}, "torch.os.system is refused"),
        ({"_target_": "project.environment.subprocess.Popen", "args": "true"}, "is refused"),
        ({"_target_": "builtins.eval"}, "builtins.eval is refused"),
        ({"_target_": 3}, "3 is not a dotted name"),
        ({"_target_": "project.model.nothing.Net"}, "project.model.nothing.Net does not exist"),
        ({"_target_": "project.scheduler.warmup.Cosinus"}, "did you mean Cosine?"),
        ({"_target_": "project.scheduler.warmup"}, "is not a class or function"),
        (COSINE | {"warmup": 3}, "did you mean warmup_steps?"),
        (COSINE | {"warmup_steps": "soon"}, "x.warmup_steps: 'soon' is not a whole number"),
        (COSINE | {"warmup_steps": "???"}, "x.warmup_steps is missing"),
        ({"_target_": "project.scheduler.warmup.Constant"}, "needs it and it is not set: set x.warmup_steps="),
        (ADAM | {"lr": "abc"}, "x.lr: 'abc' is not a number"),
        (FIXED | {"ctc": "much"}, "x.ctc: 'much' is not a number"),
        (ADAM | {"learning_rate": 1}, "x.learning_rate: torch.optim.AdamW takes no such key"),
    ],
)
def test_refuses(node: dict[str, Any], line: str) -> None:
    with pytest.raises(InputError) as caught:
        check(node, "x", ["total_steps"])
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "hint", "expected"),
    [
        (1, float, True),
        (1.5, int, False),
        (True, int, False),
        ("a", str | None, True),
        (None, str, False),
        ([1, 2], tuple[int, int], True),
        (["a"], list[int], False),
        ({"a": 1}, dict[str, float], True),
        ({"a": "b"}, dict[str, float], False),
        ({"_target_": "torch.nn.ReLU"}, torch.nn.Module, True),
        ("relu", torch.nn.Module, False),
    ],
)
def test_fits(value: Any, hint: Any, expected: bool) -> None:
    assert fits(value, hint) is expected
