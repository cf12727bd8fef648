"""Where the first of two runs is better than the second, and where it is worse: parts, confusions and examples."""

from __future__ import annotations

from pathlib import Path

from project.contract import Config, InputError
from project.reporting.selection import choose, target_of
from project.reporting.writing import tell, write_csv, write_markdown
from project.run import Run

SHOWN = {"confusion": 12, "word": 12, "group": 12}  # rows in a terminal


def act(config: Config) -> int:
    """Print the parts, write page and CSV; the page's path is the last line on standard output."""
    from project.evaluation import gap
    from project.evaluation.comparison import compare
    from project.evaluation.gap_table import csv_rows, gap_grid, sentences
    from project.evaluation.page.gap_page import HEADINGS, write_page
    from project.evaluation.shelf import read
    from project.evaluation.words import words_of

    runs = [Run.open(folder) for folder in config["runs"]]
    if len(runs) != 2:
        raise InputError(f"action=gap takes two runs, not {len(runs)}: scansion report action=gap RUN_A RUN_B")
    folders = choose(runs, config["protocol"], allow=config["allow"])
    reports = [read(folder) for folder in folders]
    comparison = compare(reports, baseline=reports[1], allow=config["allow"])
    first, second = comparison.reports
    found = gap.sides(first, second, (comparison.labels[0], comparison.labels[1]))
    words = words_of(first)
    parts = [
        ("symbol", sorted(gap.by_symbol(found), key=lambda one: (-abs(one.errors), one.label))),
        ("confusion", gap.by_pair(found)),
        ("word", [] if isinstance(words, str) else gap.by_word(found, words)),
        ("length", gap.by_length(found)),
        ("group", gap.by_group(found)),
    ]
    notes = [words] if isinstance(words, str) else []
    said = sentences(gap.whole(found), parts, found.names)
    page = write_page(target_of(runs, config["out"], "gap"), comparison, found, parts, said, notes)
    write_csv(page.with_suffix(".csv"), csv_rows(parts, found.names))
    grids = {name: gap_grid(HEADINGS[name], name, gaps, found.names) for name, gaps in parts}
    if config["markdown"]:
        write_markdown(Path(config["markdown"]), said, [grid for grid in grids.values() if grid])
    narrow = [gap_grid(HEADINGS[name], name, gaps, found.names, SHOWN.get(name, 50)) for name, gaps in parts]
    tell(said, [grid for grid in narrow if grid], notes)
    print(page)
    return 0
