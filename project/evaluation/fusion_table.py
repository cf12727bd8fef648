"""What came of a fusion in sentences and tables: each level beside its members, each alpha, and where both peak."""

from __future__ import annotations

from collections.abc import Sequence

from project.evaluation.fusion_sweep import Outcome, Standing
from project.evaluation.grid import Grid
from project.evaluation.spikes import Spikes
from project.evaluation.verdict import Verdict, delta_text, number_text, title_of

Names = tuple[str, str]
KINDS = {"improved": "better", "worse": "worse", "undecided": "undecided"}
DETAILS = ("substitutions", "deletions", "insertions")
BLANK = "blank"
VERDICTS = {word: name for name, word in KINDS.items()}


def sentences(outcomes: Sequence[Outcome], names: Names) -> list[Verdict]:
    """One for each level."""
    found = []
    for one in outcomes:
        better = rival(one, names)
        text = {
            "improved": f"Fusion by {one.level} improves on {better}",
            "worse": f"Fusion by {one.level} is worse than {better}",
            "undecided": f"Fusion by {one.level} and {better} cannot be told apart",
        }[one.verdict]
        unit = " %" if one.percent else ""
        figures = [number_text(one.test[n].value, one.percent) + unit for n in (2, 3)]
        evidence = (
            f"{title_of(one.figure)} on test {figures[0]} against {figures[1]}, difference "
            f"{delta_text(one.delta, one.percent)}; alpha {one.alpha:g} and the better member chosen on dev"
        )
        kind = KINDS[one.verdict]
        found.append(Verdict(kind, text, evidence))  # type: ignore[arg-type]
    return found


def rival(one: Outcome, names: Names) -> str:
    """What a fusion is measured against."""
    return names[one.member] + (" by the same search" if one.searched else "")


def grids(outcomes: Sequence[Outcome], names: Names, found: Spikes | None) -> list[Grid]:
    """All tables: what came of it, each alpha on dev, and where both peak."""
    parts = [outcome_grid(outcomes, names), *(alpha_grid(one, names) for one in outcomes)]
    return [*parts, spike_grid(found, names)] if found else parts


def outcome_grid(outcomes: Sequence[Outcome], names: Names) -> Grid:
    """Each level on test, beside both members."""
    rows = []
    for one in outcomes:
        figures = [standing_text(standing, one.percent) for standing in one.test]
        delta = delta_text(one.delta, one.percent)
        rows.append((one.level, title_of(one.figure), f"{one.alpha:g}", *figures, delta, one.verdict))
        for name in shown(one, list(one.others)):
            standing, difference = one.others[name]
            texts = (standing_text(standing, one.percent), "", delta_text(difference, one.percent))
            rows.append((one.level, label(name, one), f"{one.alpha:g}", "", "", *texts, VERDICTS[difference.verdict]))
    heads = ("level", "figure", "alpha", f"{names[0]} [95 %]", f"{names[1]} [95 %]", "fusion [95 %]", "better member")
    notes = [f"alpha is the part of {names[1]}; it and the better member were chosen on dev, before test was looked at"]
    notes += [f"{one.level}: the better member on dev is {rival(one, names)}" for one in outcomes]
    return Grid("Fusion on test", (*heads, "against the better", "verdict"), tuple(rows), tuple(notes))


def alpha_grid(outcome: Outcome, names: Names) -> Grid:
    """One level on dev, alpha by alpha."""
    figure, percent = outcome.figure, outcome.percent
    details = shown(outcome, [name for name in outcome.points[0].figures if name not in {figure, BLANK}])
    with_blank = BLANK in outcome.points[0].figures
    rows = []
    for point in outcome.points:
        texts = [number_text(point.figures[name], percent) for name in (figure, *details)]
        blank = [f"{100 * point.figures[BLANK]:.1f}"] if with_blank else []
        mark = " (chosen)" if point.alpha == outcome.alpha else ""
        rows.append((f"{point.alpha:g}{mark}", *texts, *blank))
    unit = " (%)" if percent else ""
    heads = [f"{label(name, outcome)}{unit}" for name in (figure, *details)]
    heads += ["Blank frames (%)"] if with_blank else []
    members = [f"{name} {number_text(value, percent)}" for name, value in zip(names, outcome.dev, strict=True)]
    notes = (f"on dev as evaluated: {', '.join(members)}",)
    return Grid(f"Fusion by {outcome.level} on dev", ("alpha", *heads), tuple(rows), notes)


def shown(outcome: Outcome, figures: Sequence[str]) -> list[str]:
    """Of further figures those that a table has room for: kinds of the main figure's errors, and other rates whole."""
    kinds = [f"{outcome.figure}_{kind}" for kind in DETAILS]
    return [name for name in figures if name in kinds or not name.endswith(DETAILS)]


def label(name: str, outcome: Outcome) -> str:
    """A figure's heading: kinds of the main figure's errors by their kind alone."""
    kind = name.removeprefix(f"{outcome.figure}_")
    return title_of(kind if kind in DETAILS else name)


def spike_grid(found: Spikes, names: Names) -> Grid:
    """Where both peak."""
    rows = (
        ("symbols that both recognize", f"{found.shared:,}"),
        ("of these in frames apart", f"{100 * found.disjoint_share:.1f} %"),
        ("peaks apart, mean", f"{found.offset_ms:.0f} ms"),
        (f"peaks of {names[1]} later by, mean", f"{found.later_ms:+.0f} ms"),
        (f"frames where blank is likeliest, {names[0]}", f"{100 * found.blank[0]:.1f} %"),
        (f"frames where blank is likeliest, {names[1]}", f"{100 * found.blank[1]:.1f} %"),
    )
    note = "Where one peaks while the other says blank, a mean of both says blank: the symbol is lost"
    return Grid("Where both peak, on test", ("", "value"), rows, (note,))


def csv_rows(outcomes: Sequence[Outcome], names: Names) -> list[list[object]]:
    """Each alpha on dev and what came of it on test, as plain numbers, the header first."""
    head: list[object] = ["level", "part", "who", "alpha", "figure", "value", "low", "high"]
    rows: list[list[object]] = [head]
    for one in outcomes:
        for point in one.points:
            rows += [[one.level, "dev", "fusion", point.alpha, name, value] for name, value in point.figures.items()]
        for who, value in zip(names, one.dev, strict=True):
            rows.append([one.level, "dev", who, "", one.figure, value])
        for who, standing in zip((*names, "fusion"), one.test, strict=False):
            alpha = one.alpha if who == "fusion" else ""
            rows.append([one.level, "test", who, alpha, one.figure, standing.value, *(standing.interval or ())])
        gap = f"fusion less {rival(one, names)}"
        rows.append([one.level, "test", gap, one.alpha, one.figure, one.delta.value, *(one.delta.interval or ())])
        if one.searched:
            standing = one.test[3]
            about = [one.level, "test", rival(one, names), one.member, one.figure]
            rows.append([*about, standing.value, *(standing.interval or ())])
        for name, (standing, _) in one.others.items():
            rows.append([one.level, "test", "fusion", one.alpha, name, standing.value, *(standing.interval or ())])
    return [[*row, *[""] * (len(head) - len(row))] for row in rows]


def standing_text(standing: Standing, percent: bool) -> str:
    """A figure with its interval."""
    text = number_text(standing.value, percent) + (" %" if percent else "")
    if standing.interval is None:
        return text
    return f"{text} [{', '.join(number_text(end, percent) for end in standing.interval)}]"
