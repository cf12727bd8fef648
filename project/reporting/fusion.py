"""Two runs as one: mixed at several levels, alpha chosen on dev and judged on test against the better of the two.

All is done on cached emissions and on Reports: no model is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from project.build.bind import make
from project.contract import Config, InputError
from project.reporting.selection import reports_on, target_of
from project.reporting.writing import tell, write_csv, write_markdown
from project.run import Run

if TYPE_CHECKING:
    from project.evaluation.fusion import Examples, Level
    from project.evaluation.fusion_sweep import Outcome, Pair
    from project.evaluation.spikes import Spikes
    from project.part import Metric
    from project.text.alphabet import Alphabet

LEVELS = ("frame", "sequence", "gop")
RULES = ("best", "mbr")
KINDS = ("free", "aligned")
MAY_DIFFER = ("decode", "feature", "audio", "batching", "adapter")  # of members; a fusion decodes in its own way


def act(config: Config) -> int:
    """Sweep each level, print what came of it, write page and CSV; the page's path is the last line."""
    from project.evaluation.fusion_table import csv_rows, grids, sentences
    from project.evaluation.page.fusion_page import write_page

    runs = [Run.open(folder) for folder in config["runs"]]
    asked = config["fusion"]
    check(runs, asked)
    allow = [*config["allow"], *MAY_DIFFER]
    pairs = [members(runs, config, part, allow) for part in ("dev", "test")]
    outcomes, found, notes = sweep(asked, *pairs)
    if not outcomes:
        raise InputError(f"nothing can be fused: {'; '.join(notes)}")
    names = (pairs[1].reports[0].run, pairs[1].reports[1].run)
    target = target_of(runs, config["out"], "fusion")
    page = write_page(target, pairs[1].reports, outcomes, found, notes, allow)
    write_csv(page.with_suffix(".csv"), csv_rows(outcomes, names))
    shown = grids(outcomes, names, found)
    if config["markdown"]:
        write_markdown(Path(config["markdown"]), sentences(outcomes, names), shown)
    tell(sentences(outcomes, names), shown, notes)
    print(page)
    return 0


class Members:
    """Two runs' Reports on one manifest, and what they said of each frame."""

    def __init__(self, runs: Sequence[Run], folders: Sequence[Path], cached: bool) -> None:
        from project.evaluation.emission_store import columns_of, read
        from project.evaluation.shelf import read as read_report

        first, second = (read_report(folder) for folder in folders)
        self.reports: Pair = (first, second)
        self.said: tuple[Examples, Examples] = ({}, {})
        self.alphabet: Alphabet | None = None
        if not cached:
            return
        said: list[Examples] = []
        for run, folder, report in zip(runs, folders, self.reports, strict=True):
            remedy = f"scansion evaluate {run.folder} data.manifest={report.info.get('manifest')} emissions=cache"
            store = read(folder, report, remedy)
            self.alphabet = self.alphabet or store.alphabet
            columns_of(store.alphabet, self.alphabet)
            said.append(store.examples(self.alphabet))
        self.said = (said[0], said[1])


def members(runs: Sequence[Run], config: Config, part: str, allow: Sequence[str]) -> Members:
    """Both runs on the manifest of a part."""
    from project.evaluation.emission_store import FILE

    asked = config["fusion"]
    cached = any(level != "gop" for level in asked["levels"])
    need = {"beside": FILE, "words": "emissions=cache"} if cached else {}
    alphabets = ["alphabet_hash"]  # the order of symbols may differ: the store knows them by name
    folders = reports_on(runs, asked[part], f"fusion.{part}", [*allow, *alphabets], **need)
    return Members(runs, folders, cached)


def check(runs: Sequence[Run], asked: Mapping[str, Any]) -> None:
    """Refuse what cannot be fused, before anything is read."""
    if len(runs) != 2:
        raise InputError(f"action=fusion takes two runs, not {len(runs)}: scansion report action=fusion RUN_A RUN_B")
    if runs[0].folder.resolve() == runs[1].folder.resolve():
        raise InputError(f"action=fusion: {runs[0].folder} is named twice: name two runs")
    for key, values, known in (
        ("levels", asked["levels"], LEVELS),
        ("rule", [asked["rule"]], RULES),
        ("gop", [asked["gop"]], KINDS),
    ):
        for value in values if isinstance(values, list) else [values]:
            if value not in known:
                raise InputError(f"fusion.{key}={value}: choose from {', '.join(known)}")


def sweep(asked: Mapping[str, Any], dev: Members, test: Members) -> tuple[list[Outcome], Spikes | None, list[str]]:
    """What came of each level, where both peak on test, and why levels were left out."""
    from project.evaluation.fusion_sweep import alphas, sweep_answers, sweep_gop
    from project.evaluation.gop_fusion import judged
    from project.evaluation.spikes import spikes

    swept = alphas(asked["alphas"])
    outcomes: list[Outcome] = []
    notes: list[str] = []
    found = None
    if test.alphabet is not None:
        metrics = error_rates(dev, test)
        for name in asked["levels"]:
            if name != "gop":
                levels = [level_of(name, one, asked) for one in (dev, test)]
                outcomes.append(sweep_answers((levels[0], dev.reports), (levels[1], test.reports), metrics, swept))
        found = spikes(*test.said, {row.id: row.length for row in test.reports[0].rows})
    if "gop" in asked["levels"]:
        judgements = [judged(report, asked["gop"]) for one in (dev, test) for report in one.reports]
        missing = [one for one in judgements if isinstance(one, str)]
        a, b, c, d = judgements
        if isinstance(a, str) or isinstance(b, str) or isinstance(c, str) or isinstance(d, str):
            notes.append(f"GOP left out: {missing[0]}")
        else:
            outcome = sweep_gop((a, b), (c, d), swept)
            (notes if isinstance(outcome, str) else outcomes).append(outcome)  # type: ignore[arg-type]
    return outcomes, found, notes


def level_of(name: str, members: Members, asked: Mapping[str, Any]) -> Level:
    """A level over the emissions of both."""
    from project.evaluation.fusion import FrameLevel, SequenceLevel

    assert members.alphabet is not None
    if name == "frame":
        return FrameLevel(*members.said, members.alphabet)
    return SequenceLevel(*members.said, members.alphabet, asked["size"], asked["rule"])


def error_rates(dev: Members, test: Members) -> list[Metric]:
    """The metrics of all Reports that count errors of answers, the primary figure's first."""
    report = dev.reports[0]
    metrics = make(report.info.get("metric") or {}, "metric", alphabet=dev.alphabet)
    rates = {one.name: one for one in metrics.values() if f"{one.name}_substitutions" in getattr(one, "ratios", {})}
    shared = set.intersection(*(set(one.metrics) for one in (*dev.reports, *test.reports)))
    found = [rates[name] for name in report.metrics if name in rates and name in shared]
    if not found:
        raise InputError(f"{report.run}: its report has no error rate: evaluate it with metric=per, or another one")
    return found
