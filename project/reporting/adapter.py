"""What the adapters of runs do: the same examples with each switched on and off, runs beside each other.

A run that learned from shuffled labels may stand beside them as a control.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from project.contract import Config, InputError
from project.reporting.selection import run_folders, target_of
from project.reporting.writing import tell, write_csv, write_markdown
from project.run import Run

if TYPE_CHECKING:
    from project.build.assemble import Recognizer
    from project.data.manifest import Manifest
    from project.evaluation.efficacy import Columns, Efficacy
    from project.evaluation.protocol import Protocol
    from project.evaluation.result import Report, Row
    from project.part import Metric

MAY_DIFFER = ("adapter", "decode", "feature", "audio", "batching")  # of runs: each is compared with itself

DEVICES = ("auto", "cpu", "gpu")


def act(config: Config) -> int:
    """Listen, print the table, write page and CSV; the page's path is the last line on standard output."""
    from project.evaluation.comparison import compare
    from project.evaluation.efficacy import against
    from project.evaluation.efficacy_table import csv_rows, layer_grid, run_grid, sentences, short_grid
    from project.evaluation.page.efficacy_page import write_page

    runs, asked = [Run.open(folder) for folder in run_folders(config["runs"])], config["adapter"]
    if not runs:
        raise InputError("no run is named: scansion report action=adapter runs/<family>/<run> ...")
    if asked["most"] < 1:
        raise InputError(f"adapter.most={asked['most']}: give 1 or more")
    notes: list[str] = []
    runs = with_control(runs, asked["control"])
    found = [probed(run, asked, notes) for run in runs]
    comparison = compare([one.on for one in found], allow=[*config["allow"], *MAY_DIFFER])
    found = [replace(one, label=label) for one, label in zip(found, comparison.labels, strict=True)]
    if asked["control"]:
        *others, last = found
        found = [*(against(one, last) for one in others), replace(last, is_control=True)]
    page = write_page(target_of(runs, config["out"], "adapter"), comparison, found, notes)
    write_csv(page.with_suffix(".csv"), csv_rows(found))
    grids = [run_grid(found), layer_grid(found)]
    if config["markdown"]:
        write_markdown(Path(config["markdown"]), sentences(found), grids)
    tell(sentences(found), [short_grid(found), grids[-1]], notes)
    print(page)
    return 0


def with_control(runs: Sequence[Run], control: str | None) -> list[Run]:
    """The runs, and the control as the last of them."""
    if control is None:
        return list(runs)
    run = Run.open(control)
    others = [one for one in runs if one.folder.resolve() != run.folder.resolve()]
    if not others:
        raise InputError(f"adapter.control={control}: there is no other run: name those that it is a control of")
    return [*others, run]


def probed(run: Run, asked: Mapping[str, Any], notes: list[str]) -> Efficacy:
    """A run with its adapter and without, on some examples; what must be said of these goes to the notes."""
    from project.adapter.lora import disabled, lengths
    from project.build.restore import changed, restore
    from project.evaluation.efficacy import CHANGED, DIVERGENCE, LOSS, PerUnit, efficacy

    recognizer = restore(run, changed(run.config()), asked["checkpoint"])
    require_adapter(run, recognizer)
    name, part, num_listed = examples(run, recognizer, asked, notes)
    if asked["device"] not in DEVICES:
        raise InputError(f"adapter.device={asked['device']}: choose from {', '.join(DEVICES)}")
    columns = compared(recognizer, part, asked["device"])
    mine, on = scored(recognizer, part, num_listed, asked)
    with disabled(recognizer.system.model):
        theirs, off = scored(recognizer, part, num_listed, asked)
    answers = {row.id: row.hypothesis for row in theirs}
    for row in mine:
        columns[row.id][0].update({f"{CHANGED}_sum": float(row.hypothesis != answers[row.id]), f"{CHANGED}_count": 1.0})
    metrics: list[Metric] = [*recognizer.system.metrics.values(), PerUnit(LOSS, "nats")]
    beside: list[Metric] = [PerUnit(DIVERGENCE, "nats"), PerUnit(CHANGED, "%")]
    info = {"manifest": name, "metric": run.config()["metric"]}
    first = reported(run, on, [*metrics, *beside], [with_columns(row, columns[row.id][0]) for row in mine], info)
    second = reported(run, off, metrics, [with_columns(row, columns[row.id][1]) for row in theirs], info)
    return efficacy(run.name, first, second, lengths(recognizer.system.model))


def require_adapter(run: Run, recognizer: Recognizer) -> None:
    """Refuse a run that has none, or in which it is not on: both sides would be the same model."""
    from project.adapter.lora import layers_of
    from project.part import Adapted

    model = recognizer.system.model
    if not isinstance(model, Adapted) or not layers_of(model):
        raise InputError(
            f"{run.folder}: it has no adapter to switch off: name runs that were trained with adapter=lora"
        )
    off = [name for name, state in model.adapter_state().items() if not state["active"]]
    if off:
        raise InputError(
            f"{run.folder}: its adapter {', '.join(off)} is off: take adapter_off out of its config.yaml, or name "
            "another run"
        )


def examples(run: Run, recognizer: Recognizer, asked: Mapping[str, Any], notes: list[str]) -> tuple[Any, Manifest, int]:
    """The manifest, as many of its examples as are asked for, from all over it, and how many it lists."""
    import numpy as np

    from project.data.manifest import Manifest

    own = run.config()["data"]["manifest"]
    name = asked["manifest"] or own.get("test") or own["dev"]
    whole = Manifest.open(name)
    if not len(whole):
        raise InputError(f"adapter.manifest={name}: it holds no example: name another")
    places = np.unique(np.linspace(0, len(whole) - 1, min(asked["most"], len(whole))).round().astype(int))
    training = recognizer.data.known("train")
    if training is not None and training.hash == whole.hash:
        notes.append(f"{run.name} learned from these examples: what it makes of them is no evidence of others")
    return name, whole.select(places.tolist()) if len(places) < len(whole) else whole, len(whole)


def compared(
    recognizer: Recognizer, part: Manifest, device: str
) -> dict[str, tuple[dict[str, float], dict[str, float]]]:
    """By id what is said of right answers with the adapter, and without: sums and counts, for rows of Reports."""
    import torch

    from project.adapter.lora import disabled
    from project.evaluation.efficacy import columns_of

    system = recognizer.system
    found: dict[str, tuple[dict[str, float], dict[str, float]]] = {}
    place = torch.device("cuda" if device != "cpu" and torch.cuda.is_available() else "cpu")
    system.to(place).eval()
    with torch.inference_mode():
        for batch in recognizer.data.scoring_loader(part):
            moved = batch.to(place)
            on = system.listen(moved)
            with disabled(system.model):
                off = system.listen(moved)
            found |= {name: (dict(mine), dict(theirs)) for name, mine, theirs in columns_of(on, off, moved)}
    return found


def scored(
    recognizer: Recognizer, part: Manifest, num_listed: int, asked: Mapping[str, Any]
) -> tuple[list[Row], Protocol]:
    """What the model answers as it stands, by the steps of an evaluation."""
    from project.scoring.predictions import predict
    from project.scoring.reports import protocol_of, rows_of

    outcome = predict(recognizer, part, "32-true", asked["device"])
    return rows_of(part, outcome.scored), protocol_of(
        recognizer, part, num_listed, outcome.precision, asked["checkpoint"]
    )


def with_columns(row: Row, columns: Columns) -> Row:
    """A row that tells more."""
    return replace(row, columns={**row.columns, **columns})


def reported(
    run: Run, protocol: Protocol, metrics: Sequence[Metric], rows: Sequence[Row], info: Mapping[str, Any]
) -> Report:
    """What is not kept, but set against another."""
    from project.evaluation.estimate import make_report

    created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return make_report(protocol, run.name, metrics, rows, created, info=info)
