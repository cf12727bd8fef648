"""The Reports that a comparison shows: of each run the one that the claims speak of, and what it is compared with.

A claim that sets runs against themselves (with an adapter and without, beam against greedy search) has its baseline
shown as well: the Report of the first run under the other Protocol.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from project.contract import Config, InputError
from project.reporting.known_run import KnownRun, view
from project.reporting.selection import baseline_of, choose, later_ones

if TYPE_CHECKING:
    from project.evaluation.hypotheses.claim import Claim
    from project.evaluation.result import Report
    from project.evaluation.run_view import RunView
    from project.run import Run


@dataclass(frozen=True, slots=True)
class Shown:
    """What stands in one table, in its order: a run is there twice if it is compared with itself."""

    known: list[KnownRun]
    views: list[RunView]
    reports: list[Report]
    baseline: Report | None
    allow: list[str]  # fields of the Protocol that may differ
    notes: list[str] = field(default_factory=list)  # what must be said of the choice


def shown(known: Sequence[KnownRun], claims: Sequence[Claim], config: Config) -> Shown:
    """The Reports of these runs to compare, where there are claims those that the first one is judged by."""
    from project.evaluation.shelf import read

    runs, asked, protocol = [one.run for one in known], config["baseline"], config["protocol"]
    allow = list(dict.fromkeys([*config["allow"], *(name for claim in claims for name in claim.allow)]))
    first = claims[0] if claims else None
    manifest, under = (first.primary.manifest, first.treatment.protocol) if first else (None, {})
    if config["manifest"]:
        manifest = str(config["manifest"])
        require_scored(runs, manifest)
    chosen = choose(runs, protocol, manifest, allow, under)
    reports = [read(folder) for folder in chosen]
    asks = first is not None or protocol is not None
    notes = [note for note in ("" if asks else later_ones(runs, chosen, manifest),) if note]
    views = [view(one) for one in known]
    if first is None or asked is not None or protocol is not None or not against_itself(first):
        return Shown(list(known), views, reports, baseline_of(runs, reports, asked), allow, notes)
    (folder,) = choose(runs[:1], None, manifest, allow, first.baseline.protocol)
    own = {**views[0].settings, **first.baseline.protocol}  # that it is no seed of its run is to be seen
    untrained, base = replace(views[0], curves={}, settings=own), read(folder)
    return Shown([known[0], *known], [untrained, *views], [base, *reports], base, allow)


def require_scored(runs: Sequence[Run], manifest: str) -> None:
    """Refuse a manifest that one of the runs was not scored on."""
    from project.evaluation.shelf import browse

    for run in runs:
        if not any(one.scored(manifest) for one in browse(run.reports)):
            raise InputError(
                f"{run.folder}: no report of manifest={manifest}: scansion evaluate {run.folder} "
                f"data.manifest={manifest}"
            )


def against_itself(claim: Claim) -> bool:
    """Whether treatment and baseline are the same runs under two Protocols."""
    one, other = claim.treatment, claim.baseline
    return (list(one.runs), dict(one.where)) == (list(other.runs), dict(other.where))
