"""From a run's folder to its Reports: a manifest scored under a Protocol, with what was seen on the way.

`scansion evaluate` asks for them, and `scansion train` where an experiment wants them before and after training.
"""

from __future__ import annotations

import datetime
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, TypeAlias

from project.build.assemble import Recognizer
from project.build.fingerprint import fingerprint
from project.build.restore import changed, hash_checkpoint, restore
from project.contract import Config, Example, InputError
from project.data.manifest import Manifest
from project.environment import code_state
from project.evaluation.emission_store import keep
from project.evaluation.estimate import make_report
from project.evaluation.protocol import Protocol, adapter_state, coverage, hash_code, hash_ids, sound_and_feature
from project.evaluation.references import References, count_references
from project.evaluation.result import Report, Row, check_rows, plain_meta
from project.part import Adapted
from project.run import Run
from project.scoring.findings import diagnosed
from project.scoring.other_metrics import other_metrics, shelf
from project.scoring.predictions import Job, Outcome
from project.scoring.request import check_request
from project.system.base import Scored
from project.text.spelling import Spelling
from project.text.subwords import Subwords

Named: TypeAlias = tuple[Any, Manifest, int]  # as it was named, what is scored of it, and how many examples it lists


def score(run: Run, config: Config) -> Report:
    """The Report of a run on one manifest."""
    return next(reports(run, config))


def reports(run: Run, config: Config) -> Iterator[Report]:
    """A Report of a run on each manifest, under the changes that `evaluate` allows.

    What is wrong with any of the manifests shows before the first is scored.
    """
    check_request(config)
    own = changed(run.config(), **{key: config[key] for key in ("decode", "precision", "threads", "workers")})
    own |= other_metrics(config) | ({"adapter_off": True} if config["adapters"] == "disabled" else {})
    recognizer = restore(run, own, config["checkpoint"])
    yield from reports_of(recognizer, run, own, config)


def reports_of(recognizer: Recognizer, run: Run, own: Config, config: Config) -> Iterator[Report]:
    """A Report of a recognizer as it stands on each manifest that an `evaluate` configuration names.

    `own` is the run's configuration, with what it was changed in. Whoever takes a Report saves it before the next: what
    was kept of it in case of being stopped is then forgotten.
    """
    named = list(_manifests(config, own, recognizer))
    found = [_references(part, recognizer, config["uncovered"]) for _, part, _ in named]
    for (name, part, num_listed), references in zip(named, found, strict=True):
        lenient, keeps = config["uncovered"] == "count", config["emissions"] == "cache"
        partial = run.folder / "partial" / protocol_of(recognizer, part, num_listed, "", config["checkpoint"]).hash
        job = Job(run, own, config["checkpoint"], part, config["device"], config["devices"], lenient, keeps, partial)
        started = time.perf_counter()
        outcome = job.score(recognizer)
        seconds = outcome.earlier + time.perf_counter() - started
        info = {"manifest": name, "seconds": round(seconds, 3)} | facts(job, recognizer, outcome, references)
        info |= diagnosed(job, recognizer, outcome, name)
        if part.unit == "seconds":
            pace = float(part.lengths.sum()) / (seconds - outcome.spent.get("diagnosis", 0.0))
            info |= {"length_unit": "s", "real_time_factor": round(pace, 1)}
        report = _report(job, recognizer, outcome, num_listed, info, config["resamples"])
        if job.keeps:
            keep(shelf(run, config) / report.protocol.hash, report, outcome.emissions, recognizer.spelling.alphabet)
        yield report
        job.forget()


def _report(
    job: Job, recognizer: Recognizer, outcome: Outcome, num_listed: int, info: Mapping[str, Any], num_resamples: int
) -> Report:
    rows = rows_of(job.manifest, outcome.scored)
    check_rows(rows)
    return make_report(
        protocol=protocol_of(recognizer, job.manifest, num_listed, outcome.precision, job.checkpoint),
        run=job.run.name,
        metrics=list(recognizer.system.metrics.values()),
        rows=rows,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        info=info,
        num_resamples=num_resamples,
    )


def _manifests(config: Config, own: Config, recognizer: Recognizer) -> Iterator[Named]:
    """The manifests that are asked for; of none the one that the experiment kept for this: test, or else dev."""
    asked = config["data"]["manifest"]
    if asked is None:
        part = "test" if own["data"]["manifest"].get("test") else "dev"
        if part == "dev":
            print("no test manifest in this experiment: scoring its dev manifest", file=sys.stderr)
        found = [(own["data"]["manifest"][part], recognizer.data.manifest(part))]
    else:
        names = asked if isinstance(asked, list) else [asked]
        for name in names:
            if names.count(name) > 1 or not name:
                raise InputError(f"data.manifest: {name!r} is named twice or is no name: name each manifest once")
        found = [(name, Manifest.open(name)) for name in names]
    if not found:
        raise InputError("data.manifest=[] names no manifest: name one or more")
    for name, whole in found:
        if not len(whole):
            raise InputError(f"data.manifest={name}: it holds no example: name another")
        most = config["max_samples"]
        yield name, whole.select(range(min(most, len(whole)))) if most else whole, len(whole)


def require_scorable(manifest: str, own: Config, recognizer: Recognizer) -> None:
    """Refuse a manifest on which a recognizer could not be scored, before any work is done."""
    for _, part, _ in _manifests({"data": {"manifest": manifest}, "max_samples": None}, own, recognizer):
        _references(part, recognizer, "refuse")


def _references(manifest: Manifest, recognizer: Recognizer, uncovered: Literal["refuse", "count"]) -> References:
    """What normalizer and alphabet do to a manifest's references; refused if nothing could be said by them."""
    spelling = recognizer.spelling
    if not isinstance(spelling, Spelling | Subwords):  # labels: nothing is normalized, and what it lacks it refuses
        return References(len(manifest), 0, {}, 0, 0, {})

    def written() -> Iterator[tuple[str, str]]:
        for index in range(len(manifest)):
            example = manifest[index]
            text = spelling.written(example)
            if text is not None:
                yield f"{manifest.location(index)}: {example.id}", text

    references = count_references(written(), spelling)
    references.require_text()
    if uncovered == "refuse":
        references.require_covered()
    return references


def rows_of(manifest: Manifest, scored: Mapping[str, Scored]) -> list[Row]:
    """Scored examples as rows of a Report, in the manifest's order."""

    def row(example: Example) -> Row:
        found = scored[example.id]
        text, columns = found.hypothesis.text, found.columns
        who = example.group, example.length, found.hypothesis.score
        meta, said = plain_meta(example.meta), (found.hypothesis.track, found.hypothesis.assessment)
        return Row(example.id, found.reference, text, *who, columns, example.media, meta, *said)

    return [row(manifest[index]) for index in range(len(manifest))]


def protocol_of(
    recognizer: Recognizer, part: Manifest, num_listed: int, precision: str, checkpoint: str = "best"
) -> Protocol:
    """What must be equal before these figures are compared with others."""
    sound, feature = sound_and_feature(recognizer.feature.settings)
    return Protocol(
        manifest_hash=part.hash,
        manifest_ids_hash=hash_ids(part[index].id for index in range(len(part))),
        num_examples=len(part),
        coverage=coverage(len(part), num_listed),
        audio=sound,
        text={"normalize": recognizer.spelling.settings["normalize"]},
        alphabet_hash=recognizer.spelling.alphabet.hash,
        decode=recognizer.system.decoder.settings,
        adapter=adapter_state(recognizer.system.model),
        precision=precision,
        checkpoint=checkpoint,
        code_version=f"{code_state()['version']}+{hash_code(Path(__file__).parents[1])}",
        feature=feature,
        batching="equal lengths" if recognizer.data.equal_lengths else "padded",
    )


def facts(job: Job, recognizer: Recognizer, outcome: Outcome, references: References) -> dict[str, Any]:
    """What a Report tells beside its Protocol: with which weights, how, and what became of the references."""
    model = recognizer.system.model
    adapters = (
        {name: dict(state) for name, state in model.adapter_state().items()} if isinstance(model, Adapted) else {}
    )
    batching = asdict(recognizer.data.batching)
    return {
        "time": {name: round(seconds, 3) for name, seconds in outcome.spent.items()},
        "checkpoint": job.checkpoint,
        "weights": fingerprint(model) if job.own.get("adapter_off") else hash_checkpoint(job.run, job.checkpoint),
        "adapter": {name: dict(state) for name, state in adapters.items()},
        "decode": job.own["decode"],
        "metric": job.own["metric"],
        "devices": job.devices,
        "batching": {
            name: batching.get(name) for name in ("batch_length", "max_batch_size", "round_frames", "budgets")
        },
        "references": references.to_mapping(),
        "code": code_state(),
    }
