"""One run in a line: how it stands, how far it came, how good it is. Its folder is read, and nothing is built of it.

A folder that cannot be read as a run is one, too: it is told to be broken, with the reason.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from project import metrics_file
from project.contract import InputError
from project.evaluation.report_words import decoder_of, part_of
from project.metrics_file import METRICS, Point
from project.run import Run, monitored

MARKS = ("config.yaml", "state.json", METRICS, ".lock", "checkpoints")  # each makes a folder a run's
ENDED = ("finished", "pruned")
STEPS = re.compile(r"steps +([\d,]+)")  # what a run says at each start


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that says how good a run is."""

    name: str
    value: float
    step: int


@dataclass(frozen=True, slots=True)
class Reported:
    """The primary figure of a run's latest Report."""

    name: str
    value: float
    interval: tuple[float, float] | None
    unit: str | None  # what it is shown in; None where it is no ratio
    manifest: str | None
    created: str
    of: str = ""  # part of the data, and decoder: "test, beam"

    @property
    def told(self) -> str:
        """In words: "cer 1.12 % [0.62, 1.71]"."""
        scale, mark = (100.0, " %") if self.unit == "%" else (1.0, f" {self.unit}" if self.unit else "")
        shown = [f"{scale * number:.4g}" for number in (self.value, *(self.interval or ()))]
        return f"{self.name} {shown[0]}{mark}" + (f" [{shown[1]}, {shown[2]}]" if self.interval else "")


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What is known of a run."""

    name: str  # below the folder of runs
    state: str
    step: int | None = None
    steps: int | None = None  # at which it is done
    best: Figure | None = None
    report: Reported | None = None
    written: float = 0.0  # seconds since 1970
    bytes: int = 0
    problem: str = ""
    command: str | None = None
    better: str | None = None  # of its best figure: lower | higher

    @property
    def progress(self) -> str:
        """Steps, of how many."""
        if self.step is None:
            return "-"
        return f"{self.step:,}" + (f"/{self.steps:,}" if self.steps else "")


def below(root: Path) -> list[Path]:
    """All folders of runs below a folder, however deep families are; hidden ones are not looked into."""
    return sorted(_walk(root)) if root.is_dir() else []


def summarize(folder: Path, root: Path) -> RunSummary:
    """A run's summary. What is wrong with its folder does not keep others from being listed."""
    name = str(folder.relative_to(root))
    size, written = _weigh(folder)
    try:
        found = _read(Run.open(folder))
    except (InputError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split()).removeprefix(f"{folder}: ")
        return RunSummary(name, "broken", written=written, bytes=size, problem=reason or type(error).__name__)
    return RunSummary(name, written=written, bytes=size, **found)


def _walk(folder: Path, depth: int = 0) -> Iterator[Path]:
    try:
        entries = [entry for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=True)]
    except OSError:
        return
    for entry in entries:
        path = Path(entry.path)
        if entry.name.startswith("."):
            continue
        if any((path / mark).exists() for mark in MARKS):
            yield path
        elif depth < 4:
            yield from _walk(path, depth + 1)


def _weigh(folder: Path) -> tuple[int, float]:
    """Bytes of all files in a folder, and when one of them was last written."""
    size, written = 0, 0.0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                found = os.lstat(os.path.join(place, name))  # noqa: PTH118  # a third of the time of Path's
            except OSError:
                continue  # gone meanwhile
            size += found.st_size
            if place == str(folder) and name in ("state.json", METRICS, "train.log"):
                written = max(written, found.st_mtime)
    return size, written or folder.stat().st_mtime


def _read(run: Run) -> dict[str, Any]:
    """What a sound run's folder says."""
    config, noted = run.config(), run.state()
    if not isinstance(noted.get("state"), str):
        raise InputError("state.json says no state: restore it, or start a new run")
    figure, mode = monitored(config)
    curve = metrics_file.curve(run.metrics_file, figure)
    state = _seen(run, noted["state"])
    report, problem = _reported(run, (config.get("data") or {}).get("manifest") or {})
    if state in ENDED and not run.best.exists():
        state, problem = "broken", "it has ended and its best checkpoint is not there: restore it, or start a new run"
    if state in ("killed", "interrupted") and run.last.exists():
        problem = f"continue with: scansion train resume={run.folder}"
    if state == "failed":
        problem = str(noted.get("error") or "see its train.log")
    step = noted.get("step") if state in ENDED else metrics_file.last_step(run.metrics_file)
    return {
        "state": state,
        "step": step if step is not None else noted.get("step"),
        "steps": _steps(run.folder / "train.log"),
        "best": _best(figure, curve, mode),
        "report": report,
        "problem": " ".join(problem.split()),
        "command": config.get("command"),
        "better": "lower" if mode == "min" else "higher",
    }


def _seen(run: Run, noted: str) -> str:
    """The state that was noted, held against the lock: who is killed notes nothing."""
    if noted not in ("running", "new"):
        return noted
    try:
        held = run.is_held()
    except OSError:  # somebody else's run, or a file system without locks: it stands as noted
        return noted
    if held:
        return "running" if noted == "running" else "starting"
    return "killed" if noted == "running" else noted


def _best(name: str, curve: Sequence[Point], mode: str) -> Figure | None:
    finite = [point for point in curve if math.isfinite(point[1])]
    if not finite:
        return None
    step, value = (min if mode == "min" else max)(finite, key=lambda point: point[1])
    return Figure(name, value, step)


def _steps(log: Path) -> int | None:
    if not log.is_file():
        return None
    found = STEPS.findall(log.read_text(encoding="utf-8", errors="replace"))
    return int(found[-1].replace(",", "")) if found else None


def _reported(run: Run, own: Mapping[str, Any]) -> tuple[Reported | None, str]:
    """The latest Report on a whole manifest, or on a part if there is no other; and what is wrong with one."""
    found, problem = [], ""
    for file in sorted(run.reports.glob("*/report.json")):
        try:
            content = json.loads(file.read_bytes())
            found.append((content["protocol"]["coverage"] == "full", str(content["created"]), _figure(content, own)))
        except (OSError, ValueError, KeyError, TypeError, StopIteration):
            problem = f"{file.relative_to(run.folder)} is not readable: evaluate the run again"
    return (max(found, key=lambda one: one[:2])[2] if found else None), problem


def _figure(content: Mapping[str, Any], own: Mapping[str, Any]) -> Reported:
    name = next(iter(content["metrics"]))
    measure = content["measures"].get(name) or {}
    interval = content["intervals"].get(name)
    named = content["info"].get("manifest")
    manifest = named if isinstance(named, str) else None
    return Reported(
        name,
        float(content["metrics"][name]),
        (float(interval[0]), float(interval[1])) if interval else None,
        measure.get("unit", "%") if measure.get("above") else None,
        manifest,
        str(content["created"]),
        ", ".join(filter(None, (part_of(manifest, own), decoder_of(content["protocol"])))),
    )
