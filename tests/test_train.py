"""A run as a whole: it trains, is found again, survives being killed at any step, and says clearly what went wrong."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback

from project import train
from project.build import assemble
from project.build.compose import compose
from project.contract import Batch, Config, InputError, Interrupted, Terms, WorkError
from project.exporting.package_file import write_package
from project.reporting.known_run import KnownRun, entrant
from project.run import Run

STEPS = 12  # of the tiny run: two epochs of six batches


class Strike(Callback):
    """Sends this process a signal when a batch of a step has ended."""

    def __init__(self, step: int, number: int) -> None:
        self.step = step
        self.number = number

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if trainer.global_step == self.step:
            os.kill(os.getpid(), self.number)


def strike_while_fitting(config: Config, folder: Path, step: int, number: int) -> int:
    """Train in a child process that is struck at a step; its exit code."""

    def child() -> None:
        build = assemble.build_trainer

        def with_strike(*arguments: Any) -> Trainer:
            trainer = build(*arguments)
            trainer.callbacks.insert(0, Strike(step, number))
            return trainer

        assemble.build_trainer = with_strike
        try:
            train.fit(Run(folder), config, train.build(config))
        except Interrupted as error:
            os._exit(128 + error.signal)
        os._exit(0)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join(120)
    assert process.exitcode is not None
    return process.exitcode


def fit(run: Run, config: Config) -> None:
    train.fit(run, config, train.build(config))


def with_options(config: Config, workers: int, every_steps: int = 2) -> Config:
    checkpoint = config["callbacks"]["checkpoint"] | {"every_steps": every_steps}
    recorder = config["callbacks"]["recorder"] | {"every_steps": 4}
    callbacks = config["callbacks"] | {"checkpoint": checkpoint, "recorder": recorder}
    return config | {"data": config["data"] | {"workers": workers}, "callbacks": callbacks}


def weights(run: Run, name: str = "last") -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = torch.load(getattr(run, name), weights_only=True)["state_dict"]
    return state


def equal(one: Run, other: Run) -> bool:
    """Last and best weights bit for bit, and every line of metrics.csv."""
    same = all(
        torch.equal(a, b)
        for name in ("last", "best")
        for a, b in zip(weights(one, name).values(), weights(other, name).values(), strict=True)
    )
    return same and one.metrics_file.read_text() == other.metrics_file.read_text()


@pytest.fixture(scope="module")
def undisturbed(tiny: list[str], tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = Run(tmp_path_factory.mktemp("undisturbed") / "run")
    fit(run, with_options(compose("train", tiny), workers=0))
    return run


def test_a_run_trains_and_tells(undisturbed: Run) -> None:
    assert undisturbed.state()["state"] == "finished"
    assert undisturbed.state()["step"] == STEPS
    curves = undisturbed.curves()
    assert [step for step, _ in curves["dev/cer"]] == [6, 12]
    assert [step for step, _ in curves["train/ctc"]] == [4, 6, 10, 12]
    assert curves["train/loss"][-1][1] < curves["train/loss"][0][1]
    assert curves["train/loss"] == curves["train/ctc"]  # one term, weight 1
    told = (undisturbed.folder / "train.log").read_text()
    for words in ("EnvelopeEncoder", "epoch 2  step 12", "finished"):
        assert words in told


@pytest.mark.parametrize(
    ("step", "workers"),
    [
        pytest.param(7, (2, 2), marks=pytest.mark.long),  # orphaned workers look after five seconds
        pytest.param(9, (2, 0), marks=pytest.mark.long),
        (7, (0, 1)),
        (9, (0, 1)),
    ],
)
def test_killed_and_resumed_equals_undisturbed(
    undisturbed: Run, config: Config, tmp_path: Path, step: int, workers: tuple[int, int]
) -> None:
    """kill -9 in the second epoch, then resume: the same weights, bit for bit, and the same figures."""
    folder = tmp_path / "run"
    assert strike_while_fitting(with_options(config, workers[0]), folder, step, signal.SIGKILL) == -signal.SIGKILL
    fit(Run(folder), with_options(config, workers[1]))
    assert equal(Run(folder), undisturbed)


@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_stopped_at_any_step_and_resumed(undisturbed: Run, config: Config, tmp_path: Path, step: int) -> None:
    """SIGTERM writes a checkpoint at the step's boundary, whatever `every_steps` is; no batch comes twice or never."""
    folder = tmp_path / "run"
    code = strike_while_fitting(with_options(config, 0, every_steps=1000), folder, step, signal.SIGTERM)
    assert code == 128 + signal.SIGTERM
    saved = torch.load(Run(folder).last, weights_only=True)["global_step"]
    assert saved == step
    fit(Run(folder), with_options(config, 0))
    assert equal(Run(folder), undisturbed)


@pytest.mark.parametrize("step", [1, 2, 3, 4])
def test_gradients_in_the_making_are_not_lost(config: Config, tmp_path: Path, step: int) -> None:
    """Accumulating over four batches (the last of an epoch over two), stopped and resumed: as if undisturbed."""
    config = with_options(config | {"trainer": config["trainer"] | {"accumulate_grad_batches": 4}}, 0)
    fit(Run(tmp_path / "whole"), config)
    assert Run(tmp_path / "whole").state()["step"] == 4
    assert strike_while_fitting(config, tmp_path / "parts", step, signal.SIGTERM) == 128 + signal.SIGTERM
    fit(Run(tmp_path / "parts"), config)
    assert equal(Run(tmp_path / "parts"), Run(tmp_path / "whole"))


@pytest.mark.parametrize("step", [5, 8, 12])
def test_averaged_weights_survive_being_stopped(config: Config, tmp_path: Path, step: int) -> None:
    """Between validations, and at one, where the average stands in the weights' place."""
    averaging = config["callbacks"]["averaging"] | {"decay": 0.9}
    config = config | {"callbacks": config["callbacks"] | {"averaging": averaging}}
    fit(Run(tmp_path / "whole"), config)
    assert strike_while_fitting(config, tmp_path / "parts", step, signal.SIGTERM) in {0, 128 + signal.SIGTERM}
    fit(Run(tmp_path / "parts"), config)
    assert equal(Run(tmp_path / "whole"), Run(tmp_path / "parts"))


def test_a_profiled_run_tells_where_the_time_went(
    tiny: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rest = [word for word in tiny if not word.startswith("trainer.")]
    fit(Run(tmp_path / "run"), compose("train", [*rest, "trainer=profile"]))
    assert "run_training_batch" in caplog.text


@pytest.mark.parametrize(("trainer", "steps"), [("smoke", 2), ("profile", 6), ("overfit", 400)])
def test_trying_out_an_experiment_keeps_its_schedule(tiny: list[str], trainer: str, steps: int) -> None:
    """Few batches under the schedule of the whole run: a warm-up longer than the trial is no error."""
    rest = [word for word in tiny if not word.startswith(("trainer.", "scheduler."))]
    recognizer = train.build(compose("train", [*rest, f"trainer={trainer}", "scheduler.warmup_steps=5", "epochs=3"]))
    assert recognizer.steps == steps
    assert recognizer.system.schedule is not None
    assert recognizer.system.schedule(0) == pytest.approx(0.2)


def test_an_extended_run_equals_a_longer_one(config: Config, tmp_path: Path) -> None:
    """With a schedule that knows no end, two epochs and then one more are three."""
    constant = {"_target_": "project.scheduler.warmup.Constant", "warmup_steps": 2}
    short, long = (config | {"scheduler": constant, "trainer": config["trainer"] | {"max_epochs": n}} for n in (2, 3))
    fit(Run(tmp_path / "whole"), long)
    fit(Run(tmp_path / "parts"), short)
    fit(Run(tmp_path / "parts"), long)
    assert equal(Run(tmp_path / "parts"), Run(tmp_path / "whole"))


def test_the_same_experiment_is_found_and_not_run_twice(
    config: Config, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert train.train(config, []) == 0
    folder = capsys.readouterr().out.strip()
    before = weights(Run(Path(folder)))
    assert train.train(config | {"threads": 2, "name": "run"}, []) == 0  # threads don't change results
    told = capsys.readouterr()
    assert told.out.strip() == folder
    assert "has run already" in told.err
    assert all(torch.equal(a, b) for a, b in zip(before.values(), weights(Run(Path(folder))).values(), strict=True))
    train.train(config | {"seed": 2}, [])
    assert capsys.readouterr().out.strip() != folder


def test_a_changed_manifest_is_not_the_same_experiment(config: Config, morse: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert strike_while_fitting(config, folder, 7, signal.SIGTERM) == 128 + signal.SIGTERM
    lines = (morse / "train.jsonl").read_text().splitlines(keepends=True)
    shorter = morse / "shorter.jsonl"
    shorter.write_text("".join(lines[:-1]))
    data = config["data"] | {"manifest": config["data"]["manifest"] | {"train": str(shorter)}}
    with pytest.raises(InputError, match="train manifest has changed"):
        fit(Run(folder), config | {"data": data})


def test_a_finished_run_does_not_stand_for_other_data(config: Config, morse: Path) -> None:
    changing = morse / "changing.jsonl"
    lines = (morse / "train.jsonl").read_text().splitlines(keepends=True)
    changing.write_text("".join(lines))
    data = config["data"] | {"manifest": config["data"]["manifest"] | {"train": str(changing)}}
    assert train.train(config | {"data": data}, []) == 0
    changing.write_text("".join(lines[:-1]))
    with pytest.raises(InputError, match="train manifest has changed"):
        train.train(config | {"data": data}, [])


class NanLoss:
    """A loss that is not a number from a step on."""

    def __init__(self, loss: Any, first: int, last: int) -> None:
        self.loss, self.first, self.last = loss, first, last
        self.calls = 0

    def __call__(self, output: Any, batch: Batch) -> Terms:
        if torch.is_grad_enabled():
            self.calls += 1
        bad = torch.is_grad_enabled() and self.first <= self.calls <= self.last
        return {name: value * (float("nan") if bad else 1.0) for name, value in self.loss(output, batch).items()}


def test_a_loss_that_is_not_finite_stops_and_names_step_term_and_batch(config: Config, tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    recognizer = train.build(config)
    recognizer.system.loss = NanLoss(recognizer.system.loss, first=9, last=99)
    with pytest.raises(WorkError) as caught:
        train.fit(run, config, recognizer)
    assert "not finite at step 8, term ctc, batch train-0000" in str(caught.value)
    assert run.state()["state"] == "failed"
    assert torch.load(run.last, weights_only=True)["global_step"] == 6  # the last good checkpoint, of the validation
    assert all(torch.isfinite(value).all() for value in weights(run).values())


def test_a_loss_that_is_not_finite_can_be_skipped_and_counted(config: Config, tmp_path: Path) -> None:
    config = config | {"system": config["system"] | {"on_nonfinite": "skip"}}
    run = Run(tmp_path / "run")
    recognizer = train.build(config)
    recognizer.system.loss = NanLoss(recognizer.system.loss, first=9, last=10)
    train.fit(run, config, recognizer)
    assert recognizer.system.skipped_steps == 2
    assert run.curves()["train/skipped_steps"][-1] == (12, 2.0)


def test_running_out_of_memory_names_the_batch_and_the_knob(config: Config, tmp_path: Path) -> None:
    class Greedy(torch.nn.Module):
        def forward(self, batch: Batch) -> None:
            torch.empty(1 << 60)

    recognizer = train.build(config)
    recognizer.system.model = Greedy()
    recognizer.system.register_parameter("weight", torch.nn.Parameter(torch.zeros(1)))
    with pytest.raises(
        WorkError, match=r"out of memory at step 0 with a batch of 4 x \d+ frames x \d features.*batch_length"
    ):
        train.fit(Run(tmp_path / "run"), config, recognizer)


@pytest.mark.long
def test_it_learns_by_heart(config: Config, tiny: list[str], tmp_path: Path) -> None:
    """trainer=overfit: the eight examples of two batches, until each is recognized without error."""
    overrides = [word for word in tiny if not word.startswith(("trainer.", "model."))]
    narrow = ["model.channels=48", "model.blocks=4", "model.dropout=0", "optimizer.lr=5e-3", "scheduler=constant"]
    config = compose("train", [*overrides, *narrow, "trainer=overfit", "trainer.max_epochs=160"])
    run = Run(tmp_path / "run")
    fit(run, config)
    assert run.state()["dev/cer"] == 0.0
    assert run.state()["dev/wer"] == 0.0


class Pressed(Callback):
    """Somebody presses Ctrl-C as training begins, or twice after its third step."""

    def __init__(self, *, early: bool) -> None:
        self.early = early

    def on_fit_start(self, trainer: Trainer, *_: Any) -> None:
        if self.early:
            os.kill(os.getpid(), signal.SIGINT)

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if trainer.global_step == 3:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("early", [True, False])
def test_ctrl_c_that_lightning_answers_is_told_as_what_it_is(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, early: bool
) -> None:
    """Lightning would end the process with exit code 1 and without a word, and the run would be said to go on."""
    build, before = assemble.build_trainer, signal.getsignal(signal.SIGINT)

    def with_pressed(*arguments: Any) -> Trainer:
        trainer = build(*arguments)
        trainer.callbacks.insert(0, Pressed(early=early))
        return trainer

    monkeypatch.setattr(assemble, "build_trainer", with_pressed)
    run = Run(tmp_path / "run")
    try:
        with pytest.raises(Interrupted, match=r"^interrupted at once") as error:
            fit(run, with_options(config, 0))
    finally:
        signal.signal(signal.SIGINT, before)
    assert error.value.signal == signal.SIGINT
    assert ("continue with" in str(error.value)) is not early, "after two steps there is a checkpoint"
    assert run.state() == {"state": "interrupted", "step": 0 if early else 3}


def test_a_run_starts_from_the_weights_of_another(undisturbed: Run, config: Config, tmp_path: Path) -> None:
    config = config | {"init_from": str(undisturbed.folder)}
    no_steps = config | {"optimizer": config["optimizer"] | {"lr": 0.0}}
    fit(Run(tmp_path / "run"), no_steps)
    assert all(
        torch.equal(a, b)
        for a, b in zip(weights(Run(tmp_path / "run")).values(), weights(undisturbed, "best").values(), strict=True)
    )
    wider = config | {"model": config["model"] | {"channels": 24}}
    with pytest.raises(InputError, match="does not fit: give this run the feature and the model"):
        fit(Run(tmp_path / "wider"), wider)
    deaf = config | {"feature": config["feature"] | {"integrate_ms": [10, 20, 30, 40, 50]}}
    with pytest.raises(InputError, match=r"other features: set feature\.integrate_ms=\[10, 20, 40, 80, 160\]"):
        fit(Run(tmp_path / "deaf"), deaf)


def test_a_run_starts_from_a_package_as_from_the_run_that_was_packed(
    undisturbed: Run, config: Config, tmp_path: Path
) -> None:
    """From a folder and from a file: the same losses, step by step, and the same weights in the end."""
    asked = compose("export") | {"run": str(undisturbed.folder)}
    starts = [undisturbed.folder, tmp_path / "packed", tmp_path / "packed.scansion"]
    for out in starts[1:]:
        write_package(undisturbed, asked, out)
    runs = [Run(tmp_path / f"run-{number}") for number in range(3)]
    for run, start in zip(runs, starts, strict=True):
        fit(run, config | {"init_from": str(start)})
    anew = Run(tmp_path / "anew")
    fit(anew, config)
    losses = [run.curves()["train/loss"] for run in (*runs, anew)]
    assert losses[0] == losses[1] == losses[2] != losses[3]
    for run in runs[1:]:
        assert weights(run).keys() == weights(runs[0]).keys()
        assert all(torch.equal(weight, weights(runs[0])[name]) for name, weight in weights(run).items())
        began = entrant(KnownRun.open(run.folder))
        assert began.settings["init_from.model.channels"] == 16, "what it began with is known to reports"
        assert "init_from" not in began.settings
    wider = config | {"init_from": str(starts[2]), "model": config["model"] | {"channels": 24}}
    with pytest.raises(InputError, match=rf"^{starts[2]}: model\.\S+ is .* there and .* here: it does not fit"):
        fit(Run(tmp_path / "wider"), wider)
    deaf = config | {"init_from": str(starts[2]), "feature": config["feature"] | {"integrate_ms": [10, 20, 30, 40, 50]}}
    with pytest.raises(InputError, match=rf"^init_from={starts[2]}: was trained on other features: set feature"):
        fit(Run(tmp_path / "deaf"), deaf)


def test_two_processes_do_not_train_one_run(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    with run.lock(), pytest.raises(InputError, match="another process is training this run"), run.lock():
        pass
