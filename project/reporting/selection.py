"""Which Reports of which runs an action of `scansion report` is about, and where what it writes goes."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from project import package
from project.contract import InputError
from project.run import Run

if TYPE_CHECKING:
    from project.evaluation.result import Report

NO_MATTER: Mapping[str, Any] = {}
MARKS = ("config.yaml", "state.json", "checkpoints")  # of a run's folder, maybe a damaged one
MOST_LATER = 3  # runs with a later Report that are spelled out


def choose(
    runs: Sequence[Run],
    protocol: str | None,
    manifest: str | None = None,
    allow: Sequence[str] = (),
    under: Mapping[str, Any] = NO_MATTER,
) -> list[Path]:
    """Of each run the Report to compare: of the Protocol asked for, or of one that all have, but for what may differ.

    Of several, that of a whole manifest rather than a part of one, then the latest. Those of the manifest that claims
    are about, and made `under` what they say of the Protocol, come first where all runs have some.
    """
    from project.evaluation.hypotheses.claim import satisfies
    from project.evaluation.shelf import browse, choose, pick

    shelves = [browse(run.reports) for run in runs]
    for run, shelf in zip(runs, shelves, strict=True):
        if not shelf:
            raise InputError(f"{run.folder}: no report yet: scansion evaluate {run.folder}")
        if protocol and all(one.folder.name != protocol for one in shelf):
            known = ", ".join(sorted(one.folder.name for one in shelf))
            raise InputError(f"{run.folder}: no report of protocol {protocol}: choose from {known}")
    if protocol:
        return [next(one.folder for one in shelf if one.folder.name == protocol) for shelf in shelves]
    about = [[one for one in shelf if one.scored(manifest)] for shelf in shelves]
    offered = about if manifest and all(about) else [list(shelf) for shelf in shelves]
    meant = [[one for one in offer if satisfies(one.protocol.flat(), under)] for offer in offered]
    offered = meant if all(meant) else offered
    try:
        key = choose(offered, [], allow)
    except InputError:  # compare() says what differs, between all of them
        return [max(offer, key=lambda one: (one.is_complete, one.created)).folder for offer in offered]
    return [pick(offer, key, allow).folder for offer in offered]


def run_folders(named: Sequence[str]) -> list[str]:
    """The folders of runs that were named; of several, what is plainly no run is left out and told.

    So that a shell's runs/morse/* is understood where pages and tables of earlier reports lie there, too.
    """
    if len(named) < 2:
        return list(named)
    kept = [one for one in named if not _is_plainly_none(Path(one))]
    if not kept:
        return list(named)
    if left := [one for one in named if one not in kept]:
        print(f"scansion: left out, as these are no runs: {', '.join(left)}", file=sys.stderr)
    return kept


def _is_plainly_none(path: Path) -> bool:
    """Whether something is there that is neither a package nor the folder of a run, not even of a damaged one."""
    if path.is_file():
        return path.suffix != package.SUFFIX
    is_known = package.is_package(path) or any((path / mark).exists() for mark in MARKS)
    return path.is_dir() and not is_known


def later_ones(runs: Sequence[Run], chosen: Sequence[Path], manifest: str | None = None) -> str:
    """That runs have later Reports than those chosen, of that manifest where one is named; empty if none has."""
    from project.evaluation.report_words import decoder_of
    from project.evaluation.shelf import Shelved, browse

    said: list[str] = []
    first: Shelved | None = None
    for run, folder in zip(runs, chosen, strict=True):
        shelf = browse(run.reports)
        own = next(one for one in shelf if one.folder == folder)
        first = first or own
        later = [one for one in shelf if one.created > own.created and one.is_complete >= own.is_complete]
        later = [one for one in later if one.scored(manifest)]
        if later:
            last = max(later, key=lambda one: one.created)
            about = [decoder_of(last.content), *([str(last.manifest)] if last.manifest != own.manifest else [])]
            said.append(f"{run.name} has a later one ({', '.join(filter(None, about)) or last.folder.name})")
    if first is None or not said:
        return ""
    more = f"; so have {len(said) - MOST_LATER} more" if len(said) > MOST_LATER else ""
    how = f" ({decoder})" if (decoder := decoder_of(first.content)) else ""
    latest = "; ".join(said[:MOST_LATER])
    return f"shown: Protocol {first.folder.name}{how}, the latest that all have; {latest}{more}"


def baseline_of(runs: list[Run], reports: list[Report], baseline: str | None) -> Report | None:
    """The Report of the run that the others are compared with; none where there is only one run."""
    if baseline is None:
        return reports[0] if len(reports) > 1 else None
    wanted = Run.open(baseline).folder.resolve()
    for run, one in zip(runs, reports, strict=True):
        if run.folder.resolve() == wanted:
            return one
    raise InputError(f"baseline={baseline}: not among the runs of this report: name it there too")


def place(runs: list[Run]) -> Path:
    """Where the page goes by default."""
    return Path(os.path.commonpath([run.folder.absolute() for run in runs])) / "report.html"


def reports_on(
    runs: Sequence[Run], wanted: str | None, key: str, allow: Sequence[str] = (), beside: str = "", words: str = ""
) -> list[Path]:
    """Of each run the folder of its Report on a manifest, Protocols equal but for what may differ.

    `wanted` is a manifest or the hash of a Protocol, as `key` was set; `beside` is a file that must lie there too, and
    `words` is what evaluate is to be told for it.
    """
    from project.evaluation.shelf import Shelved, browse, pick
    from project.evaluation.shelf import choose as choose_key

    named = wanted or _own_manifest(runs[0], key)
    offers: list[list[Shelved]] = []
    for run in runs:
        shelf = browse(run.reports)
        found = [one for one in shelf if one.folder.name == named or one.scored(named)]
        manifest = next((one.manifest for one in found if one.manifest), named)
        remedy = f"scansion evaluate {run.folder} data.manifest={manifest}{f' {words}' if words else ''}"
        if not found:
            raise InputError(f"{key}={named}: {run.folder} has no report on it: {remedy}")
        having = [one for one in found if not beside or (one.folder / beside).is_file()]
        if not having:
            raise InputError(f"{key}={named}: no {beside} beside the report of {run.folder}: {remedy}")
        offers.append(having)
    common = choose_key(offers, [], allow)
    return [pick(offer, common, allow).folder for offer in offers]


def _own_manifest(run: Run, key: str) -> str:
    """The manifest that a run kept for a purpose."""
    part = {"fit": "dev", "score": "test"}.get(key.rpartition(".")[2], key.rpartition(".")[2])
    manifest = run.config().get("data", {}).get("manifest", {}).get(part)
    if not isinstance(manifest, str):
        raise InputError(f"{key} is missing, and {run.folder} has no {part} manifest of its own: set {key}=<manifest>")
    return manifest


def target_of(runs: list[Run], out: str | None, name: str) -> Path:
    """Where the page of an action goes; its folder is made."""
    target = Path(out) if out else place(runs).with_name(f"{name}.html")
    target.parent.mkdir(parents=True, exist_ok=True)
    return target
