"""What a search found, for people and for programs: every trial, what matters, and what the best one is worth.

It does not know seeds' noise, and says so: each point was trained once.
"""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Mapping, Sequence

from rich.table import Table

from project.search.trials import Outcome, Proposal, Row, Trials


def progress(proposal: Proposal, outcome: Outcome, trials: Trials) -> str:
    """A line about a point that has just ended."""
    monitor = trials.study.user_attrs["monitor"]
    what = {"done": f"{monitor} {spelled(outcome.value)}", "pruned": "stopped: hopeless"}
    told = what.get(outcome.state, f"failed: {outcome.error}")
    best = trials.best()
    beside = f"  (best {spelled(best[0].outcome.value)}, trial {best[0].proposal.number})" if best else ""
    return f"trial    {proposal.number}, {trials.count_ended()} of {trials.plan.trials}: {told}{beside}"


def told(trials: Trials) -> Table:
    """All trials, the best first, then the stopped, then the failed."""
    monitor, keys = trials.study.user_attrs["monitor"], list(trials.plan.space)
    table = Table("trial", monitor, "state", *keys, "", title="search", title_justify="left")
    for row in ranked(trials.rows(), trials.study.user_attrs["mode"]):
        beside = row.outcome.error or ", ".join(
            f"{name.replace('_', ' ')} {number}" for name, number in row.facts.items()
        )
        values = [row.proposal.values[key] for key in keys]
        shown = spelled(row.outcome.value) if row.outcome.value is not None else ""
        table.add_row(str(row.proposal.number), shown, row.outcome.state, *values, beside)
    return table


def as_csv(trials: Trials) -> str:
    """The table for programs."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    keys = list(trials.plan.space)
    writer.writerow(["trial", "state", "value", *keys, "run", "error"])
    for row in trials.rows():
        values = [row.proposal.values[key] for key in keys]
        out = row.outcome
        writer.writerow(
            [row.proposal.number, out.state, "" if out.value is None else out.value, *values, out.run, out.error]
        )
    return text.getvalue()


def conclusions(trials: Trials, command: Sequence[str]) -> list[str]:
    """What is to be said below the table: the best, how to have it again, what it rests on, and what matters."""
    rows, best, monitor = trials.rows(), trials.best(), trials.study.user_attrs["monitor"]
    if not best:
        return ["best     none: no point came to its end; the table says why"]
    points = len({tuple(row.proposal.values.items()) for row in rows})
    first, ties = best[0], [str(row.proposal.number) for row in best[1:]]
    lines = [f"best     trial {first.proposal.number}: {monitor} {spelled(first.outcome.value)}: {first.outcome.run}"]
    lines += [f"         exactly as good: trials {', '.join(ties)}"] if ties else []
    lines += [f"         {shlex.join([*command, *first.proposal.words])}"]
    lines += [
        f"noise    {points} points, each trained once and judged by its best validation: how far seeds alone move "
        f"{monitor} is not known, so near values are not in order: scansion train -m ... seed=1,2,3 of the first few"
    ]
    if weights := trials.importances():
        lines += [f"matters  {shares(weights)} (of being in the better half of these trials)"]
    elif len(trials.plan.space) > 1:
        lines += ["matters  too few trials came to their end to say which key does"]
    return lines


def shares(weights: Mapping[str, float]) -> str:
    """Parts of 1 in words.

    >>> shares({"optimizer.lr": 0.853, "model": 0.147})
    'optimizer.lr 85 %, model 15 %'
    """
    return ", ".join(f"{key} {weight:.0%}".replace("%", " %") for key, weight in weights.items())


def ranked(rows: Sequence[Row], mode: str) -> list[Row]:
    """The best first; those that were stopped or failed are behind those that were not, whatever their last figure."""
    sign = 1 if mode == "min" else -1
    order = {"done": 0, "pruned": 1, "failed": 2}

    def place(row: Row) -> tuple[int, float, int]:
        value = row.outcome.value
        return order[row.outcome.state], sign * value if value is not None else 0.0, row.proposal.number

    return sorted(rows, key=place)


def spelled(value: float | None) -> str:
    """A figure in the table.

    >>> spelled(0.123456), spelled(None)
    ('0.1235', '')
    """
    return "" if value is None else f"{value:.4g}"
