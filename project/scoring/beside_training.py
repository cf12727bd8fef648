"""Reports of a run beside its training: of the model without its adapter before, and of what was learned after.

What an adapter is put beside does not change while it learns, so a Report of that is made once for all runs that begin
with the same weights and learn from the same data: it is found again by their fingerprints.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import torch

from project.build.compose import compose
from project.build.fingerprint import UNADAPTED, fingerprint
from project.contract import Config, InputError
from project.evaluation.protocol import hash_code
from project.moved import renamed
from project.part import Adapted
from project.run import Run
from project.scoring.reports import reports, reports_of, require_scorable

if TYPE_CHECKING:
    from project.build.assemble import Recognizer

PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")  # others change the weights themselves, which are to learn yet
_KEPT = ".baselines"  # below the folder of runs


def require(config: Config, recognizer: Recognizer) -> None:
    """Refuse, before a folder is made, what could not be scored: manifests that are not there, a model as it is."""
    precision = config["evaluate"].get("precision")
    if precision is not None and precision not in PRECISIONS:
        raise InputError(f"evaluate.precision={precision}: choose from {', '.join(PRECISIONS)}, or null for training's")
    for manifest in manifests_of(config):
        require_scorable(manifest, config, recognizer)
    if config["evaluate"]["before"] and not isinstance(recognizer.system.model, Adapted):
        raise InputError(
            "evaluate.before=true: this model has no adapter to leave out: evaluate the run that it begins with, and "
            "set evaluate.before=false"
        )


def before(run: Run, config: Config, recognizer: Recognizer) -> None:
    """Score the model without its adapter on each manifest of `evaluate.manifests`, unless it is known how it does."""
    from project.adapter.lora import disabled

    if not config["evaluate"]["before"]:
        return
    shelf = Path(config["runs"]) / config["family"] / _KEPT / _name(config, recognizer)
    with disabled(recognizer.system.model):
        for manifest in manifests_of(config):
            _score_before(run, config, recognizer, manifest, shelf)


def _score_before(run: Run, config: Config, recognizer: Recognizer, manifest: str, shelf: Path) -> None:
    from project.data.manifest import Manifest

    kept = shelf / Manifest.open(manifest).hash
    if not kept.is_dir():
        trainer = {**config["trainer"], "precision": precision_of(config)}
        own = {**config, "adapter_off": True, "trainer": trainer}
        shelf.mkdir(parents=True, exist_ok=True)
        for report in reports_of(recognizer, run, own, _asked(run, config, manifest)):
            with TemporaryDirectory(dir=shelf, prefix=".part") as part:
                made = report.save(part)
                with suppress(OSError):  # another run that began at the same time has made it meanwhile
                    made.replace(kept)
    _copy(kept, run, manifest)


def _copy(kept: Path, run: Run, manifest: str) -> None:
    """A Report of the same weights, as one of this run's own."""
    from project.evaluation.result import load

    report = load(kept)
    named = replace(report, run=run.name, info={**report.info, "manifest": manifest})
    named.save(run.reports)
    figure = named.metrics[named.primary]
    print(f"before   {named.primary} {figure:.4f} on {manifest}, without adapter", file=sys.stderr)


def after(run: Run, config: Config) -> list[Path]:
    """Score what was learned on each manifest of `evaluate.manifests`; where that is done already nothing is.

    So too without the adapter, where that was asked for only when the run had begun.
    """
    made: list[Path] = []
    if not manifests_of(config):
        return made  # a run that never validated has no weights to speak of, which is no error
    for adapter in ("disabled", None) if config["evaluate"]["before"] else (None,):
        done = set(_done(run, adapter, precision_of(config)))
        for one in manifests_of(config):
            if (key := _key(one)) not in done:
                done.add(key)
                asked = _asked(run, config, one) | {"adapters": adapter}
                made += [report.save(run.reports) for report in reports(run, asked)]
    return made


def _done(run: Run, adapter: str | None, precision: str) -> Iterator[str]:
    """Manifests that the run's best weights were scored on in that arithmetic, as it decodes by itself, by the hash of
    their content.
    """
    from project.build.restore import hash_checkpoint

    weights, decode = hash_checkpoint(run), run.config()["decode"]
    for file in sorted(run.reports.glob("*/report.json")):
        content = json.loads(file.read_text(encoding="utf-8"))
        info = content.get("info", {})
        theirs = str(info.get("weights"))
        is_meant = theirs.startswith(UNADAPTED) if adapter == "disabled" else theirs == weights
        is_meant &= str(content["protocol"]["precision"]).startswith(f"{precision} on ")
        if is_meant and renamed(info.get("decode")) == decode:
            yield str(content["protocol"]["manifest_hash"])


def _key(manifest: str) -> str:
    from project.data.manifest import Manifest

    return Manifest.open(manifest).hash


def manifests_of(config: Config) -> list[str]:
    """What `evaluate.manifests` names, a list or a single one."""
    asked: Any = config["evaluate"]["manifests"]
    return [asked] if isinstance(asked, str) else list(asked or [])


def _asked(run: Run, config: Config, manifest: str) -> Config:
    """What `scansion evaluate` would be asked."""
    accelerator = str(config["trainer"].get("accelerator", "cpu"))
    device = {"cpu": "cpu", "auto": "auto"}.get(accelerator, "gpu")
    asked = compose("evaluate", [f"device={device}", f"threads={config['threads']}", "print_samples=0"])
    asked |= {"run": str(run.folder), "precision": precision_of(config)}
    return asked | {"data": {"manifest": manifest}, "workers": config["data"]["workers"]}


def precision_of(config: Config) -> str:
    """The arithmetic that these Reports are made in."""
    return str(config["evaluate"].get("precision") or config["trainer"]["precision"])


def _name(config: Config, recognizer: Recognizer) -> str:
    """What a Report without adapter is a function of, beside the manifest: weights, settings and the code itself.

    What is learned from is among them: a Report says whether any of its examples were.
    """
    keys = ("text", "feature", "decode", "metric", "system")
    settings: dict[str, Any] = {key: config[key] for key in keys}
    settings |= {"model": {key: value for key, value in config["model"].items() if key not in ("init", "source")}}
    settings |= {"training": recognizer.data.training.hash, "equal_lengths": recognizer.data.equal_lengths}
    settings |= {"accelerator": config["trainer"].get("accelerator"), "precision": precision_of(config)}
    settings |= {"gpu": torch.cuda.is_available()}  # what accelerator=auto comes to
    batching = config["data"]["batching"]
    settings |= {key: batching[key] for key in ("batch_length", "max_batch_size", "round_frames")}
    settings |= {"budgets": batching["budgets"]} if batching.get("budgets") else {}
    settings |= {"code": hash_code(Path(__file__).parents[1])}
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]
    return f"{fingerprint(recognizer.system.model).removeprefix(UNADAPTED)}-{digest}"
