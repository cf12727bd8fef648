"""A claim about runs, written down before they are judged: which should be better than which, at what, by how much.

Each file of conf/evaluation/hypotheses holds one. It knows neither figures nor files of Reports: it says what to look
for, and what must hold.
"""

from __future__ import annotations

import glob
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from project.contract import InputError
from project.evaluation.protocol import ABSENT

COMPARED = re.compile(r"^(<=|>=|!=|<|>)\s*(.*)$", flags=re.S)
COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
ANSWERS = "answers"  # the metric of claims that runs say something else: the part of the examples whose texts differ
Where = Mapping[str, Any]  # dotted key -> what its value must be, see `agrees`


class NoRuns(InputError):
    """None of the runs at hand is one that a claim speaks of."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which runs, and under which Protocol they were evaluated: all runs at hand where nothing is said."""

    runs: Sequence[str] = ()  # folders or globs; none: those that the report was asked about
    where: Where = field(default_factory=dict)  # keys of their configuration; init_from.<key>: of what they began with
    protocol: Where = field(default_factory=dict)  # keys of the Protocol of the Reports to judge by: decode.kind

    def folders(self, name: str) -> list[Path]:
        """The run folders that `runs` names; `name` is of this selection, for messages."""
        found: dict[Path, None] = {}
        for pattern in self.runs:
            made = [Path(one) for one in sorted(glob.glob(pattern))]  # noqa: PTH207 - absolute patterns, too
            made = [one for one in made if (one / "config.yaml").is_file()]
            if not made:
                raise NoRuns(f"{name}.runs: {pattern}: no such run folder: name folders of runs, or globs of them")
            found |= dict.fromkeys(made)
        return list(found)

    def check_keys(self, name: str, known: Sequence[str]) -> None:
        """Refuse keys that no run's configuration has."""
        for key in self.where:
            if key not in known:
                near = get_close_matches(key, known, n=1)
                hint = f"did you mean {near[0]}?" if near else "see the runs' config.yaml"
                raise NoRuns(f"{name}.where.{key}: no run at hand has such a key: {hint}")


@dataclass(frozen=True, slots=True)
class Aim:
    """What the claim is about: a figure, on a manifest, that gets lower or higher; or answers that get different."""

    metric: str  # "answers": the part of the examples in which treatment and baseline recognized different texts
    direction: Literal["lower", "higher", "different"]  # the last of answers, and of nothing else
    manifest: str | None = None  # its path as evaluate was told, or its hash; none: the latest that all runs share
    gain: float = 0.0  # the smallest change that matters: 0.002 are 0.2 points; of answers, 0.05 are 5 % of them


@dataclass(frozen=True, slots=True)
class Margin:
    """What must not get worse by more than so much, on another manifest or by another figure."""

    metric: str
    manifest: str | None
    margin: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often it must come out: over so many seeds, for every setting of a sweep or for some."""

    seeds: int = 1
    settings: Literal["every", "some"] = "every"


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement, and all that must be looked at before it counts as supported."""

    statement: str
    treatment: Selection  # the runs that are claimed to do better
    baseline: Selection  # those that they are compared with, of the same seed, or a single one
    primary: Aim
    secondary: Sequence[Margin] = ()
    agreement: Agreement = field(default_factory=Agreement)
    sanity: float | None = 2.0  # a run that is so many times worse than its baseline is broken: nothing is judged then
    allow: Sequence[str] = ()  # fields of the Protocol that the claim is about, and that may differ: [decode]

    def __post_init__(self) -> None:
        parts: list[tuple[str, Any, type]] = [
            ("treatment", self.treatment, Selection),
            ("baseline", self.baseline, Selection),
            ("primary", self.primary, Aim),
            ("agreement", self.agreement, Agreement),
            *((f"secondary[{n}]", one, Margin) for n, one in enumerate(self.secondary)),
        ]
        for name, part, kind in parts:
            if not isinstance(part, kind):
                raise InputError(f"{name}: is no {kind.__name__}: write _target_: {__name__}.{kind.__name__} there")
        if (self.primary.metric == ANSWERS) != (self.primary.direction == "different"):
            raise InputError("primary.direction: answers are different, figures lower or higher: change one of them")
        if self.primary.metric == ANSWERS and not 0 < self.primary.gain < 1:
            raise InputError("primary.gain: say which part of the answers must be different, as 0.05")
        if not self.statement.strip():
            raise InputError("statement: is empty: say in a sentence what is claimed")
        least: list[tuple[str, float, float]] = [
            ("primary.gain", self.primary.gain, 0),
            ("agreement.seeds", self.agreement.seeds, 1),
            ("sanity", 1 if self.sanity is None else self.sanity, 1),
            *((f"secondary[{n}].margin", one.margin, 0) for n, one in enumerate(self.secondary)),
        ]
        for name, value, bound in least:
            if not value >= bound:
                raise InputError(f"{name}: {value:g} makes no sense: give {bound:g} or more")
        if self.treatment == self.baseline:
            raise InputError("treatment and baseline are the same runs: set runs, where or protocol of one of them")

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of configurations in which treatment and baseline are meant to differ."""
        return tuple(dict.fromkeys([*self.treatment.where, *self.baseline.where]))


def satisfies(values: Mapping[str, Any], where: Where) -> bool:
    """Whether a run's values are all as wanted; a key that is not there is `absent`."""
    return all(agrees(values.get(key, ABSENT), wanted) for key, wanted in where.items())


def agrees(value: Any, wanted: Any) -> bool:
    """Whether a value is the one wanted, one of a list, fits "beam@*", or stands as compared: ">0", "!=null".

    >>> [agrees(0.3, wanted) for wanted in (0.3, "0.3", [0.1, 0.3], ">0", ">=0.3", "!=0", "<0")]
    [True, True, True, True, True, True, False]
    >>> agrees("runs/a", "!=null"), agrees(None, "!=null"), agrees("absent", ">0"), agrees("beam@2", "beam@*")
    (True, False, False, True)
    """
    if isinstance(wanted, list | tuple):
        return list(value) == list(wanted) if isinstance(value, list) else any(agrees(value, one) for one in wanted)
    compared = COMPARED.match(wanted) if isinstance(wanted, str) else None
    if compared is None and isinstance(wanted, str) and "*" in wanted:
        return fnmatchcase(str(value), wanted)
    if compared is None:
        return _plain(value) == _plain(wanted) and isinstance(value, bool) == isinstance(_plain(wanted), bool)
    sign, rest = compared.groups()
    if sign == "!=":
        return not agrees(value, rest)
    left, right = _plain(value), _plain(rest)
    return isinstance(left, float) and isinstance(right, float) and COMPARE[sign](left, right)


def _plain(value: Any) -> Any:
    """Numbers as numbers, however they are written; null and truth from their words."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, str):
        return value
    words = {"null": None, "true": True, "false": False}
    if value in words:
        return words[value]
    try:
        return float(value)
    except ValueError:
        return value
