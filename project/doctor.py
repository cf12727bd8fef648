"""scansion doctor: what of this machine and this installation works, what does not, and the remedy of each."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from project.build.app import app, complain, guarded
from project.build.compose import CONF
from project.contract import Config, InputError

if TYPE_CHECKING:
    from project.checkup.finding import Finding

MARKS = {"ok": "ok", "absent": "-", "warning": "warning", "problem": "PROBLEM"}
COLOURS = {"ok": "32", "absent": "2", "warning": "33", "problem": "31;1"}
LEAST = ("yaml", "packaging")  # without them nothing can be looked at


def doctor(config: Config, words: list[str]) -> int:
    """Examine, tell each as it is found; 0 where all that is needed works, else 1."""
    from project.checkup import device

    needed, found = [str(one) for one in config["need"]], []

    def tell(one: Finding) -> None:
        found.append(one.needed(needed))
        print(told(found[-1], colour=sys.stdout.isatty()), flush=True)

    with device.probing(config["patience_seconds"]) as probe:
        for one in _quick(config):
            tell(one)
        driver = device.driver_version()
        said = probe.answer()
        for one in device.findings(said, driver):
            tell(one)
    check_needed(needed, found)
    if config["out"]:
        keep(Path(config["out"]), found, [str(gpu["name"]) for gpu in said.get("gpus", [])])
        print(config["out"])
    problems, warnings = (sum(one.state == state for one in found) for state in ("problem", "warning"))
    print(summary(problems, warnings), file=sys.stderr)
    return 1 if problems else 0


def _quick(config: Mapping[str, Any]) -> Iterator[Finding]:
    """All that is known without torch."""
    from project.checkup import device, packages, program, resources

    asked = packages.requirements()
    yield packages.python()
    yield packages.core(asked[""])
    yield from packages.known_bad()
    yield device.processor()
    yield from filter(None, (resources.memory(), resources.shared()))
    folders = {"runs": Path(config["runs"]), "data": Path(config["data"]), "tmp": Path(tempfile.gettempdir())}
    yield from resources.folders(folders, config["least_gb"])
    yield program.git()
    yield from packages.extras(asked)
    yield from (program.espeak(), program.compiler(), program.slurm(), program.account())


def told(one: Finding, *, colour: bool) -> str:
    """A finding as a line, its remedy in a second one."""
    mark = f"{MARKS[one.state]:<8}"
    shown = f"\033[{COLOURS[one.state]}m{mark}\033[0m" if colour else mark
    return f"{shown}{one.part:<12} {one.found}" + (f"\n{'':<21}> {one.remedy}" if one.remedy else "")


def summary(problems: int, warnings: int) -> str:
    """What it comes to.

    >>> summary(0, 1), summary(2, 0)
    ('all that is needed works; 1 warning', '2 problems')
    """
    count = [
        f"{number} {name}{'s' * (number != 1)}"
        for number, name in ((problems, "problem"), (warnings, "warning"))
        if number
    ]
    return ", ".join(count) if problems else "; ".join(["all that is needed works", *count])


def check_needed(needed: list[str], found: list[Finding]) -> None:
    """Refuse what no line is called: it would be needed and never looked at."""
    known = sorted({one.part for one in found})
    for name in needed:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise InputError(
                f"need={name}: no such line: "
                + (f"did you mean {near[0]}?" if near else f"choose from {', '.join(known)}")
            )


def keep(target: Path, found: list[Finding], gpus: list[str]) -> None:
    """Write all of it for a bug report."""
    from project import atomic
    from project.environment import environment

    target.parent.mkdir(parents=True, exist_ok=True)
    content = {"environment": environment() | {"gpus": gpus}, "findings": [one.to_json() for one in found]}
    atomic.write(target, json.dumps(content, indent=1) + "\n")


def main() -> None:
    """The verb. Where Hydra is missing or broken no keys are read, and there is all the more to examine."""
    if missing := [name for name in LEAST if importlib.util.find_spec(name) is None]:
        sys.exit(complain(f"{', '.join(missing)}: not installed, as much else may be: pip install scansion", 1))
    try:
        importlib.import_module("hydra")
    except Exception as error:
        complain(f"no keys are read, as Hydra cannot be imported: {type(error).__name__}: {error}", 1)
        sys.exit(guarded(lambda: doctor(defaults(), [])))
    app("doctor", doctor)()


def defaults() -> Config:
    """The keys as conf/doctor.yaml has them."""
    import yaml

    content = yaml.safe_load((CONF / "doctor.yaml").read_text(encoding="utf-8"))
    return {key: value for key, value in content.items() if key != "defaults"}


if __name__ == "__main__":
    main()
