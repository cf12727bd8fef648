"""scansion evaluate: a run scored under a Protocol, rebuilt from its own folder and from nothing else."""

from __future__ import annotations

import datetime
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from project.build.compose import Config, app
from project.contract import Example, InputError
from project.run import Run, code_state

if TYPE_CHECKING:
    from project.build.assemble import Recognizer
    from project.data.manifest import Manifest
    from project.evaluation.protocol import Protocol
    from project.evaluation.result import Report, Row
    from project.system.base import Scored


def evaluate(config: Config, words: list[str]) -> int:
    """Score, save the Report in the run's folder, print it; the folder of the Report is the last line."""
    from rich.console import Console

    from project.evaluation.comparison import compare
    from project.evaluation.table import terminal

    run = Run.open(config["run"])
    report = score(run, config)
    folder = report.save(run.reports)
    console = Console(stderr=True)
    for row in report.rows[: config["print_samples"]]:
        console.print(f"{row.id}\n  wanted      {row.reference}\n  recognized  {row.hypothesis}", markup=False)
    console.print(terminal(compare([report])))
    print(folder)
    return 0


def score(run: Run, config: Config) -> Report:
    """The Report of a run under the changes that `evaluate` allows: manifest, decode, precision, device."""
    from project.build.restore import changed, restore
    from project.data.manifest import Manifest
    from project.evaluation.estimate import make_report

    use = {key: config[key] for key in ("decode", "precision", "threads", "workers")}
    own = changed(run.config(), **use)
    recognizer = restore(run, own, config["checkpoint"])
    pattern = config["data"]["manifest"]
    manifest = Manifest.open(pattern) if pattern else _own_manifest(recognizer)
    part = manifest.select(range(min(config["max_samples"], len(manifest)))) if config["max_samples"] else manifest
    precision = own["trainer"]["precision"]
    started = time.perf_counter()
    scored = predict(recognizer, part, precision, config["device"])
    seconds = time.perf_counter() - started
    info = {"seconds": round(seconds, 3), "checkpoint": config["checkpoint"], "decode": own["decode"]}
    if part.unit == "seconds":
        info |= {"length_unit": "s", "real_time_factor": round(float(part.lengths.sum()) / seconds, 1)}
    return make_report(
        protocol=protocol_of(recognizer, part, len(manifest), precision),
        run=run.name,
        metrics=list(recognizer.system.metrics.values()),
        rows=rows_of(part, scored),
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        info=info,
        num_resamples=config["resamples"],
    )


def _own_manifest(recognizer: Recognizer) -> Manifest:
    """The manifest that the experiment kept for this: test, or dev where there is none."""
    try:
        return recognizer.data.manifest("test")
    except InputError:
        print("no test manifest in this experiment: scoring its dev manifest", file=sys.stderr)
        return recognizer.data.manifest("dev")


def predict(recognizer: Recognizer, manifest: Manifest, precision: str, device: str) -> Mapping[str, Scored]:
    """Every example of a manifest scored once, by the same steps as validation in training; id -> scored."""
    from lightning.pytorch import Trainer

    trainer = Trainer(
        accelerator=device, devices=1, precision=precision, logger=False, enable_checkpointing=False,  # type: ignore[arg-type]
        enable_model_summary=False, enable_progress_bar=sys.stderr.isatty(), use_distributed_sampler=False,
    )  # fmt: skip
    loader = recognizer.data.scoring_loader(manifest)
    trainer.validate(recognizer.system, dataloaders=loader, verbose=False)
    return {row.id: row for row in recognizer.system.scored}


def rows_of(manifest: Manifest, scored: Mapping[str, Scored]) -> list[Row]:
    """Scored examples as rows of a Report, in the manifest's order."""
    from project.evaluation.result import Row, plain_meta

    def row(example: Example) -> Row:
        found = scored[example.id]
        text, columns = found.hypothesis.text, found.columns
        who = example.group, example.length, found.hypothesis.score
        return Row(example.id, found.reference, text, *who, columns, example.media, plain_meta(example.meta))

    return [row(manifest[index]) for index in range(len(manifest))]


def protocol_of(recognizer: Recognizer, part: Manifest, num_listed: int, precision: str) -> Protocol:
    """What must be equal before these figures are compared with others."""
    from project.evaluation.protocol import Protocol, coverage, hash_ids

    code: dict[str, Any] = code_state()
    version = [str(code["version"]), str(code.get("commit", ""))[:12], str(code.get("difference", ""))]
    return Protocol(
        manifest_hash=part.hash,
        manifest_ids_hash=hash_ids(part[index].id for index in range(len(part))),
        num_examples=len(part),
        coverage=coverage(len(part), num_listed),
        audio=recognizer.feature.settings,
        text={"normalize": recognizer.spelling.settings["normalize"]},
        alphabet_hash=recognizer.spelling.alphabet.hash,
        decode=recognizer.system.decoder.settings,
        adapter="none",
        precision=precision,
        code_version="+".join(part for part in version if part),
    )


main = app("evaluate", evaluate)

if __name__ == "__main__":
    main()
