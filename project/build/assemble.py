"""From a plain configuration to the parts of an experiment, in the one order in which each can be built.

text -> feature -> data -> loss -> model -> adapter -> weighting -> decoder -> metrics -> system -> callbacks, loggers
-> trainer
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from project.build.bind import check, is_object, make, resolve
from project.build.ignorance import BestGuess, ignorance_of
from project.build.memory import keep_freed
from project.build.strategy import equip, ranks_of, require, strategy_for, trainer_of
from project.contract import Config, InputError

if TYPE_CHECKING:
    from lightning.pytorch import Trainer

    from project.data.module import DataModule
    from project.part import Feature, Notation
    from project.run import Run
    from project.system.base import System

# Constructor arguments that other parts decide: whoever names one in its signature gets it, YAML does not set it.
OFFERS: Mapping[str, tuple[str, ...]] = {
    "text": ("saved",),
    "feature": (),
    "data": ("feature", "spelling"),
    "model": ("num_features", "num_symbols", "sum_frames", "alphabet", "columns", "base_rate", "architecture"),
    "adapter": (),
    "loss": ("teacher", "num_symbols"),
    "weighting": ("model", "prior_losses"),
    "decode": ("alphabet",),
    "metric": ("alphabet",),
    "system": ("model", "loss", "weighting", "decoder", "metrics", "optimizer", "schedule"),
    "optimizer": (),
    "scheduler": ("total_steps",),
    "callbacks": ("folder",),
    "logger": ("save_dir", "run_name"),
    "trainer": ("callbacks", "logger", "default_root_dir"),
    "launcher": (),
    "search": (),
}

# Warnings of libraries that say nothing about a run: what each is about, in its own words.
QUIET = (
    ".*does not have many workers.*",
    ".*smaller than the logging interval.*",
    ".*isinstance.treespec, LeafSpec.* is deprecated.*",
    ".*training_step. returned .None.*",  # on_nonfinite=skip means it
    ".*module.s. in eval mode at the start of training.*",  # what does not learn rests on purpose
    ".*find_unused_parameters=True was specified.*",  # some models' steps do not reach every weight, others' do
    ".*.srun. command is available on your system but is not used.*",
    ".*sync_dist=True.*when logging on epoch level.*",  # our figures are gathered before they are logged
)


@dataclass(frozen=True, slots=True)
class Recognizer:
    """What training and evaluation share: everything but the trainer and its surroundings."""

    spelling: Notation
    feature: Feature
    data: DataModule
    system: System
    steps: int  # optimizer updates of the whole run; 0 where nothing trains
    teacher: Recognizer | None = None  # whom it learns from; only where it trains


def check_experiment(config: Config) -> int:
    """Bind every object of a configuration before anything is built; how many there are."""
    if not config.get("metric"):
        raise InputError("metric: none is chosen, so nothing would be scored: choose one, such as metric=wer")
    precision = str(config.get("trainer", {}).get("precision"))
    if precision in {"bf16-true", "16-true"}:
        raise InputError(f"trainer.precision={precision}: losses and norms need float32: give bf16-mixed or 16-mixed")
    return sum(check(config[group], group, offers) for group, offers in OFFERS.items() if group in config)


def build_recognizer(
    config: Config,
    *,
    training: bool,
    teacher: Recognizer | None = None,
    run: Run | None = None,
) -> Recognizer:
    """The parts that a configuration describes; optimizer, schedule and perhaps a teacher only for training.

    `run`: where it wrote down what a model was made from that began with weights of others, and the tokenizer that its
    text is cut with: none of these need be there now.
    """
    if training:
        require(config)
    architecture = run.architecture() if run else None
    saved = str(run.alphabet_file) if run and run.alphabet_file.is_file() else None
    spelling = make(config["text"], "text", saved=saved)
    feature = make(config["feature"], "feature")
    made_anew = {} if training else {"fresh": None}  # whoever only recognizes needs nothing of what it learned from
    data = make(config["data"] | made_anew, "data", feature=feature, spelling=spelling)
    sizes = {"num_features": feature.num_features, "num_symbols": len(spelling.alphabet)}
    pupil = {"teacher": teacher.system if teacher else None, "num_symbols": sizes["num_symbols"]}
    loss = make(config["loss"], "loss", **pupil)
    ignorance = ignorance_of(loss, data) if training else BestGuess()
    known = {"columns": getattr(feature, "columns", {}), "sum_frames": getattr(feature, "sum_frames", ())}
    known |= {"alphabet": spelling.alphabet, "base_rate": ignorance.base_rate, "architecture": architecture}
    require_level(config["model"], "model", feature.settings.get("level"))
    model = make(config["model"], "model", **sizes, **known)
    require_wave(model, feature)
    if config.get("adapter"):
        make(config["adapter"], "adapter")(model)
    data.equal_lengths = bool(getattr(model, "mixes_padding", False))
    priors = ignorance.losses(model, loss)
    parts = {
        "model": model,
        "loss": loss,
        "weighting": make(config["weighting"], "weighting", model=model, prior_losses=priors),
        "decoder": make(config["decode"], "decode", alphabet=spelling.alphabet),
        "metrics": make(config["metric"], "metric", alphabet=spelling.alphabet),
    }
    if training:
        require_teaching(model, config)
    steps, learning = learning_parts(config, model, data) if training else (0, {})
    require_writer(model, config)
    system = make(config["system"], "system", **parts, **learning)
    system.normalize = getattr(spelling, "normalize", None)
    ignorance.tell(system)
    if training:
        equip(system, config)
    return Recognizer(spelling, feature, data, system, steps, teacher)


def learning_parts(config: Config, model: Any, data: DataModule) -> tuple[int, dict[str, Any]]:
    """How many updates of the weights a run makes, and what makes them; nothing where a model has no weights."""
    if not any(parameter.requires_grad for parameter in model.parameters()):
        return 0, {}
    trainer = trainer_of(config)
    if config.get("batches_per_step"):
        data.accumulate = trainer["accumulate_grad_batches"]
    steps = total_steps(trainer, data)
    if steps < 1:
        raise InputError("epochs=0 leaves a model with weights untrained: give at least 1")
    optimizer = make(config["optimizer"] | {"_partial_": True}, "optimizer")
    schedule = make(config["scheduler"], "scheduler", total_steps=schedule_steps(trainer, data))
    return steps, {"optimizer": optimizer, "schedule": schedule}


def require_level(node: Any, path: str, level: str | None) -> None:
    """Refuse sound at another level than published weights were taught on, wherever below a node they are asked for."""
    if not isinstance(node, Mapping):
        return
    wanted = getattr(resolve(node["_target_"], path), "level", None) if is_object(node) else None
    if wanted and node.get("init") == "pretrained" and level != wanted:
        raise InputError(
            f"feature.level={level}: the published weights of {path} know sound at its own level: set "
            f"feature.level={wanted}"
        )
    for key, value in node.items():
        require_level(value, f"{path}.{key}", level)


def require_wave(model: Any, feature: Feature) -> None:
    """Refuse frames of anything else where a model hears sound itself: it would take the first number of each."""
    if getattr(model, "hears", None) == "wave" and (feature.num_features, feature.num_frames(1.0)) != (1, 16000):
        raise InputError(
            f"feature: {type(model).__name__} hears sound at 16 kHz, and this gives something else of it: set "
            "feature=samples"
        )


def require_writer(model: Any, config: Config) -> None:
    """Refuse parts that know nothing of tokens beside a model that writes them."""
    wanted = {"system": "SttSystem", "loss": "TokenLoss"} if getattr(model, "writes", None) == "tokens" else {}
    for group, name in wanted.items():
        if not str(config[group].get("_target_", "")).endswith(f".{name}"):
            raise InputError(
                f"{group}: {type(model).__name__} writes token by token, which this knows nothing of: set system=stt "
                "loss=token weighting=token"
            )


def require_teaching(model: Any, config: Config) -> None:
    """Refuse heads that the loss does not teach; one that another run has taught may stay as it is."""
    if getattr(model, "auxiliary_head", None) is not None and not says(config["loss"], "hears_auxiliary"):
        raise InputError("model.auxiliary=true: this loss does not teach that head: set loss=ctc_vac weighting=vac")
    if getattr(model, "keep_pace", None) is None or says(config["loss"], "teaches_pace"):
        return
    if not config.get("init_from"):
        raise InputError(
            "model: it wants to know how fast is sent, which this loss does not teach: set loss=ctc_paced "
            "weighting=paced, or begin with a run that has learned it: init_from=<run>"
        )
    model.keep_pace()


def says(loss: Any, what: str) -> bool:
    """Whether a loss, or one that it is made of, says something of itself."""
    if not isinstance(loss, Mapping):
        return False
    own = is_object(loss) and getattr(resolve(loss["_target_"], "loss"), what, False)
    return own or any(says(value, what) for value in loss.values())


def total_steps(trainer: Mapping[str, Any], data: DataModule) -> int:
    """Optimizer updates of a whole run, known before it starts."""
    if trainer.get("max_steps", -1) > 0:
        return int(trainer["max_steps"])
    batches = data.train_batches(ranks_of(trainer))
    limit = trainer.get("overfit_batches") or trainer.get("limit_train_batches", 1.0)
    batches = min(batches, int(limit)) if isinstance(limit, int) else max(1, int(batches * limit))
    updates = -(-batches // trainer.get("accumulate_grad_batches", 1))
    return int(updates * trainer["max_epochs"])


def schedule_steps(trainer: Mapping[str, Any], data: DataModule) -> int:
    """Where schedules end: with the run, or where it would end if it were not cut to a few batches to try it out."""
    whole = {"overfit_batches": 0.0, "limit_train_batches": 1.0}
    is_cut = trainer.get("overfit_batches") or isinstance(trainer.get("limit_train_batches", 1.0), int)
    return total_steps({**trainer, **whole} if is_cut else trainer, data)


def build_trainer(config: Config, folder: Path, run_name: str) -> Trainer:
    """Lightning's Trainer with the run's callbacks and loggers; all it writes is below the run's folder."""
    callbacks = make(config["callbacks"], "callbacks", folder=str(folder / "checkpoints"))
    loggers = make(config["logger"], "logger", save_dir=str(folder), run_name=run_name)
    if not any(type(logger).__name__ == "CsvLogger" for logger in loggers.values()):
        raise InputError("logger: metrics.csv is always written: keep csv beside other loggers")
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False}
    node = {"profiler": {"_target_": "project.callbacks.untimed.Untimed"}, **trainer_of(config), **quiet}
    node |= {"num_sanity_val_steps": 0, "strategy": strategy_for(node)}
    watching = [callback for callback in callbacks.values() if callback is not None]
    if node.get("check_val_every_n_epoch") and node.get("max_epochs", -1) > 0:
        node["check_val_every_n_epoch"] = validation_interval(node["check_val_every_n_epoch"], node["max_epochs"])
    return make(  # type: ignore[no-any-return]
        node, "trainer", callbacks=watching, logger=list(loggers.values()), default_root_dir=str(folder)
    )


def validation_interval(wanted: int, epochs: int) -> int:
    """The largest number of epochs, up to the one wanted, after which the last epoch is validated too.

    >>> validation_interval(5, 30), validation_interval(5, 12), validation_interval(5, 1)
    (5, 4, 1)
    """
    return next(interval for interval in range(min(wanted, epochs), 0, -1) if epochs % interval == 0)


def settle(config: Config) -> None:
    """Process-wide settings: memory, threads, seed, and the warnings that say nothing about the run."""
    import torch
    from lightning.pytorch import seed_everything

    keep_freed()
    if threading.current_thread() is threading.main_thread():
        torch.set_num_threads(config.get("threads") or 1)
    seed_everything(config["seed"], verbose=False)
    torch.set_float32_matmul_precision("high")
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("lightning.pytorch.profilers").setLevel(logging.INFO)  # trainer=profile was asked for
    for message in QUIET:
        warnings.filterwarnings("ignore", message=message)
