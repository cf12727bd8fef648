"""scansion bench: the performance tables of this machine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from project import atomic
from project.build.app import app
from project.build.bind import check, make
from project.build.compose import compose, options
from project.contract import Config
from project.environment import environment

if TYPE_CHECKING:
    from rich.table import Table as RichTable

    from project.benchmark.table import Table


def bench(config: Config, words: list[str]) -> int:
    """Run the benchmarks that were named, or all; print each table as it is done, write all figures as JSON."""
    import torch
    from rich.console import Console

    torch.set_num_threads(config["threads"])
    names, others = asked(words)
    if len(names) == 1:
        nodes = {"": config["benchmark"]}
    else:  # each by itself: one composition holds one benchmark
        names = names or options("benchmark")
        nodes = {name: compose("bench", [*others, f"benchmark={name}"])["benchmark"] for name in names}
    check(list(nodes.values()), "benchmark")
    console, tables = Console(), []
    for name, one in nodes.items():
        table = make(one, f"benchmark.{name}").run()
        console.print(printed(table))
        tables.append(table.to_json())
    if config["out"]:
        atomic.write(Path(config["out"]), json.dumps({"environment": environment(), "tables": tables}, indent=1) + "\n")
    return 0


def asked(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The benchmarks that a command line names, and its other words.

    >>> asked(['benchmark=["loop","padding"]', "threads=2"])
    (['loop', 'padding'], ['threads=2'])
    >>> asked(["benchmark=morse", "benchmark.num_files=5"])
    (['morse'], ['benchmark.num_files=5'])
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser

    names: list[str] = []
    others: list[str] = []
    for override in OverridesParser.create().parse_overrides(list(words)):
        if override.key_or_group == "benchmark":
            value = override.value()
            names = [str(name) for name in (value if isinstance(value, list) else [value] if value else [])]
        else:
            others.append(override.input_line or "")
    return names, others


def printed(table: Table) -> RichTable:
    """A benchmark's table for the terminal."""
    from rich.table import Table as RichTable

    drawn = RichTable(*table.columns, title=table.title, title_justify="left", caption="\n".join(table.notes))
    for row in table.rows:
        drawn.add_row(*(f"{value:.4g}" if isinstance(value, float) else str(value) for value in row))
    return drawn


main = app("bench", bench)

if __name__ == "__main__":
    main()
