"""Which Reports of which runs an action of `scansion report` is about, and where what it writes goes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from project.contract import InputError
from project.run import Run

if TYPE_CHECKING:
    from project.evaluation.result import Report

NO_MATTER: Mapping[str, Any] = {}


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
