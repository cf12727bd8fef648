"""A sweep on disk: one folder that says which points it has, what each was told, and how far each came.

    runs/.sweeps/<name>/
        sweep.json               the command, and the keys that vary
        points/<point>.json      its words, its run's folder and its whole configuration: all that a process needs
        points/<point>.state     pending, running, requeued, done, pruned, failed or stopped, with what is known beside
        logs/<point>.log         what a process of its own printed

A point has a file of its own, so that many processes on many machines can write. What a point learned is in its run's
folder, and whether it is done is asked there: the ledger is what one reads. It knows neither torch nor Hydra.
"""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

from project import atomic
from project.contract import InputError

State = Literal["pending", "running", "requeued", "done", "pruned", "failed", "stopped"]
ENDED = ("done", "pruned", "failed", "stopped")  # nothing runs any more
KEPT = ("job", "log", "attempts")  # what a state says that the next one still does
FOLDER = ".sweeps"  # below the folder of runs
POINT = "--point"


@dataclass(frozen=True, slots=True)
class Point:
    """One run of a sweep, as it is to be started."""

    name: str  # the last part of its run's folder
    words: tuple[str, ...]  # what sets it apart: ("optimizer.lr=0.1", "seed=2")
    command: tuple[str, ...]  # all words after `scansion train`
    run: Path
    ranks: int = 1  # processes, on all nodes together
    nodes: int = 1

    @property
    def told(self) -> str:
        """What sets it apart, in a line."""
        return " ".join(self.words) or self.name


@dataclass(frozen=True, slots=True)
class Sweep:
    """One sweep's folder and what is known of its points."""

    folder: Path

    @classmethod
    def open(cls, name: str | Path | None, root: str | Path = "runs") -> Sweep:
        """A sweep by its folder or its name; None for the one that was started last."""
        below = Path(root) / FOLDER
        known = sorted(below.glob("*/sweep.json"), key=lambda file: file.stat().st_mtime)
        if name is None:
            if not known:
                raise InputError(f"{below}: no sweep is there: start one with scansion train -m key=1,2,3")
            return cls(known[-1].parent)
        for folder in (Path(name), below / name):
            if (folder / "sweep.json").is_file():
                return cls(folder)
        names = [file.parent.name for file in known]
        near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.3)
        hint = f"did you mean {near[0]}?" if near else f"{below} has {', '.join(names) or 'none'}"
        raise InputError(f"sweep={name}: no such sweep: {hint}")

    @classmethod
    def make(cls, folder: Path, facts: Mapping[str, Any]) -> Sweep:
        """A new sweep, or the same one started again, perhaps with more points."""
        (folder / "points").mkdir(parents=True, exist_ok=True)
        (folder / "logs").mkdir(exist_ok=True)
        atomic.write(folder / "sweep.json", json.dumps(dict(facts), indent=1) + "\n")
        return cls(folder)

    @classmethod
    def of(cls, file: Path) -> tuple[Sweep, Point, dict[str, Any]]:
        """The sweep, the point and its configuration, from the file that `add` wrote."""
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            config = content.pop("config")
            sweep = cls(file.parent.parent)
            return sweep, _point(content, sweep.folder.parent.parent), config
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{file}: not readable as a point of a sweep ({error}): start the sweep again") from error

    @property
    def name(self) -> str:
        return self.folder.name

    def facts(self) -> dict[str, Any]:
        """What was written when it was started."""
        return dict(json.loads((self.folder / "sweep.json").read_text(encoding="utf-8")))

    def add(self, point: Point, config: Mapping[str, Any]) -> None:
        """Write down a point, or what it is told this time."""
        root = self.folder.parent.parent
        run = point.run.relative_to(root) if point.run.is_relative_to(root) else point.run.absolute()
        content = asdict(point) | {"run": str(run), "config": dict(config)}
        atomic.write(self.file(point), json.dumps(content, indent=1) + "\n")

    def points(self) -> list[Point]:
        """All points, in the order of their numbers and words."""
        found = [self.of(file)[1] for file in sorted((self.folder / "points").glob("*.json"))]
        order = self.facts().get("order", [])
        places = {name: place for place, name in enumerate(order)}
        return sorted(found, key=lambda point: (places.get(point.name, len(order)), point.words))

    def axes(self) -> dict[str, list[str]]:
        """What varies: key -> its values among the points, in their order."""
        axes: dict[str, dict[str, None]] = {}
        for point in self.points():
            for word in point.words:
                key, _, value = word.partition("=")
                axes.setdefault(key.lstrip("+"), {})[value] = None
        return {key: list(values) for key, values in axes.items()}

    def file(self, point: Point) -> Path:
        """All that a process needs to run a point."""
        return self.folder / "points" / f"{point.name}.json"

    def log(self, point: Point) -> Path:
        """Where a point's process prints to, if it has one of its own."""
        return self.folder / "logs" / f"{point.name}.log"

    def note(self, point: Point, state: State, **facts: Any) -> None:
        """Write down how far a point came."""
        assert state in get_args(State), state
        before = self.state(point)
        kept = {name: before[name] for name in KEPT if name in before}
        if state == "running":
            kept["attempts"] = kept.get("attempts", 0) + 1
        file = self.folder / "points" / f"{point.name}.state"
        atomic.write(file, json.dumps({"state": state, **kept, **facts}, indent=1) + "\n")

    def state(self, point: Point) -> dict[str, Any]:
        """How far a point came: {"state": "pending" | ..., "error": ..., "job": ..., "log": ..., "attempts": ...}."""
        file = self.folder / "points" / f"{point.name}.state"
        return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {"state": "pending"}


class Launcher(Protocol):
    """Where the points of a sweep run."""

    waits: bool  # whether all of them have ended when `launch` returns

    def launch(self, sweep: Sweep, points: Sequence[Point], work: Callable[[Point], int]) -> None:
        """Run these points, or see to it that they will run; `work` runs one in this process and notes its states."""


def point_command(sweep: Sweep, point: Point) -> list[str]:
    """What a process is started with to run one point; it notes its states, and exits as `scansion train` does."""
    return [sys.executable, "-m", "project.train", POINT, str(sweep.file(point).resolve())]


def _point(content: Mapping[str, Any], root: Path) -> Point:
    """From what `add` wrote; a run's folder stands there as seen from the folder of runs, wherever that is now."""
    name, run, words, command = (content[key] for key in ("name", "run", "words", "command"))
    return Point(name, tuple(words), tuple(command), root / run, content["ranks"], content["nodes"])
