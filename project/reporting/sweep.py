"""What a sweep showed: the effect of each setting beside that of seeds, the best points, and who ties with them.

By the Reports of its points where all have some; otherwise by the best dev figures, which have no intervals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from project.contract import Config, InputError
from project.reporting.selection import choose
from project.reporting.standing import Standing, counts, standings
from project.reporting.writing import tell, write_csv, write_markdown
from project.run import Run, monitored
from project.sweep import Sweep

if TYPE_CHECKING:
    from project.evaluation.grid import Grid
    from project.evaluation.sensitivity_table import Outcome

MIN_POINTS = 2
NAMED = 3  # runs without a Report that are spelled out


def act(config: Config) -> int:
    """Print what was found, write page and CSV; the page's path is the last line on standard output."""
    from project.evaluation.page.sweep_page import write_page
    from project.evaluation.sensitivity_table import axis_grid, csv_rows, point_grid, sentences, setting_grid, warnings

    sweep = Sweep.open(config["sweep"])
    found, problem = standings(sweep)
    done = [one for one in found if one.state == "done"]
    if len(done) < MIN_POINTS:
        told = ", ".join(f"{count} {state}" for state, count in counts(found).items())
        raise InputError(
            f"{sweep.folder}: {told}: two points or more must be done: see scansion report action=status "
            f"sweep={sweep.name}"
        )
    axes = list(sweep.axes())
    outcome, notes = outcome_of(done, axes, config)
    rest = unfinished(found)
    if rest:
        notes.insert(0, f"{len(rest.rows)} of {len(found)} points have not come to an end and are not in these figures")
    notes += [f"SLURM was asked and did not say: {problem}"] if problem else []
    target = Path(config["out"] or sweep.folder / "sweep.html")
    target.parent.mkdir(parents=True, exist_ok=True)
    about = (
        f"{len(found)} points over {', '.join(axes) or 'nothing'}; {len(outcome.trials)} with {outcome.figure.title}"
    )
    page = write_page(target, f"Sweep {sweep.name}", about, outcome, rest, notes)
    write_csv(page.with_suffix(".csv"), csv_rows(outcome, axes, {one.point.name: one.state for one in found}))
    said = [*sentences(outcome), *warnings(outcome)]
    grids = [axis_grid(outcome), setting_grid(outcome), point_grid(outcome), rest]
    shown = [grid for grid in grids if grid]
    if config["markdown"]:
        write_markdown(Path(config["markdown"]), said, shown)
    tell(said, shown, notes)
    print(page)
    return 0


def outcome_of(done: Sequence[Standing], axes: Sequence[str], config: Config) -> tuple[Outcome, list[str]]:
    """What the points that are done showed, and what must be said about the figures."""
    from project.evaluation.shelf import browse

    runs = [Run.open(one.point.run) for one in done]
    wanted = config["manifest"]
    lacking = [run for run in runs if not any(one.scored(wanted) for one in browse(run.reports))]
    if not lacking:
        return by_reports(done, runs, axes, config), []
    if config["protocol"] or wanted:
        of = f" on manifest={wanted}" if wanted else ""
        raise InputError(f"{lacking[0].folder}: no report{of}: {_remedy(lacking[0], wanted)}")
    outcome, notes = by_dev(done, runs, axes)
    names = ", ".join(str(run.folder) for run in lacking[:NAMED])
    more = f" and {len(lacking) - NAMED} more" if len(lacking) > NAMED else ""
    who = "no point has a report" if len(lacking) == len(runs) else f"no report of {names}{more}"
    why = f"{who}: these are best dev figures, without intervals, and ties cannot be told. Score each point for that"
    return outcome, [f"{why}: {_remedy(lacking[0], None)}", *notes]


def by_reports(done: Sequence[Standing], runs: Sequence[Run], axes: Sequence[str], config: Config) -> Outcome:
    """By Reports under one Protocol, each compared with that of the best point."""
    from project.evaluation.comparison import better, compare
    from project.evaluation.sensitivity import Trial, sensitivity
    from project.evaluation.sensitivity_table import Figure, Outcome
    from project.evaluation.shelf import read
    from project.evaluation.verdict import is_percent, title_of

    allow = config["allow"]
    reports = [read(folder) for folder in choose(runs, config["protocol"], config["manifest"], allow)]
    first = compare(reports, allow=allow)
    best = reports[first.ranking()[0]]
    labels = tuple(one.point.told for one in done)
    comparison = replace(compare(reports, baseline=best, allow=allow), labels=labels)
    name = comparison.primary
    trials = tuple(
        Trial(one.point.name, settings_of(one, axes), report.metrics[name], report.intervals.get(name))
        for one, report in zip(done, comparison.reports, strict=True)
    )
    figure = Figure(title_of(name), better(best, name), is_percent(best, name))
    return Outcome(trials, sensitivity(trials, axes), figure, comparison)


def by_dev(done: Sequence[Standing], runs: Sequence[Run], axes: Sequence[str]) -> tuple[Outcome, list[str]]:
    """By the best value that each run reached of the figure it is judged by on dev."""
    from project.evaluation.sensitivity import Trial, sensitivity
    from project.evaluation.sensitivity_table import Figure, Outcome
    from project.evaluation.verdict import title_of

    asked = {monitored(one.config) for one in done}
    if len(asked) > 1:
        names = ", ".join(sorted(name for name, _ in asked))
        raise InputError(
            f"points are judged by different figures of dev ({names}): score all: {_remedy(runs[0], None)}"
        )
    (name, mode), trials, without = asked.pop(), [], []
    for one, run in zip(done, runs, strict=True):
        values = [value for _, value in run.curves().get(name, ()) if value == value]  # noqa: PLR0124 (no NaN)
        if values:
            best = min(values) if mode == "min" else max(values)
            trials.append(Trial(one.point.name, settings_of(one, axes), best))
        else:
            without.append(one.point.told)
    if not trials:
        raise InputError(f"no point has a figure {name} in its metrics.csv: {_remedy(runs[0], None)}")
    figure = Figure(f"best {title_of(name.removeprefix('dev/'))} on dev", "lower" if mode == "min" else "higher", False)
    notes = [f"without a figure {name}, and left out: {', '.join(without)}"] if without else []
    return Outcome(tuple(trials), sensitivity(trials, axes), figure, None), notes


def settings_of(one: Standing, axes: Sequence[str]) -> dict[str, str]:
    """What sets a point apart, by axis."""
    said = dict(word.lstrip("+~").partition("=")[::2] for word in one.point.words)
    return {axis: said[axis] for axis in axes if axis in said}


def unfinished(found: Sequence[Standing]) -> Grid | None:
    """The points that are not done, and why."""
    from project.evaluation.grid import Grid

    rows = tuple(
        (
            one.point.told,
            one.state,
            one.reached.told if one.reached else "-",
            f"{one.error or '-'}{f' (log: {one.log})' if one.log else ''}",
        )
        for one in found
        if one.state != "done"
    )
    return Grid("Points that are not done", ("point", "state", "last figure", "why"), rows) if rows else None


def _remedy(run: Run, manifest: str | None) -> str:
    words = f" data.manifest={manifest}" if manifest else ""
    return f"scansion evaluate {run.folder}{words}, or evaluate.manifests=[...] when the sweep is started"
