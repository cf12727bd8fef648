"""What calibration found: as a table, as a file of budgets, and as the commands that use it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from project.build.budgets import facts_of
from project.contract import Config

if TYPE_CHECKING:
    from rich.table import Table

    from project.calibration.trial import Measured

PREFERRED = ("largest", "fastest")
GB = 1e9
HEAD = """# How many examples a batch may hold: [length, examples], the first counts that covers its longest example.
# Made by: {command}
# Used by: scansion train ... data.batching.budgets=<this file>
"""


@dataclass(frozen=True, slots=True)
class Found:
    """What fits in a bucket."""

    length: float
    examples: int  # in the bucket
    largest: Measured
    fastest: Measured


def most_of(config: Config) -> int:
    """Examples in a batch at most."""
    most = config["calibrate"]["most"]
    return int(config["data"]["batching"]["max_batch_size"] if most is None else most)


def budgets(found: Sequence[Found], which: str) -> list[list[float]]:
    """As data.batching.budgets takes them: lengths rise, numbers do not."""
    from project.calibration.largest import falling

    sizes = falling([getattr(one, which).size for one in found])
    return [[one.length, size] for one, size in zip(found, sizes, strict=True)]


def table(found: Sequence[Found], title: str) -> Table:
    """A line for each bucket."""
    from rich.table import Table

    shown = Table(title=title, title_justify="left")
    for name in ("length up to", "examples", "largest", "GB", "ms", "a second", "fastest", "a second"):
        shown.add_column(name, justify="right")
    for one in found:
        shown.add_row(f"{one.length:g}", f"{one.examples:,}", *_cells(one.largest), *_cells(one.fastest)[::3])
    return shown


def line(one: Found) -> str:
    """The same in words, where there is no terminal to draw on."""
    size, gigabytes, milliseconds, speed = _cells(one.largest)
    return f"length up to {one.length:g}: {size} examples, {gigabytes} GB, {milliseconds} ms, {speed} examples a second"


def _cells(one: Measured) -> list[str]:
    return [str(one.size), f"{one.peak / GB:.2f}", f"{1000 * one.seconds:.0f}", f"{one.speed:.1f}"]


def as_yaml(config: Config, found: Sequence[Found], words: Sequence[str], about: Mapping[str, Any]) -> str:
    """The file: budgets first, then what they were measured with."""
    chosen, other = _ordered(config)
    command = shlex.join(["scansion", "train", *words]).replace("\n", " ")
    rows = [
        {
            "length": one.length,
            **{which: _facts(getattr(one, which)) for which in PREFERRED},
        }
        for one in found
    ]
    lists = f"budgets: {json.dumps(budgets(found, chosen))}  # {chosen}\n{other}: {json.dumps(budgets(found, other))}\n"
    measured = {"measured": {**about, "of": facts_of(config), "rows": rows}}
    return f"{HEAD.format(command=command)}{lists}{yaml.safe_dump(measured, sort_keys=False, allow_unicode=True)}"


def _facts(one: Measured) -> dict[str, float]:
    speed = round(one.speed, 1)
    return {"examples": one.size, "gb": round(one.peak / GB, 3), "seconds": round(one.seconds, 4), "a_second": speed}


def commands(config: Config, found: Sequence[Found], file: Path, words: Sequence[str]) -> list[str]:
    """What is to be said to train with them: with those of the file, and with the others."""
    mine = ("action=", "action.name=", "calibrate.", "data.batching.budgets=")  # train.spelled writes the second
    kept = [word for word in words if not word.lstrip("+").startswith(mine)]
    chosen, other = _ordered(config)
    first, second = budgets(found, chosen), budgets(found, other)
    most = max(int(size) for _, size in [*first, *second])
    if most > config["data"]["batching"]["max_batch_size"]:
        kept.append(f"data.batching.max_batch_size={most}")
    told = {chosen: f"data.batching.budgets={file}"}
    if first != second:
        told[other] = f"data.batching.budgets={json.dumps(second, separators=(',', ':'))}"
    return [f"use the {which}: {shlex.join(['scansion', 'train', *kept, word])}" for which, word in told.items()]


def _ordered(config: Config) -> tuple[str, str]:
    """The kind of budgets that is wanted, and the other one."""
    chosen = str(config["calibrate"]["prefer"])
    return chosen, next(name for name in PREFERRED if name != chosen)
