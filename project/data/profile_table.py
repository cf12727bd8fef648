"""Profiles as tables for the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from rich.table import Table
from rich.text import Text

from project.data.leakage import Repeats, Shared
from project.data.line import SECONDS
from project.data.profile import Profile

_LONGEST_NAME = 36  # characters
_MOST_SYMBOLS = 20  # shown, from both ends of the list


def profile_table(profiles: Sequence[Profile]) -> Table:
    """One column a manifest."""
    table = Table(title="Manifests", title_justify="left", header_style="bold")
    table.add_column("")
    for profile in profiles:
        table.add_column(Text(profile.name), justify="right")
    for label, cell in _ROWS:
        cells = [cell(profile) for profile in profiles]
        if any(cells):
            table.add_row(label, *(Text(one or "-") for one in cells))
    limits = {threshold.limit for profile in profiles for threshold in profile.thresholds}
    for limit in sorted(limits):
        table.add_row(f"up to {limit:g} s", *(Text(_threshold(profile, limit)) for profile in profiles))
    return table


def symbol_table(profiles: Sequence[Profile]) -> Table:
    """How often each symbol occurs, the most frequent first; of many symbols the ends of the list."""
    counts: Counter[str] = Counter()
    for profile in profiles:
        counts.update(profile.symbols)
    order = [symbol for symbol, _ in counts.most_common()]
    half = _MOST_SYMBOLS // 2
    left_out = max(0, len(order) - _MOST_SYMBOLS)
    table = Table(title="Symbols", title_justify="left", header_style="bold")
    table.add_column("symbol")
    for profile in profiles:
        table.add_column(Text(profile.name), justify="right")
    for number, symbol in enumerate(order[:half] + order[-half:] if left_out else order):
        if left_out and number == half:
            table.add_row(f"... {left_out} more")
        rare = [profile.symbols.get(symbol, 0) for profile in profiles]
        table.add_row(Text(visible(symbol)), *(Text(f"{count:,}", style="" if count else "yellow") for count in rare))
    return table


def shared_table(found: Sequence[Shared]) -> Table:
    """What each two manifests share, one row a pair and kind; red where it is something."""
    table = Table(title="Shared between manifests", title_justify="left", header_style="bold")
    for heading in ("manifests", "what", "shared", "examples", "for instance"):
        table.add_column(heading)
    for one in found:
        pair = Text(f"{one.first} / {one.second}")
        if not one.checked:
            lacking = "has no excerpts" if one.kind == "overlap" else f"names no {one.kind}"
            table.add_row(pair, one.kind, Text("not known", style="yellow"), "", f"one of them {lacking}")
        elif not one.values:
            table.add_row(pair, one.kind, Text("none", style="green"), "", "")
        else:
            examples = f"{one.examples[0]:,} / {one.examples[1]:,}"
            sample = Text(", ".join(shortened(name) for name in one.sample))
            table.add_row(pair, one.kind, Text(f"{one.values:,}", style="bold red"), examples, sample)
    return table


def visible(symbol: str) -> str:
    """A symbol as it can be seen.

    >>> visible("A"), visible(" "), visible("\\n")
    ('A', '␣', '\\\\n')
    """
    return "␣" if symbol == " " else symbol if symbol.isprintable() else repr(symbol)[1:-1]


def shortened(name: str) -> str:
    """The end of a long name, in which paths differ.

    >>> shortened("/corpus/" + "sub/" * 20 + "a.flac")
    '...ub/sub/sub/sub/sub/sub/sub/a.flac'
    """
    return name if len(name) <= _LONGEST_NAME else f"...{name[3 - _LONGEST_NAME :]}"


def duration_text(seconds: float) -> str:
    """A duration in its natural unit.

    >>> duration_text(3.25), duration_text(90), duration_text(7200)
    ('3.25 s', '1.5 min', '2.00 h')
    """
    return (
        f"{seconds:.2f} s"
        if seconds < 60
        else f"{seconds / 60:.1f} min"
        if seconds < 3600
        else f"{seconds / 3600:,.2f} h"
    )


def _total(profile: Profile, total: float) -> str:
    return duration_text(total) if profile.unit == SECONDS else f"{total:,.0f} frames"


def _percentile(percentile: int) -> Callable[[Profile], str]:
    def cell(profile: Profile) -> str:
        return _total(profile, profile.lengths[percentile]) if profile.lengths else ""

    return cell


def _threshold(profile: Profile, limit: float) -> str:
    found = next((one for one in profile.thresholds if one.limit == limit), None)
    if found is None or not profile.examples:
        return "-"
    return f"{found.examples:,} ({found.examples / profile.examples:.0%}), {_total(profile, found.total)}"


def _groups(profile: Profile) -> str:
    if not profile.groups:
        return ""
    alone = f", {profile.ungrouped:,} examples in none" if profile.ungrouped else ""
    return f"{len(profile.groups):,}{alone}"


def _biggest_group(profile: Profile) -> str:
    if not profile.groups:
        return ""
    name, group = next(iter(profile.groups.items()))
    return f"{name:.30}: {group.total / profile.total:.0%}"


def _rate(profile: Profile) -> str:
    if not profile.rates:
        return ""
    return f"{profile.rates[50]:.3g} ({profile.rates[5]:.3g} to {profile.rates[95]:.3g})"


def _repeats(repeats: Repeats) -> str:
    return f"{repeats.values:,} in {repeats.examples:,} examples" if repeats.values else "none"


_ROWS: tuple[tuple[str, Callable[[Profile], str]], ...] = (
    ("examples", lambda profile: f"{profile.examples:,}"),
    ("in all", lambda profile: _total(profile, profile.total)),
    ("shortest", _percentile(0)),
    ("5 %", _percentile(5)),
    ("median", _percentile(50)),
    ("95 %", _percentile(95)),
    ("longest", _percentile(100)),
    ("targets", lambda profile: ", ".join(f"{kind} {count:,}" for kind, count in profile.targets.items())),
    ("groups", _groups),
    ("biggest group", _biggest_group),
    ("symbols", lambda profile: f"{sum(profile.symbols.values()):,} of {len(profile.symbols):,} kinds"),
    ("symbols a second, median (5 to 95 %)", lambda profile: _rate(profile) if profile.unit == SECONDS else ""),
    ("symbols a frame, median (5 to 95 %)", lambda profile: "" if profile.unit == SECONDS else _rate(profile)),
    ("texts that come twice", lambda profile: _repeats(profile.repeated_texts)),
    ("media that come twice", lambda profile: _repeats(profile.repeated_media)),
)
