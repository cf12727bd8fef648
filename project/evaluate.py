"""scansion evaluate: a run scored under a Protocol, rebuilt from its own folder and from nothing else."""

from __future__ import annotations

import datetime
import re
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from project.build.bind import fits, is_object
from project.build.compose import CONF, Config, app, groups, guarded
from project.build.yardstick import other_metrics, shelf
from project.contract import Example, InputError
from project.part import Adapted
from project.run import Run, code_state

if TYPE_CHECKING:
    from project.build.assemble import Recognizer
    from project.build.scoring import Job, Outcome
    from project.data.manifest import Manifest
    from project.evaluation.protocol import Protocol
    from project.evaluation.references import References
    from project.evaluation.result import Report, Row
    from project.system.base import Scored

CHANGEABLE = "a run is evaluated as it was trained: only data.manifest, decode, precision and device may differ"
CHOICES = {"uncovered": ("refuse", "count"), "device": ("auto", "cpu", "gpu"), "emissions": (None, "cache")}
VALUES: Mapping[str, tuple[Any, float]] = {  # annotation and least value of numbers
    "devices": (int, 1),
    "max_samples": (int | None, 1),
    "print_samples": (int, 0),
    "resamples": (int, 1),
    "threads": (int, 1),
    "workers": (int, 0),
}
Named = tuple[Any, "Manifest", int]  # as it was named, what is scored of it, and how many examples it lists


def evaluate(config: Config, words: list[str]) -> int:
    """Score each manifest, save its Report in the run's folder, print it; the Reports' folders are the last lines."""
    from rich.console import Console

    from project.evaluation.comparison import compare
    from project.evaluation.table import terminal

    run, console, folders = Run.open(config["run"]), Console(stderr=True), []
    for report in reports(run, config):
        folders.append(report.save(shelf(run, config)))
        for row in report.rows[: config["print_samples"]]:
            console.print(f"{row.id}\n  wanted      {row.reference}\n  recognized  {row.hypothesis}", markup=False)
        console.print(terminal(compare([report])))
        console.print(told(report), markup=False, highlight=False)
    print(*folders, sep="\n")
    return 0


def score(run: Run, config: Config) -> Report:
    """The Report of a run on one manifest."""
    return next(reports(run, config))


def reports(run: Run, config: Config) -> Iterator[Report]:
    """A Report of a run on each manifest, under the changes that `evaluate` allows.

    What is wrong with any of the manifests shows before the first is scored.
    """
    from project.build.diagnosis import diagnosed
    from project.build.restore import changed, restore
    from project.build.scoring import Job
    from project.evaluation.emission_store import keep

    check_request(config)
    own = changed(run.config(), **{key: config[key] for key in ("decode", "precision", "threads", "workers")})
    own |= other_metrics(config)
    recognizer = restore(run, own, config["checkpoint"])
    named = list(_manifests(config, own, recognizer))
    found = [_references(part, recognizer, config["uncovered"]) for _, part, _ in named]
    for (name, part, num_listed), references in zip(named, found, strict=True):
        lenient = config["uncovered"] == "count"
        where = config["device"], config["devices"]
        job = Job(run, own, config["checkpoint"], part, *where, lenient, config["emissions"] == "cache")
        started = time.perf_counter()
        outcome = job.score(recognizer)
        seconds = time.perf_counter() - started
        info = {"manifest": name, "seconds": round(seconds, 3)} | facts(job, recognizer, outcome, references)
        info |= diagnosed(job, recognizer, outcome, name)
        if part.unit == "seconds":
            pace = float(part.lengths.sum()) / (seconds - outcome.spent.get("diagnosis", 0.0))
            info |= {"length_unit": "s", "real_time_factor": round(pace, 1)}
        report = _report(job, recognizer, outcome, num_listed, info, config["resamples"])
        if job.keeps:
            keep(shelf(run, config) / report.protocol.hash, report, outcome.emissions, recognizer.spelling.alphabet)
        yield report


def _report(
    job: Job, recognizer: Recognizer, outcome: Outcome, num_listed: int, info: Mapping[str, Any], num_resamples: int
) -> Report:
    from project.evaluation.estimate import make_report
    from project.evaluation.result import check_rows

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


def check_words(words: list[str]) -> int:
    """Refuse, before anything is composed, what belongs to the run and is not for `evaluate` to change."""
    keys = [word.lstrip("+~").partition("=")[0] for word in words if "=" in word or word.startswith("~")]
    mine, theirs = (
        set(re.findall(r"^([a-z_]+):", (CONF / f"{verb}.yaml").read_text(encoding="utf-8"), flags=re.M))
        | {*groups(verb)}
        for verb in ("evaluate", "train")
    )
    for key in keys:
        root = key.partition(".")[0].partition("@")[0]
        if root not in mine and (root in theirs or (CONF / root).is_dir()):
            raise InputError(f"{key}: {CHANGEABLE}: leave it out")
        if root == "data" and key != "data.manifest":
            raise InputError(f"{key}: {CHANGEABLE}: write data.manifest=<manifest.jsonl>")
        if key.startswith("decode.") and "decode" not in keys:
            raise InputError(f"{key}: of which decoder? Name it, too: decode=beam decode.size=10")
    return 0


def check_request(config: Config) -> None:
    """Refuse what `evaluate` has no business to change, and values it cannot use."""
    for key in config["data"].keys() - {"manifest"}:
        raise InputError(f"data.{key}: {CHANGEABLE}: leave it out")
    if config["decode"] is not None and not is_object(config["decode"]):
        raise InputError("decode: it names no decoder: write decode=beam decode.size=10")
    for key, choices in CHOICES.items():
        if config[key] not in choices:
            raise InputError(f"{key}={config[key]}: choose from {', '.join(one or 'null' for one in choices)}")
    for key, (hint, least) in VALUES.items():
        value = config[key]
        if not fits(value, hint) or (value is not None and value < least):
            raise InputError(f"{key}: {value!r} is no whole number from {least} on: give one")


def _manifests(config: Config, own: Config, recognizer: Recognizer) -> Iterator[Named]:
    """The manifests that are asked for; of none the one that the experiment kept for this: test, or else dev."""
    from project.data.manifest import Manifest

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
        most = config["max_samples"]
        yield name, whole.select(range(min(most, len(whole)))) if most else whole, len(whole)


def _references(manifest: Manifest, recognizer: Recognizer, uncovered: Literal["refuse", "count"]) -> References:
    """What normalizer and alphabet do to a manifest's references; refused if nothing could be said by them."""
    from project.evaluation.references import References, count_references
    from project.text.spelling import Spelling

    spelling = recognizer.spelling
    if not isinstance(spelling, Spelling):  # labels: nothing is normalized, and the notation refuses what it lacks
        return References(len(manifest), 0, {}, 0, 0, {})

    def written() -> Iterator[tuple[str, str]]:
        for index in range(len(manifest)):
            example = manifest[index]
            text = example.text if example.symbols is None else spelling.alphabet.separator.join(example.symbols)
            if text is not None:
                yield f"{manifest.location(index)}: {example.id}", text

    references = count_references(written(), spelling)
    references.require_text()
    if uncovered == "refuse":
        references.require_covered()
    return references


def predict(recognizer: Recognizer, manifest: Manifest, precision: str, device: str) -> Mapping[str, Scored]:
    """Every example of a manifest scored once, by the same steps as validation in training; id -> scored."""
    from project.build import scoring

    return scoring.predict(recognizer, manifest, precision, device).scored


def rows_of(manifest: Manifest, scored: Mapping[str, Scored]) -> list[Row]:
    """Scored examples as rows of a Report, in the manifest's order."""
    from project.evaluation.result import Row, plain_meta

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
    from project.evaluation.protocol import (
        Protocol,
        adapter_state,
        coverage,
        hash_code,
        hash_ids,
        sound_and_feature,
    )

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
        code_version=f"{code_state()['version']}+{hash_code(Path(__file__).parent)}",
        feature=feature,
        batching="equal lengths" if recognizer.data.equal_lengths else "padded",
    )


def facts(job: Job, recognizer: Recognizer, outcome: Outcome, references: References) -> dict[str, Any]:
    """What a Report tells beside its Protocol: with which weights, how, and what became of the references."""
    from project.build.restore import hash_checkpoint

    model = recognizer.system.model
    adapters = (
        {name: dict(state) for name, state in model.adapter_state().items()} if isinstance(model, Adapted) else {}
    )
    batching = asdict(recognizer.data.batching)
    return {
        "time": {name: round(seconds, 3) for name, seconds in outcome.spent.items()},
        "checkpoint": job.checkpoint,
        "weights": hash_checkpoint(job.run, job.checkpoint),
        "adapter": {name: dict(state) for name, state in adapters.items()},
        "decode": job.own["decode"],
        "metric": job.own["metric"],
        "devices": job.devices,
        "batching": {name: batching[name] for name in ("batch_length", "max_batch_size", "round_frames")},
        "references": references.to_mapping(),
        "code": code_state(),
    }


def told(report: Report) -> str:
    """What a person wants to know beside the figures: the references, and where the time went."""
    info: Mapping[str, Any] = report.info
    pace = f", {info['real_time_factor']:.0f} times real time" if "real_time_factor" in info else ""
    spent = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in info["time"].items())
    found = "".join(
        f"\nfinding     {one['check']}: {one['text']}.\n            {one['remedy']}." for one in info["findings"]
    )
    found += "".join(f"\nnot looked  {reason}" for reason in info["not_measured"])
    return f"references  {info['references']['text']}\ntime        {info['seconds']:.1f} s{pace}: {spent}{found}"


def main() -> None:
    """The verb: what its words may not say is refused first."""
    if code := guarded(lambda: check_words(sys.argv[1:])):
        sys.exit(code)
    app("evaluate", evaluate)()


if __name__ == "__main__":
    main()
