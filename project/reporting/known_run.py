"""A run's folder as a report looks at it: what it is, what it was watched by, and which Reports it holds."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from project import package
from project.build.bind import make
from project.contract import Config, Finding
from project.run import Run, flatten, is_below

if TYPE_CHECKING:
    from project.evaluation.result import Report
    from project.evaluation.run_view import RunView
    from project.evaluation.shelf import Entrant

NOT_SETTINGS = ("command",)  # how a run was asked for, not what it is


@dataclass(frozen=True, slots=True)
class KnownRun:
    """A run and its configuration, read once."""

    run: Run
    config: Config

    @classmethod
    def open(cls, folder: str | Path) -> KnownRun:
        run = Run.open(folder)
        return cls(run, run.config())

    @property
    def ignored(self) -> list[str]:
        """Roots of the keys that do not change results."""
        return [*self.config.get("signature_ignores", []), *NOT_SETTINGS]

    @property
    def checks(self) -> dict[str, Any]:
        """The checks of the diagnosis that watched it, by name; nodes of configuration."""
        return dict(((self.config.get("callbacks") or {}).get("diagnosis") or {}).get("checks") or {})

    @property
    def settings(self) -> dict[str, Any]:
        """What it is: dotted keys that can change results."""
        return {key: value for key, value in flatten(self.config) if not is_below(key, self.ignored)}


def view(known: KnownRun) -> RunView:
    """What the page shows of a run beside its figures."""
    from project.evaluation.run_view import RunView

    run, config = known.run, known.config
    environment = run.folder / "environment.json"
    facts = json.loads(environment.read_text(encoding="utf-8")) if environment.is_file() else {}
    checks = [name for name, node in known.checks.items() if node is not None]
    command = str(config.get("command", ""))
    return RunView(run.name, str(run.folder), run.curves(), facts, command, known.settings, checks)


def entrant(known: KnownRun) -> Entrant:
    """A run as claims know it; of one that began with another's weights, that one's settings stand below init_from."""
    from project.evaluation.shelf import Entrant, browse

    run, settings = known.run, known.settings
    identity = {key: value for key, value in flatten(known.config) if key not in settings}
    origin = str(settings.get("init_from") or "")
    if origin and _is_at_hand(Path(origin)):
        identity["init_from"] = settings.pop("init_from")
        settings |= {f"init_from.{key}": value for key, value in KnownRun.open(origin).settings.items()}
    return Entrant(run.name, run.folder, settings, identity, browse(run.reports))


def _is_at_hand(origin: Path) -> bool:
    """Whether a run's folder, or a package, is there to be asked."""
    is_file = origin.suffix == package.SUFFIX and origin.is_file()
    return is_file or package.is_package(origin) or (origin / "config.yaml").is_file()


def outdated(known: KnownRun, report: Report) -> list[Finding]:
    """Whether the weights that a Report speaks of are no longer those in the run's folder."""
    from project.build.fingerprint import UNADAPTED
    from project.build.restore import hash_checkpoint

    scored, name = report.info.get("weights"), str(report.info.get("checkpoint", "best"))
    if str(scored).startswith(UNADAPTED):  # weights that do not change while an adapter learns
        return []
    file = known.run.last if name == "last" else known.run.best
    if scored is None or not file.is_file() or hash_checkpoint(known.run, name) == scored:
        return []
    text = f"{known.run.name} was evaluated before its {name} checkpoint changed"
    return [Finding("outdated", name, text, f"Evaluate it again: scansion evaluate {known.run.folder}")]


def watch(known: KnownRun, report: Report, view: RunView) -> list[Finding]:
    """What the checks that a run was watched by find in its curves, as they stand in metrics.csv."""
    if not known.checks or not view.curves:
        return []
    from project.diagnosis.evidence import Evidence, run_checks
    from project.evaluation.comparison import better

    about = {"primary": f"dev/{report.primary}", "better": better(report, report.primary)}
    step = max(curve[-1][0] for curve in view.curves.values())
    found = run_checks(make(known.checks, "callbacks.diagnosis.checks"), Evidence(view.curves, **about))  # type: ignore[arg-type]
    return [replace(one, step=step) for one in found]
