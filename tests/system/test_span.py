"""Spans as a system: a threshold that dev chooses and the checkpoint keeps, skill against ignorance, whole runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import torch

from project import train
from project.build.assemble import build_recognizer
from project.build.compose import compose
from project.build.restore import restore
from project.contract import Config, SpanOutput
from project.data.sampling import Draw
from project.metric.threshold import Histogram, best_threshold
from project.run import Run
from project.system.base import System
from project.system.ignorance import Ignorance
from project.system.span import SpanSystem

WINDOW, HISTORY = 105, 128


@pytest.fixture(scope="module")
def windows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Series with a burst of large bars in each window: a span that is plain to see."""
    folder = tmp_path_factory.mktemp("bars")
    (folder / "series").mkdir()
    rng = np.random.default_rng(5)
    for part, count in (("train", 24), ("dev", 10), ("test", 8)):
        lines, bars = [], count * WINDOW + HISTORY
        moves = rng.normal(0, 0.001, bars)
        for number in range(count):
            first = HISTORY + number * WINDOW
            start = int(rng.integers(15, 85))
            moves[first + start : first + start + 8] = 0.012 * rng.choice([-1, 1])
            lines.append(
                {
                    "id": f"{part}-{number}",
                    "media": f"series/{part}.npy#{first}:{first + WINDOW}",
                    "length": WINDOW,
                    "labels": {"spans": [{"kind": "retracement" if number % 3 else "consolidation", "start": start,
                                          "end": start + 8}]},
                    "group": f"{part} {number // 4}",
                }
            )  # fmt: skip
        close = 100 * np.exp(np.cumsum(moves))
        open_ = np.concatenate([[100.0], close[:-1]])
        spread = np.abs(rng.normal(0, 0.0005, (2, bars))) * close
        high, low = np.maximum(open_, close) + spread[0], np.minimum(open_, close) - spread[1]
        table = np.stack([np.arange(bars) * 3600.0, open_, high, low, close, np.zeros(bars)], axis=1)
        np.save(folder / "series" / f"{part}.npy", table)
        folder.joinpath(f"{part}.jsonl").write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    return folder


def config_of(windows: Path, folder: Path, *words: str) -> Config:
    parts = [f"data.manifest.{part}={windows}/{part}.jsonl" for part in ("train", "dev", "test")]
    small = ["model=bar_spans_tiny", "epochs=2", "data.fresh=null", "data.workers=0", "data.augment=[]"]
    fast = ["data.batching.max_batch_size=4", "scheduler.warmup_steps=2", "trainer.check_val_every_n_epoch=1"]
    return compose("train", ["experiment=bars/baseline", f"runs={folder}", *parts, *small, *fast, *words])


def test_the_threshold_is_chosen_on_dev_kept_with_the_weights_and_used_in_evaluation(
    windows: Path, tmp_path: Path
) -> None:
    config = config_of(windows, tmp_path, "epochs=6", "weighting=prior_scaled")
    train.train(config, [])
    (folder,) = (tmp_path / "bars").iterdir()
    run = Run.open(folder)
    recognizer = restore(run, run.config())
    system = recognizer.system
    assert isinstance(system, SpanSystem)
    threshold = float(system.threshold)
    assert threshold != 0.5
    inside = Histogram()
    for batch in recognizer.data.scoring_loader(recognizer.data.manifest("dev")):
        with torch.no_grad():
            output, hypotheses = system.predict(batch)
        assert isinstance(output, SpanOutput)
        inside.add(output.inside_BT.sigmoid().flatten(), batch.targets["inside"].flatten())
        assert {one.track.threshold for one in hypotheses if one.track} == {threshold}
    assert best_threshold(inside)[0] == pytest.approx(threshold)
    curves = run.curves()
    assert curves["dev/threshold"][-1][1] == pytest.approx(float(torch.load(run.last)["state_dict"]["threshold"]))
    assert max(value for _, value in curves["dev/segment_f1"]) > 0.3  # such bursts are found
    assert {"skill/kind", "skill/pointers", "skill/span", "skill/countdown"} <= curves.keys()
    assert curves["skill/span"][-1][1] > 0.05
    assert {"gradient/share/span", "weight/span", "head/span/separation"} <= curves.keys()


def test_an_ignorant_one_has_no_skill_and_the_scaled_loss_of_one_a_term(windows: Path, tmp_path: Path) -> None:
    recognizer = build_recognizer(config_of(windows, tmp_path, "weighting=prior_scaled"), training=True)
    system, data = recognizer.system, recognizer.data
    targets = data.training_targets(1000)
    assert targets is not None
    assert len(targets) == 24
    output = system(targets)
    guess = system.ignorant(output, targets)
    assert guess is not None
    system.train()
    total, weighted = system.weighting(system.loss(guess, targets))
    for name, value in weighted.items():
        assert float(value) == pytest.approx(1, abs=1e-4), name
    assert float(total) == pytest.approx(len(weighted), abs=1e-3)
    assert float(output.inside_BT.detach().sigmoid().mean()) == pytest.approx(
        8 / 105, abs=0.03
    )  # starts at the base rate


def test_ignorance_says_the_same_of_every_window_and_nothing_where_there_is_no_bar() -> None:
    inside_T = torch.tensor([-2.0, 0, 2])
    ignorance = Ignorance({"inside_T": inside_T, "starts_T": torch.zeros(3), "kinds_V": torch.ones(3)}, 0.1)
    starts_BT = torch.zeros(2, 5)
    starts_BT[1, 3:] = -torch.inf
    said = SpanOutput(
        inside_BT=torch.randn(2, 5), lengths_B=torch.tensor([5, 3]), kinds_BV=torch.randn(2, 3), starts_BT=starts_BT,
        countdown_BT=torch.ones(2, 5),
    )  # fmt: skip
    instead = ignorance.instead_of(said)
    assert instead.inside_BT.tolist() == [[-2, 0, 2, 2, 2]] * 2
    assert instead.starts_BT is not None
    assert instead.starts_BT[1, 3:].tolist() == [-torch.inf] * 2
    assert instead.countdown_BT is said.countdown_BT  # nothing is known of it


def test_a_checkpoint_holds_the_threshold_and_the_learned_weights_of_terms(windows: Path, tmp_path: Path) -> None:
    train.train(config_of(windows, tmp_path, "weighting=uncertainty", "epochs=4"), [])
    (folder,) = (tmp_path / "bars").iterdir()
    state: dict[str, Any] = torch.load(Run.open(folder).last)["state_dict"]
    assert {"threshold", "weighting.log_sigma"} <= state.keys()
    assert (state["weighting.log_sigma"] != 0).all()
    curves = Run.open(folder).curves()
    assert {"weight/sigma/span", "weight/sigma/span/optimal"} <= curves.keys()


def test_draws_of_windows_are_the_same_whoever_asks(windows: Path, tmp_path: Path) -> None:
    data = build_recognizer(config_of(windows, tmp_path), training=True).data
    examples = data.train_dataloader().dataset
    one, again = (examples[Draw(3, 1)] for _ in range(2))
    assert torch.equal(one.frames_TF, again.frames_TF)
    assert one.frames_TF.shape == (WINDOW, 12)
    assert one.reference.split()[0] in {"retracement", "consolidation"}


def test_the_threshold_is_chosen_on_the_windows_of_all_ranks(
    windows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two ranks that saw different windows choose the same one, whichever of the two they are."""
    rng = torch.Generator().manual_seed(3)
    seen = []
    for _ in range(2):
        inside = Histogram()
        inside.add(torch.rand(400, generator=rng) ** 2, (torch.rand(400, generator=rng) < 0.2).float())
        seen.append(inside)
    both = Histogram()
    for one in seen:
        both.merge(one)
    monkeypatch.setattr(System, "on_validation_epoch_end", lambda _self: None)
    monkeypatch.setattr(SpanSystem, "_gathered", lambda _self, _mine: seen)
    for mine in seen:
        recognizer = build_recognizer(config_of(windows, tmp_path), training=False)
        system, batch = recognizer.system, next(iter(recognizer.data.scoring_loader(recognizer.data.manifest("dev"))))
        assert isinstance(system, SpanSystem)
        output = system.listen(batch)
        assert isinstance(output, SpanOutput)
        system._said, system._inside = [(batch, output)], mine
        system.on_validation_epoch_end()
        assert float(system.threshold) == pytest.approx(best_threshold(both)[0])
        assert {row.hypothesis.track.threshold for row in system.scored if row.hypothesis.track} == {
            float(system.threshold)
        }
