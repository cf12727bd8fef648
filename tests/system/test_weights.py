"""Weights from a checkpoint: all or an error; heads may differ where a run starts from another, and it says so."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest
import torch

from project.contract import InputError
from project.loss.ctc import CTC
from project.loss.weighting import Fixed
from project.model.envelope import EnvelopeEncoder
from project.system.ctc import CTCSystem
from project.system.weights import load_weights


def system_of(seed: int, symbols: int = 5, training: bool = True, **settings: Any) -> CTCSystem:
    torch.manual_seed(seed)
    model = EnvelopeEncoder(2, symbols, **{"channels": 8, "blocks": 1} | settings)
    optimizer = functools.partial(torch.optim.AdamW, lr=1e-3) if training else None
    return CTCSystem(model, CTC(), Fixed(ctc=1.0), lambda output: [], {}, optimizer)  # type: ignore[arg-type]


def saved(system: CTCSystem, folder: Path) -> Path:
    file = folder / "best.ckpt"
    torch.save({"state_dict": system.state_dict()}, file)
    return file


def equal_names(one: CTCSystem, other: CTCSystem) -> set[str]:
    mine, theirs = one.state_dict(), other.state_dict()
    return {name for name in mine.keys() & theirs.keys() if torch.equal(mine[name], theirs[name])}


@pytest.mark.parametrize("training", [True, False])
def test_equal_shapes_are_loaded_and_nothing_is_said(tmp_path: Path, training: bool) -> None:
    there, here = system_of(0, mask_head=True), system_of(1, mask_head=True, training=training)
    load_weights(here, saved(there, tmp_path))
    assert equal_names(there, here) == set(here.state_dict())
    assert here.start_notes == ()


def test_a_mask_head_is_left_out_or_starts_anew(tmp_path: Path) -> None:
    with_head, without = system_of(0, mask_head=True), system_of(1)
    file = saved(with_head, tmp_path)
    load_weights(without, file)
    assert equal_names(with_head, without) == set(without.state_dict())
    assert without.start_notes == tuple(
        f"weights  model.{name} of {file} is left out" for name in ("hidden_frame", "mask_head")
    )
    file = saved(system_of(2), tmp_path)
    before = {name: weight.clone() for name, weight in with_head.state_dict().items()}
    load_weights(with_head, file)
    anew = {"model.hidden_frame", "model.mask_head.weight", "model.mask_head.bias"}
    assert all(torch.equal(before[name], with_head.state_dict()[name]) for name in anew)
    assert equal_names(with_head, system_of(2)) >= set(before) - anew
    assert [note.split(" is not in ")[0] for note in with_head.start_notes] == [
        "weights  model.hidden_frame",
        "weights  model.mask_head",
    ]


def test_the_head_of_another_alphabet_starts_anew_as_a_whole(tmp_path: Path) -> None:
    there, here = system_of(0, symbols=7), system_of(1, symbols=5)
    bias = here.model.head.bias.clone()  # type: ignore[union-attr, operator]
    file = saved(there, tmp_path)
    load_weights(here, file)
    assert equal_names(there, here) == set(here.state_dict()) - {"model.head.weight", "model.head.bias"}
    assert torch.equal(here.model.head.bias, bias)  # type: ignore[union-attr, arg-type]
    assert here.start_notes == (f"weights  model.head has another shape in {file}: it starts anew",)


def test_what_is_no_head_must_fit(tmp_path: Path) -> None:
    here = system_of(0, mask_head=True)
    before = {name: weight.clone() for name, weight in here.state_dict().items()}
    for other in (system_of(1, channels=16), system_of(1, blocks=2)):
        with pytest.raises(InputError, match="does not fit: give this run the feature"):
            load_weights(here, saved(other, tmp_path))
    assert all(torch.equal(before[name], weight) for name, weight in here.state_dict().items()), "half loaded"


def test_a_system_that_only_predicts_has_all_its_heads_or_none(tmp_path: Path) -> None:
    for there, settings in (
        (system_of(0, mask_head=True), {}),
        (system_of(0, symbols=7), {}),
        (system_of(0), {"mask_head": True}),
    ):
        with pytest.raises(InputError, match="does not fit: give this run the feature"):
            load_weights(system_of(1, training=False, **settings), saved(there, tmp_path))
