"""Weights & Biases beside metrics.csv: one W&B run for each run, the same one after a stop.

Offline unless somebody is logged in or says otherwise. It never asks, waits for a server only so long, and whatever
happens to W&B, training goes on: what could not be sent lies in the run's folder. It does not know what is trained.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import logging
import math
import os
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import yaml
from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.utilities import rank_zero_only

from project import atomic
from project.contract import InputError
from project.logger.wandb_account import logged_in
from project.logger.wandb_outbox import audio_of, kept_in, make_clip, pinned
from project.metrics_file import METRICS, MetricsFile

log = logging.getLogger("scansion")

IDENTITY = "wandb.json"  # in a run's folder: which W&B run it is
AXIS = "step"  # of every curve: updates of the weights; W&B's own step only counts the rows sent
EXAMPLES = "examples"  # the table of decoded examples
INIT_SECONDS = 15.0  # until a server has answered
FINISH_SECONDS = 10.0  # for what is still to be sent at the end: a job that is stopped has little time left
UPLOAD_SECONDS = 600  # for checkpoints, where they were asked for
KNOWN_BY = ("config.yaml", "alphabet.json", "architecture.json", "data.json")  # with checkpoints these are a run folder

Send = Callable[[Any], object]


class WandbRun(Logger):
    """A W&B run; `mode=auto` is online only with an account on this machine.

    What is sent at the start, and which sweep the run is a point of, stands in the run's folder by then.
    """

    def __init__(
        self,
        save_dir: str,
        project: str = "scansion",
        mode: Literal["auto", "online", "offline"] = "auto",
        entity: str | None = None,
        tags: list[str] | None = None,
        checkpoints: Literal[False, "best", "all"] = False,
        run_name: str | None = None,
    ) -> None:
        super().__init__()
        if importlib.util.find_spec("wandb") is None:
            raise InputError("logger=wandb: the package wandb is missing: pip install 'scansion[wandb]'")
        if mode == "online" and not logged_in():
            raise InputError("logger.wandb.mode=online: no account here, or WANDB_MODE=offline: run `wandb login`")
        self._folder = Path(save_dir)
        self._project, self._entity = project, entity
        self._is_online = mode == "online" or (mode == "auto" and logged_in())
        self._tags = list(tags or [])
        self._checkpoints = checkpoints
        self._run_name = run_name
        self._run: Any = None  # from the first thing logged to the end of training
        self._is_lost = False  # W&B cannot even write to a file

    @property
    def name(self) -> str:
        return self._project

    @property
    def version(self) -> str:
        return str(self._known().get("id", ""))

    @property
    def save_dir(self) -> str:
        return str(self._folder)

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | argparse.Namespace, *args: Any, **kwargs: Any) -> None:
        """Nothing: the run's whole configuration is sent when it begins."""

    @rank_zero_only
    def rewind(self, step: int) -> None:
        """A resumed run writes the lines after this step again, with equal values: W&B cannot drop them, nor need it.

        It begins here, before anything is drawn that a line of its own would tear.
        """
        self._send(lambda run: None)

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """One row of curves."""
        self._send(lambda run: run.log({**metrics, AXIS: step}))

    @rank_zero_only
    def log_examples(self, rows: Sequence[Mapping[str, Any]], step: int) -> None:
        """A table of decoded examples; where its medium is a sound, each with its beginning to listen to."""
        with kept_in(self._data):
            self._send(lambda run: run.log({EXAMPLES: self._table(rows), AXIS: step}))

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """The end of training: nothing stays open, so that the next point of a sweep has a W&B run of its own."""
        if self._run is not None and status == "success":
            with kept_in(self._data):
                self._send(self._conclude)
        run, self._run = self._run, None
        if run is None:
            return
        try:
            run.finish(exit_code=0 if status == "success" else 1)
        except Exception as error:  # any: a server that died, or W&B's own process
            folder = Path(run.dir).parent
            tell(f"W&B has not got everything ({_short(error)}): send the rest later with: wandb sync {folder}")

    # Sending: whatever goes wrong there is told once, and training goes on.

    def _send(self, what: Send) -> None:
        if self._is_lost:
            return
        try:
            what(self._opened())
        except Exception as error:  # any: W&B runs in a process of its own, which may end at any moment
            self._go_on_offline(what, error)

    def _go_on_offline(self, what: Send, error: Exception) -> None:
        import wandb

        was_online, self._is_online, self._run = self._is_online, False, None
        if was_online:
            tell(f"W&B cannot be reached ({_short(error)}): this run goes on offline, below {self._folder / 'wandb'}")
        with suppress(Exception):  # its process may be what broke down
            wandb.teardown()  # otherwise the id would be taken
        try:
            what(self._opened())
        except Exception as again:
            self._is_lost = True
            tell(f"W&B is left out from here on ({_short(again)}): metrics.csv has everything")

    def _opened(self) -> Any:
        if self._run is None:
            self._run = self._begin()
        return self._run

    def _begin(self) -> Any:
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # it would wait for a dead server at the very end
        import wandb

        known = self._claimed()
        settings = wandb.Settings(
            init_timeout=INIT_SECONDS, finish_timeout=FINISH_SECONDS, finish_timeout_raises=True,
            console="off", silent=True, disable_git=True, save_code=False,
        )  # fmt: skip
        run = wandb.init(
            project=known["project"], entity=known["entity"], id=known["id"], group=known["group"],
            name=self._run_name, tags=self._tags, config=self._config(), dir=str(self._folder), resume="allow",
            mode="online" if self._is_online else "offline", reinit="create_new", settings=settings,
        )  # fmt: skip
        run.define_metric(AXIS, hidden=True)
        run.define_metric("*", step_metric=AXIS)
        if self._is_online:
            tell(f"W&B      {run.url}")
        return run

    # Which W&B run it is.

    def _known(self) -> dict[str, Any]:
        file = self._folder / IDENTITY
        return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}

    def _claimed(self) -> dict[str, Any]:
        """The id that this run has in its W&B project, written down before it is used; it stays in its group."""
        known = self._known()
        if (known.get("project"), known.get("entity")) != (self._project, self._entity):
            sweep = self._config().get("part_of")
            group = Path(sweep).name if sweep else None
            known = {"id": secrets.token_hex(4), "project": self._project, "entity": self._entity, "group": group}
            self._folder.mkdir(parents=True, exist_ok=True)
            atomic.write(self._folder / IDENTITY, json.dumps(known, indent=1) + "\n")
        return known

    def _config(self) -> dict[str, Any]:
        """The configuration of this start, as it stands in the run's folder."""
        files = (self._folder / name for name in ("launch.yaml", "config.yaml"))
        file = next((file for file in files if file.is_file()), None)
        return dict(yaml.safe_load(file.read_text(encoding="utf-8"))) if file else {}

    # What is more than a number.

    @property
    def _data(self) -> Path:
        return self._folder / "wandb" / "data"

    def _table(self, rows: Sequence[Mapping[str, Any]]) -> Any:
        import wandb

        columns = [name for name in (rows[0] if rows else {}) if name not in {"media", AXIS}]
        clips = [make_clip(row["media"], self._data / "sounds") if row.get("media") else None for row in rows]
        heard = [audio_of(clip) if clip else None for clip in clips]
        data = [[row[name] for name in columns] for row in rows]
        if any(heard):
            data = [[*cells, sound] for cells, sound in zip(data, heard, strict=True)]
        return wandb.Table(columns=[*columns, *(["sound"] if any(heard) else [])], data=data)

    def _conclude(self, run: Any) -> None:
        """What is known when all is done: the best figure, and the checkpoints if they were asked for."""
        run.summary.update(self._best())
        if not self._checkpoints:
            return
        import wandb

        folder = self._folder / "checkpoints"
        files = sorted(folder.glob("*.ckpt")) if self._checkpoints == "all" else [folder / "best.ckpt"]
        artifact = wandb.Artifact(f"checkpoints-{run.id}", type="model", metadata={"run": self._run_name})
        for file in (file for file in files if file.is_file()):
            kept = pinned(file, self._data / "checkpoints")
            artifact.add_file(str(kept), name=f"checkpoints/{file.name}", policy="immutable")
        for name in KNOWN_BY:
            if (self._folder / name).is_file():
                artifact.add_file(str(self._folder / name), name=name)
        logged = run.log_artifact(artifact)
        if self._is_online:
            logged.wait(timeout=UPLOAD_SECONDS)

    def _best(self) -> dict[str, float]:
        """`best/<figure>` by which the best checkpoint was chosen, and at which step: from metrics.csv, all of it."""
        node = self._config().get("callbacks", {}).get("checkpoint") or {}
        name, choose = node.get("monitor"), max if node.get("mode") == "max" else min
        curve = MetricsFile(self._folder / METRICS).read().get(str(name), ())
        finite = [(value, at) for at, value in curve if math.isfinite(value)]
        if not finite:
            return {}
        value, at = choose(finite, key=lambda point: point[0])  # of equal ones the first, as with checkpoints
        return {f"best/{name}": value, f"best/{AXIS}": float(at)}


def tell(line: str) -> None:
    """A line that a person should see, which also stands in train.log."""
    log.info(line)
    print(line, file=sys.stderr)


def _short(error: Exception) -> str:
    """An error in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]
