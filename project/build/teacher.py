"""The teacher of a run that distils: rebuilt from its own folder, checked, and asked first whether it knows more.

A student that learns from one who knows less gets worse, and no error tells. So both are scored on the run's dev
manifest before anything is learned, by the same decoder and metrics.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from project import atomic
from project.build.assemble import Recognizer, settle
from project.build.bind import is_object, make, resolve
from project.build.restore import changed, open_alike, restore
from project.contract import Config, InputError
from project.metric.direction import shortfall
from project.run import Run

if TYPE_CHECKING:
    from project.system.base import System


UNTRAINED = "the untrained student"


@dataclass(frozen=True, slots=True)
class Standing:
    """What teacher and student could do on dev before the student learned from it."""

    metric: str
    better: str  # lower, higher, one
    teacher: float
    student: float
    run: str  # the teacher's folder
    who: str  # which student that was
    is_weak: bool  # whether the teacher is worse

    @property
    def line(self) -> str:
        """As it is told at the start of a run."""
        note = ": worse, and learned from all the same (weak_teacher)" if self.is_weak else ""
        note += "; name student=<a run of it alone> for a fair comparison" if self.who == UNTRAINED else ""
        return f"teacher  {self.run}: {self.figures}{note}"

    @property
    def figures(self) -> str:
        """Both figures, in words."""
        return f"dev {self.metric} {self.teacher:.4f}, {self.student:.4f} of {self.who}"

    def keep(self, folder: Path) -> None:
        """Write it down in a run's folder."""
        from project.callbacks.outgrown import TEACHER

        atomic.write(folder / TEACHER, json.dumps(asdict(self), indent=1) + "\n")


def restore_teacher(config: Config) -> Recognizer | None:
    """The recognizer that `teacher` names, with its best weights and this run's decoder; None where nobody teaches.

    It settles the process as that run was settled: settle it anew for the student.
    """
    folder, is_wanted = config.get("teacher"), asks_for_teacher(config["loss"])
    if folder and not is_wanted:
        raise InputError(f"teacher={folder}: this loss learns from nobody: set loss=distill weighting=distill")
    if is_wanted and not folder:
        raise InputError("teacher is missing: this loss learns from a trained run: set teacher=<run folder>")
    if not folder and config.get("student"):
        raise InputError(f"student={config['student']}: there is no teacher to compare it with: set teacher, too")
    return _restored("teacher", config) if folder else None


def asks_for_teacher(node: Any) -> bool:
    """Whether an object of a configuration, or one that it is made of, names a teacher in its signature."""
    if isinstance(node, list):
        return any(asks_for_teacher(value) for value in node)
    if not isinstance(node, Mapping):
        return False
    own = is_object(node) and "teacher" in inspect.signature(resolve(node["_target_"], "loss")).parameters
    return own or any(asks_for_teacher(value) for value in node.values())


def compare(config: Config, recognizer: Recognizer) -> Standing | None:
    """Both on dev before anything is learned; a teacher that is worse is refused, unless `weak_teacher`.

    The student is the run that `student` names, or else what this run begins with: `init_from`, or random weights.
    """
    if recognizer.teacher is None:
        return None
    student = recognizer.system
    who = f"init_from={config['init_from']}" if config["init_from"] else UNTRAINED
    if config.get("student"):
        student, who = _restored("student", config).system, f"student={config['student']}"
        settle(config)
    metric = next(iter(recognizer.system.metrics.values()))
    theirs, mine = (_figure(one, config, recognizer) for one in (recognizer.teacher.system, student))
    is_weak = not shortfall(theirs, metric.better) <= shortfall(mine, metric.better)  # also one that is not a number
    standing = Standing(metric.name, metric.better, theirs, mine, str(config["teacher"]), who, is_weak)
    if is_weak and not config.get("weak_teacher"):
        raise InputError(
            f"teacher={standing.run}: it is worse than the student, {standing.figures}: choose a better one, or learn "
            "from it all the same with weak_teacher=true"
        )
    return standing


def _restored(key: str, config: Config) -> Recognizer:
    run = open_alike(key, config)
    _require_alphabet(key, run, config)
    return restore(run, changed(run.config(), decode=config["decode"], threads=config["threads"]))


def _require_alphabet(key: str, run: Run, config: Config) -> None:
    from project.text.alphabet import Alphabet

    theirs, ours = Alphabet.load(run.alphabet_file), make(config["text"], "text").alphabet
    if theirs.hash != ours.hash:
        raise InputError(
            f"{key}={run.folder}: it writes another alphabet, {len(theirs.symbols)} symbols and {len(ours.symbols)} "
            f"here: set text.symbols={run.alphabet_file}"
        )


def _figure(system: System, config: Config, recognizer: Recognizer) -> float:
    """The run's first metric of a system on the run's dev manifest; of as many batches as the run validates on."""
    import torch

    metric = next(iter(recognizer.system.metrics.values()))
    batches = recognizer.data.scoring_loader(recognizer.data.manifest("dev"))
    limit = config["trainer"].get("limit_val_batches", 1.0)
    is_on_gpu = config["trainer"].get("accelerator") != "cpu" and torch.cuda.is_available()
    device = torch.device("cuda" if is_on_gpu else "cpu")
    modes = {module: module.training for module in system.modules()}
    system.eval().to(device)
    columns: dict[str, list[float]] = {}
    with torch.no_grad():
        for batch in islice(batches, limit if isinstance(limit, int) else None):
            _, hypotheses = system.predict(batch.to(device))
            for reference, hypothesis in zip(batch.references, hypotheses, strict=True):
                for name, value in metric.score(reference, hypothesis).items():
                    columns.setdefault(name, []).append(value)
    for module, is_training in modes.items():
        module.training = is_training
    if not columns:
        raise InputError("teacher: nothing of dev is scored to compare it by: give trainer.limit_val_batches 1 or more")
    return metric.summarize(columns)[metric.name]
