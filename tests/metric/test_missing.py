"""A scorer that is not there, or cannot do its work, is an error and never a figure: not 0 %, and not 100 %."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
import torch

from project.build.assemble import build_recognizer
from project.build.bind import make
from project.contract import Batch, Config, Hypothesis, InputError
from project.evaluation.estimate import make_report
from project.evaluation.protocol import Protocol, coverage, hash_ids
from project.evaluation.result import Row


class Unscored:
    """A metric whose scorer is gone."""

    name = "wer"
    better = "lower"
    ratios: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {"wer": (("wer_errors",), ("wer_length",))}

    def score(self, reference: str, hypothesis: Hypothesis) -> Mapping[str, float]:
        import scorer_of_nowhere  # type: ignore[import-not-found]

        return {"wer_errors": scorer_of_nowhere.errors(reference, hypothesis.text)}

    def summarize(self, columns: Mapping[str, Sequence[float]]) -> Mapping[str, float]:
        return {"wer": sum(columns["wer_errors"]) / sum(columns["wer_length"])}


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("project.metric.sclite.ErrorRate", "metric.wer._target_: .* does not exist"),
        ("project.metric.text.WordErrorRate", "metric.wer._target_: .* did you mean"),
        ("scorer_of_nowhere.ErrorRate", "metric.wer._target_: .* is refused"),
    ],
)
def test_a_scorer_that_cannot_be_imported_stops_before_anything_is_scored(target: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        make({"wer": {"_target_": target, "name": "wer", "unit": "word"}}, "metric")


def batch_of(system: Any) -> Batch:
    signals_BTF = torch.zeros(1, 80, system.model.enter.in_channels)
    symbols = {"symbols": torch.tensor([[1, 2]]), "symbol_lengths": torch.tensor([2])}
    return Batch(("a",), signals_BTF, torch.tensor([80]), symbols, ("CQ",))


def test_a_scorer_that_fails_stops_the_validation(config: Config) -> None:
    system = build_recognizer(config, training=False).system
    system.metrics = {"wer": Unscored()}  # type: ignore[dict-item]
    system.on_validation_epoch_start()
    with torch.no_grad(), pytest.raises(ModuleNotFoundError, match="scorer_of_nowhere"):
        system.validation_step(batch_of(system), 0)
    with pytest.raises(InputError, match="nothing was scored"):
        system.summary()


def test_without_a_metric_there_is_no_figure_and_no_report(config: Config) -> None:
    system = build_recognizer(config, training=False).system
    system.metrics = {}
    system.on_validation_epoch_start()
    with torch.no_grad():
        system.validation_step(batch_of(system), 0)
    assert system.summary() == {}
    (scored,) = system.scored
    row = Row("a", "CQ", scored.hypothesis.text, None, 1.0, 0.0, scored.columns)
    settings: Callable[..., Protocol] = Protocol
    protocol = settings(
        "0", hash_ids(["a"]), 1, coverage(1, 1), {}, {}, "0", system.decoder.settings, "none", "32-true", "0"
    )
    with pytest.raises(InputError, match="no figure at all: give evaluate a metric"):
        make_report(protocol, "a", [], [row], "2026-02-03")
