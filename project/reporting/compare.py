"""Evaluated runs side by side, where their Protocols are equal, as tables, a page and CSV tables.

What became of the claims that it was asked to judge comes first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from project import atomic, metrics_file
from project.build.claims import read_claims
from project.contract import Config, InputError
from project.reporting.known_run import KnownRun, entrant, outdated, watch
from project.reporting.selection import place, run_folders
from project.reporting.shown import shown as chosen

if TYPE_CHECKING:
    from project.evaluation.comparison import Comparison
    from project.evaluation.grid import Grid
    from project.evaluation.hypotheses.claim import Claim
    from project.evaluation.hypotheses.judgement import Judgement
    from project.evaluation.matrix import Entry
    from project.evaluation.run_view import RunView


def act(config: Config) -> int:
    """Judge, compare, print the tables, write page and CSV; the page's path is the last line on standard output."""
    from project.evaluation.comparison import compare
    from project.evaluation.matrix import entries, matrix
    from project.evaluation.page.comparison_page import write_page
    from project.evaluation.report_findings import findings_of, merged

    claims = read_claims(config["hypotheses"])
    asked = [KnownRun.open(folder) for folder in run_folders(config["runs"])]
    judgements, said, shown = judged(claims, asked, config)
    if not shown:
        reasons = [*said, *(line for one in judgements for line in one.evidence)]
        raise InputError(f"no run with a report speaks to these claims: {reasons[0] if reasons else 'name runs'}")
    found = chosen(shown, [claims[one.name] for one in judgements], config)
    runs, reports, views = [one.run for one in shown], found.reports, found.views
    comparison = compare(reports, baseline=found.baseline, allow=found.allow)
    by = [config["by"]] if isinstance(config["by"], str) else list(config["by"] or [])
    watched = {one.run: watch(it, one, its) for one, it, its in zip(reports, found.known, views, strict=True)}
    stale = merged([{one.run: outdated(it, one)} for one, it in zip(reports, found.known, strict=True)])
    findings = merged([stale, findings_of(comparison, config["headroom"]), watched])
    grids, notes = tables(comparison, views, by)
    made = entries(comparison, views, findings)
    whole = matrix(comparison, made)
    opened = [name for name in by if name != "length"]  # the page always shows that
    target = Path(config["out"] or place(runs))
    target.parent.mkdir(parents=True, exist_ok=True)
    page = write_page(target, comparison, views, by=opened, judgements=judgements, matrix=whole, findings=findings)
    traces = {run.name: metrics_file.lines(run.metrics_file) for run in runs}
    write_tables(page.with_name(f"{page.stem}_tables"), comparison, views, traces, made)
    if config["markdown"]:
        write_markdown(Path(config["markdown"]), judgements, comparison, [*grids, whole])
    tell(judgements, comparison, [*grids, whole], [*said, *found.notes, *notes])
    print(page)
    return 0


def judged(
    claims: Mapping[str, Claim], asked: Sequence[KnownRun], config: Config
) -> tuple[list[Judgement], list[str], list[KnownRun]]:
    """What became of the claims, which were left out, and the runs to show: those asked about, or those claims name.

    Of all claims, those that are not about these runs are left out; one that was named must be about them.
    """
    from project.evaluation.hypotheses.claim import NoRuns
    from project.evaluation.hypotheses.judgement import judge
    from project.evaluation.hypotheses.trial import participants

    if not asked and not claims:
        raise InputError("no run is named: scansion report runs/<family>/<run> ...")
    found = {one.run.folder.resolve(): one for one in asked}
    lenient = config["hypotheses"] == "all"
    named = [folder for name, claim in claims.items() for folder in _own_folders(name, claim, lenient)]
    found |= {folder.resolve(): KnownRun.open(folder) for folder in named if folder.resolve() not in found}
    known = {one.run.folder: one for one in found.values()}
    entrants = [entrant(one) for one in known.values()] if claims else []
    judgements, said, about = [], [], dict[Path, None]()
    for name, claim in claims.items():
        try:
            judgements.append(judge(name, claim, entrants, config["allow"]))
            about |= dict.fromkeys(one.folder for one in participants(claim, entrants) if one.reports)
        except NoRuns as error:
            if not lenient:
                raise InputError(f"{name}: {error}") from error
            said.append(f"left out {name}: {error}")
        except InputError as error:
            raise InputError(f"{name}: {error}") from error
    return judgements, said, list(asked) or [known[folder] for folder in about]


def _own_folders(name: str, claim: Claim, lenient: bool) -> list[Path]:
    """The run folders that a claim names itself."""
    from project.evaluation.hypotheses.claim import NoRuns

    try:
        return [*claim.treatment.folders("treatment"), *claim.baseline.folders("baseline")]
    except NoRuns as error:
        if lenient:  # it will be left out
            return []
        raise InputError(f"{name}: {error}") from error


def write_tables(
    folder: Path,
    comparison: Comparison,
    views: Sequence[RunView],
    traces: Mapping[str, Iterator[tuple[str, str, str, str]]],
    made: Sequence[Entry],
) -> None:
    """The CSV tables of all runs, in a folder of their own beside the page."""
    from project.evaluation.csv_tables import write_matrix, write_predictions, write_trace

    folder.mkdir(exist_ok=True)
    settings = [one.settings for one in views]
    write_predictions(folder, comparison, settings)
    write_trace(folder, comparison, settings, traces)
    write_matrix(folder, made)


def write_markdown(file: Path, judgements: Sequence[Judgement], comparison: Comparison, grids: Sequence[Grid]) -> None:
    """Judgements, comparison and tables as Markdown."""
    from project.evaluation import table
    from project.evaluation.hypotheses import judgement

    parts = [judgement.markdown(judgements)] if judgements else []
    parts += [table.markdown(comparison), *(grid.markdown() for grid in grids)]
    file.parent.mkdir(parents=True, exist_ok=True)
    atomic.write(file, "\n".join(parts))


def tell(judgements: Sequence[Judgement], comparison: Comparison, grids: Sequence[Grid], notes: Sequence[str]) -> None:
    """The same on standard error, the last of the grids made narrow."""
    from rich.console import Console

    from project.evaluation import table
    from project.evaluation.hypotheses import judgement
    from project.evaluation.matrix import narrow
    from project.evaluation.verdict import leading

    console = Console(stderr=True)
    if judgements:
        console.print(judgement.terminal(judgements), highlight=False)
    console.print(table.terminal(comparison))
    for verdict in leading(comparison):
        console.print(verdict.line, markup=False, highlight=False)
    for grid in (*grids[:-1], narrow(grids[-1])):
        console.print(grid.terminal())
    for note in notes:
        console.print(note, markup=False)


def tables(comparison: Comparison, views: Sequence[RunView], by: Sequence[str]) -> tuple[list[Grid], list[str]]:
    """What is told beside the comparison: how sure it is, runs of a sweep, conditions (or why not)."""
    from project.evaluation.breakdown import group_table, length_table
    from project.evaluation.condition import check, condition, condition_grid
    from project.evaluation.page.picture import coloured
    from project.evaluation.sureness import sureness_grid
    from project.evaluation.sweep import group_grid, loss_note, loss_terms, run_grid

    positions = list(coloured(comparison))
    parts = {"length": length_table, "group": group_table}
    conditions = [name for name in by if name not in parts]
    check(comparison, conditions, positions)
    settings = [one.settings for one in views]
    note = loss_note(settings, [loss_terms(one.curves) for one in views])
    said = [note] if note else []
    grids = [sureness_grid(comparison), group_grid(comparison, settings, said) or run_grid(comparison, settings, said)]
    grids += [parts[name](comparison, positions) for name in by if name in parts]
    found = [condition(comparison, name, positions) for name in conditions]
    grids += [condition_grid(comparison, one) for one in found if not isinstance(one, str)]
    return [grid for grid in grids if grid], [one for one in found if isinstance(one, str)]
