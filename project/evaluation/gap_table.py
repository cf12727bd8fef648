"""Where one run is better than another, in sentences and tables."""

from __future__ import annotations

from collections.abc import Sequence

from project.evaluation.gap import Gap, Names
from project.evaluation.grid import Grid
from project.evaluation.power import ALPHA
from project.evaluation.verdict import Verdict, delta_text, number_text

MAX_ROWS = 24  # of a table
NAMED = 5  # parts that a sentence spells out
SCARCE = "too little data"


def sentences(all_of_it: Gap, parts: Sequence[tuple[str, Sequence[Gap]]], names: Names) -> list[Verdict]:
    """Which run is better on the whole, and in which parts either is."""
    figures = [f"{number_text(rate, True)} %" for rate in all_of_it.rates]
    evidence = f"{figures[0]} against {figures[1]}, difference {delta_text(all_of_it.delta, True)}"
    winner = all_of_it.winner
    text = f"{names[0]} and {names[1]} cannot be told apart on the whole"
    if winner is not None:
        text = f"{names[winner]} is better than {names[1 - winner]} on the whole"
    kind = "undecided" if winner is None else ("better", "worse")[winner]
    found = [Verdict(kind, text, evidence)]  # type: ignore[arg-type]
    for name, gaps in parts:
        for side in (0, 1):
            won = [gap.label for gap in sorted(gaps, key=lambda gap: -abs(gap.errors)) if gap.winner == side]
            if won:
                more = f" and {len(won) - NAMED} more" if len(won) > NAMED else ""
                text = f"{names[side]} is better by {name}: {', '.join(won[:NAMED])}{more}"
                found.append(Verdict("note", text, chance_text(gaps)))
    return found


def gap_grid(title: str, heading: str, gaps: Sequence[Gap], names: Names, most: int = MAX_ROWS) -> Grid | None:
    """The parts of one kind, as many as a table takes; None where there is none."""
    if not gaps:
        return None
    rows = tuple(
        (
            gap.label,
            f"{gap.symbols:,}",
            *(f"{number_text(rate, True)} %" for rate in gap.rates),
            delta_text(gap.delta, True),
            said(gap, names),
        )
        for gap in gaps[:most]
    )
    notes = [chance_text(gaps)] if any(gap.delta.interval for gap in gaps) else []
    if len(gaps) > most:
        notes.append(f"{len(gaps) - most:,} more, with smaller changes, stand in the CSV table")
    heads = (heading, "symbols", names[0], names[1], "difference [95 %]", "better")
    return Grid(title, heads, rows, tuple(notes))


def said(gap: Gap, names: Names) -> str:
    """Who is better in a part."""
    if gap.delta.interval is None:
        return SCARCE
    return "tie" if gap.winner is None else names[gap.winner]


def chance_text(gaps: Sequence[Gap]) -> str:
    """How many of so many parts chance alone would tell apart."""
    looked = sum(gap.delta.interval is not None for gap in gaps)
    won = sum(gap.winner is not None for gap in gaps)
    return (
        f"{won} of {looked} told apart; of so many that are all the same, about {ALPHA * looked:.1f} would be by chance"
    )


def csv_rows(parts: Sequence[tuple[str, Sequence[Gap]]], names: Names) -> list[list[object]]:
    """Every part as plain numbers, the header first."""
    head: list[object] = ["by", "part", "symbols", "examples", *(f"rate {name}" for name in names)]
    rows: list[list[object]] = [[*head, "difference", "low", "high", "p", "better"]]
    for name, gaps in parts:
        for gap in gaps:
            ends = gap.delta.interval or ("", "")
            p_value = "" if gap.delta.p_value is None else gap.delta.p_value
            figures = (*gap.rates, gap.delta.value, *ends, p_value)
            rows.append([name, gap.label, gap.symbols, gap.examples, *figures, said(gap, names)])
    return rows
