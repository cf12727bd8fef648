"""Splits manifests into parts that share no group: by group, at random, or in time.

Nor do they share rows: a split that would put overlapping windows of one series into different parts is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import orjson
from rich.table import Table
from rich.text import Text

from project.action.output import common_folder, console, require_free, require_manifests, write_lines
from project.contract import Example, InputError
from project.data.line import SECONDS
from project.data.manifest import Manifest, example_record
from project.data.overlap import NONE, line_up, seen_by
from project.data.partition import LEFT_OUT, Numbers, checked_fractions, divide, divide_in_time, divided, pieces_of
from project.data.profile import text_of
from project.data.profile_table import duration_text

_APART: Final = {  # what keeps overlapping windows together, for each way of dividing
    "group": "give windows that overlap one group, a block of time or an instrument, or use by=time with an embargo",
    "random": "use by=group, a group being a block of time or an instrument, or by=time with an embargo",
    "time": "use a longer embargo, or by=group, a group being a block of time or an instrument",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a split goes by and what it keeps together. A group is never divided, unless in time and on purpose.

    `by` group: every example must have one. random: those with a group stay with it, others go alone. time: the oldest
    examples make the first part, by the meta key `field` (numbers or ISO dates), or in the manifest's order without.
    """

    by: Literal["group", "random", "time"] = "group"
    unique_text: bool = False  # equal texts, but for case and spaces, stay together; not in time
    field: str | None = None
    embargo: float = 0.0  # in time: after each border, leave out what is nearer than this (examples without a field)
    divide_groups: bool = False  # in time: the same group may be on both sides of a border

    def assign(self, manifest: Manifest, examples: Sequence[Example], fractions: Sequence[float], seed: int) -> Numbers:
        """The part of each example."""
        lengths = [example.length for example in examples]
        groups = [example.group for example in examples]
        if self.by == "time":
            times = self._times(manifest, examples)
            embargo = self.embargo + 1 if self.field is None and self.embargo else self.embargo
            parts = divide_in_time(times, lengths, fractions, embargo)
            if not self.divide_groups and (cut := divided(groups, parts)):
                what = f"by=time would divide {len(cut)} groups, {cut[0]} the first"
                raise InputError(f"{what}: use by=group, or say divide_groups=true")
            return parts
        if self.by == "group" and None in groups:
            place = manifest.location(groups.index(None))
            raise InputError(f"{place}: {examples[groups.index(None)].id}: no `group`: give it one, or use by=random")
        texts = [text_of(example, None) for example in examples] if self.unique_text else [None] * len(examples)
        return divide(pieces_of(groups, texts), lengths, fractions, seed)

    def _times(self, manifest: Manifest, examples: Sequence[Example]) -> Any:
        if self.unique_text:
            raise InputError("unique_text=true: texts cannot stay together in time: use by=group or by=random")
        if self.field is None:
            return np.arange(len(examples))
        times = []
        for row, example in enumerate(examples):
            try:
                times.append(moment(example.meta.get(self.field)))
            except ValueError as error:
                raise InputError(f"{manifest.location(row)}: {example.id}: `{self.field}` {error}") from None
        return times


class Split:
    """Writes one manifest a part, and says how much came into each."""

    def __init__(
        self,
        manifest: str | Sequence[str],
        out: str | None = None,
        parts: Sequence[str] = ("train", "dev", "test"),
        fractions: Sequence[float] = (0.8, 0.1, 0.1),
        plan: Plan | None = None,
        seed: int = 1,
        overwrite: bool = False,
    ) -> None:
        if len(parts) != len(fractions) or len(set(parts)) < len(parts):
            raise InputError(f"parts {list(parts)}, fractions {list(fractions)}: name each part once, with a fraction")
        if odd := [part for part in parts if Path(part).name != part]:
            raise InputError(f"parts {list(parts)}: {odd[0]!r} is no name of a file: use letters, digits and signs")
        self.patterns = require_manifests(manifest, "split")
        self.out = None if out is None else Path(out)
        self.parts = list(parts)
        self.fractions = checked_fractions(fractions)
        self.plan = plan or Plan()
        self.seed = seed
        self.overwrite = overwrite

    def run(self) -> int:
        """0 when the parts are written."""
        manifest = Manifest.open(self.patterns)
        folder = self.out or common_folder(manifest.require_here())
        files = [folder / f"{part}.jsonl" for part in self.parts]
        for file in files:
            if file.absolute() in {one.absolute() for one in manifest.files}:
                raise InputError(f"{file}: it is what is split: name another folder with out=..., or other parts")
        require_free(files, self.overwrite)
        examples = list(manifest)
        numbers = self.plan.assign(manifest, examples, self.fractions, self.seed)
        self._require_apart(manifest, examples, numbers)
        write_lines(
            {
                file: [
                    orjson.dumps(example_record(examples[row], str(folder.absolute()), manifest.unit))
                    for row in np.flatnonzero(numbers == number).tolist()
                ]
                for number, file in enumerate(files)
            }
        )
        console().print(self._table(files, examples, numbers, manifest.unit == SECONDS))
        return 0

    def _require_apart(self, manifest: Manifest, examples: Sequence[Example], numbers: Numbers) -> None:
        """No window may share rows with one of another part."""
        windows = line_up([example.media for example in examples])
        found: list[tuple[int, int]] = []
        for number in range(len(self.parts)):
            own = windows.where(numbers == number)
            seen_N = seen_by(own, windows.where((numbers != number) & (numbers != LEFT_OUT)))
            found += zip(own.examples_N[seen_N != NONE].tolist(), seen_N[seen_N != NONE].tolist(), strict=True)
        if found:
            row, other = min(found)
            raise InputError(
                f"{manifest.location(row)}: {examples[row].id}: it would come into {self.parts[numbers[row]]}, and "
                f"{examples[other].id} ({manifest.location(other)}), whose rows overlap with its own, into "
                f"{self.parts[numbers[other]]}, and so {len(found):,} of {len(examples):,} windows would be seen by "
                f"another part: {_APART[self.plan.by]}"
            )

    def _table(self, files: Sequence[Path], examples: Sequence[Example], numbers: Numbers, in_seconds: bool) -> Table:
        table = Table(header_style="bold")
        for heading in ("part", "examples", "in all", "share", "wanted", "groups"):
            table.add_column(heading, justify="left" if heading == "part" else "right")
        whole = sum(example.length for example in examples)
        wanted = [*(f"{fraction:.1%}" for fraction in self.fractions), ""]
        names = [*map(str, files), "left out"]
        for number, name, share in zip([*range(len(files)), LEFT_OUT], names, wanted, strict=True):
            chosen = [examples[row] for row in np.flatnonzero(numbers == number).tolist()]
            if not chosen:
                continue
            total = sum(example.length for example in chosen)
            groups = len({example.group for example in chosen} - {None})
            length = duration_text(total) if in_seconds else f"{total:,.0f} frames"
            table.add_row(
                Text(name), f"{len(chosen):,}", length, f"{total / whole:.1%}", share, f"{groups:,}" if groups else "-"
            )
        return table


def moment(value: Any) -> float:
    """A time as a number: numbers as they are, ISO dates as seconds since 1970, in UTC if they name no zone.

    >>> moment(3), moment("1970-01-02")
    (3.0, 86400.0)
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, str):
        raise ValueError("is no time: give a number or an ISO date, or name another field")
    try:
        date = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"is {value!r:.40}, no time: give a number or an ISO date, or name another field") from None
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
