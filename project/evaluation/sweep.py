"""Runs of a sweep: what differs between their configurations, and how they rank, alone and over seeds.

They are ranked by the primary figure of their Reports and never by a loss: a loss with other terms or other weights is
another quantity, and smaller says nothing. It does not read configurations: they come as dotted keys and values.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from project.evaluation.comparison import Comparison, better
from project.evaluation.grid import Grid
from project.evaluation.verdict import figure_text, is_percent, number_text, title_of

ABSENT = "absent"  # of a key that a run's configuration does not have
TARGET = "._target_"
NAMED = 6  # settings that a row spells out
LOSS_PARTS = ("weighting", "loss")

Settings = Mapping[str, Any]  # dotted key -> value; one a report


@dataclass(frozen=True, slots=True)
class Group:
    """Runs that differ in their seed alone."""

    settings: str  # what sets it apart: "weighting.mask=0.3"
    members: tuple[int, ...]  # positions of reports
    values: tuple[float, ...]  # of the primary figure

    @property
    def mean(self) -> float:
        return fmean(self.values)

    @property
    def spread(self) -> float | None:
        """Standard deviation over seeds; None for one run."""
        return stdev(self.values) if len(self.values) > 1 else None


def varying(settings: Sequence[Settings]) -> list[str]:
    """Keys whose values differ between runs, seeds last; without those that repeat a key of the top (data.seed).

    >>> varying([{"seed": 1, "data.seed": 1, "lr": 2}, {"seed": 2, "data.seed": 2, "lr": 2}])
    ['seed']
    """
    columns: dict[str, tuple[str, ...]] = {}
    for key in dict.fromkeys(key for mapping in settings for key in mapping):
        values = tuple(setting_text(mapping.get(key, ABSENT)) for mapping in settings)
        if len(set(values)) > 1:
            columns[key] = values
    top = [key for key in columns if "." not in key]
    own = [key for key in columns if not any(_repeats(key, one) and columns[key] == columns[one] for one in top)]
    return sorted(own, key=is_seed)


def setting_text(value: Any) -> str:
    """A value as one writes it on the command line.

    >>> setting_text(0.3), setting_text(None), setting_text([1, 2]), setting_text("ctc")
    ('0.3', 'null', '[1,2]', 'ctc')
    """
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), default=str)


def describe(names: Sequence[str], settings: Settings) -> str:
    """What sets a run apart, in words; settings that it does not have are not told.

    >>> describe(["weighting.mask", "loss._target_"], {"weighting.mask": 0.3, "loss._target_": "project.loss.ctc.Ctc"})
    'weighting.mask=0.3 loss=Ctc'
    """
    names = [name for name in names if settings.get(name, ABSENT) != ABSENT] or list(names)
    parts = []
    for name in names[:NAMED]:
        text = setting_text(settings.get(name, ABSENT))
        parts.append(f"{name.removesuffix(TARGET)}={text.rsplit('.', 1)[-1] if name.endswith(TARGET) else text}")
    return " ".join(parts) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def groups(comparison: Comparison, settings: Sequence[Settings]) -> list[Group]:
    """Runs put together over seeds, best mean first."""
    names = [name for name in varying(settings) if not is_seed(name)]
    found: dict[tuple[str, ...], list[int]] = {}
    for n, mapping in enumerate(settings):
        found.setdefault(tuple(setting_text(mapping.get(name, ABSENT)) for name in names), []).append(n)
    made = [
        Group(
            describe(names, settings[members[0]]) or "all runs",
            tuple(members),
            tuple(comparison.reports[n].metrics[comparison.primary] for n in members),
        )
        for members in found.values()
    ]
    sign = -1 if better(comparison.reports[0], comparison.primary) == "higher" else 1
    return sorted(made, key=lambda group: sign * group.mean)


def is_seed(name: str) -> bool:
    """Whether a key is a seed, over which runs are put together.

    >>> is_seed("seed"), is_seed("data.seed"), is_seed("data.seeds")
    (True, True, False)
    """
    return name.rsplit(".", 1)[-1] == "seed"


def group_grid(comparison: Comparison, settings: Sequence[Settings], notes: Sequence[str] = ()) -> Grid | None:
    """Mean and spread over seeds, best first; None where no two runs differ in their seed alone."""
    found = groups(comparison, settings)
    if all(len(group.members) == 1 for group in found):
        return None
    percent, title = is_percent(comparison.reports[0], comparison.primary), title_of(comparison.primary)
    unit = " %" if percent else ""
    rows = []
    for group in found:
        spread = "-" if group.spread is None else f"{number_text(group.spread, percent)}{unit}"
        ends = f"{number_text(min(group.values), percent)} to {number_text(max(group.values), percent)}{unit}"
        mean = f"{number_text(group.mean, percent)}{unit}"
        rows.append((group.settings, mean, spread, ends, str(len(group.values))))
    heads = ("settings", f"mean {title}", "std over seeds", "best to worst", "seeds")
    if better(comparison.reports[0], comparison.primary) == "higher":
        heads = (*heads[:3], "worst to best", heads[4])
    return Grid(f"{title} over seeds, best first", heads, tuple(rows), tuple(notes))


def run_grid(comparison: Comparison, settings: Sequence[Settings], notes: Sequence[str] = ()) -> Grid | None:
    """Each run with what differs, best first; None where nothing does."""
    names = varying(settings)
    if not names:
        return None
    title = title_of(comparison.primary)
    rows = tuple(
        (describe(names, settings[n]), figure_text(comparison.reports[n], comparison.primary), comparison.labels[n])
        for n in comparison.ranking()
    )
    return Grid(f"Runs by {title}, best first", ("settings", f"{title} [95 %]", "run"), rows, tuple(notes))


def loss_note(settings: Sequence[Settings], terms: Sequence[frozenset[str]]) -> str:
    """Whether losses of these runs may be compared: only with the same terms and the same weights."""
    names = [name for name in varying(settings) if name.split(".", 1)[0] in LOSS_PARTS]
    known = [found for found in terms if found]
    differing = sorted(frozenset.union(*known) - frozenset.intersection(*known)) if known else []
    if not names and not differing:
        return ""
    verb = "differs" if len(names) == 1 else "differ"
    reasons = [f"{', '.join(name.removesuffix(TARGET) for name in names)} {verb}"] if names else []
    reasons += [f"not all have the term{'s' if len(differing) > 1 else ''} {', '.join(differing)}"] if differing else []
    return f"Losses of these runs are not comparable ({'; '.join(reasons)}): judge by the figures, not by a loss"


def loss_terms(names: Iterable[str]) -> frozenset[str]:
    """Terms of a run's loss, from the names of its scalars.

    >>> sorted(loss_terms(["train/loss", "train/ctc", "train/ctc/weighted", "train/mask/weighted", "dev/cer"]))
    ['ctc', 'mask']
    """
    phase, tail = "train/", "/weighted"
    return frozenset(name[len(phase) : -len(tail)] for name in names if name.startswith(phase) and name.endswith(tail))


def _repeats(key: str, top: str) -> bool:
    """Whether a key may stand for one of the top by its name: trainer.max_epochs for epochs."""
    last = key.rsplit(".", 1)[-1]
    return "." in key and (last == top or last.endswith(f"_{top}"))
