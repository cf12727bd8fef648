"""Says before a run how small a difference a manifest can show, and how many examples would show a given one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.table import Table

from project.action.output import console, progress, require_free, require_manifests, say, write_json
from project.contract import Example, Finding, InputError
from project.data.manifest import Manifest
from project.data.profile import symbols_of, text_of
from project.evaluation.interval import resampling_unit
from project.evaluation.power import Extent, expected_interval, independent_discordance, saturation
from project.text.spelling import Spelling

SYMBOLS = {"wer": "words", "cer": "characters", "per": "symbols"}  # what each error rate counts
LEAST = 5  # differences that all go one way have p = 0.03; four have 0.06


class Question:
    """What is asked of a manifest: the error rate to be improved on, and how much two systems are thought to differ.

    `discordance` are shares of words (characters, symbols) that exactly one of two systems gets wrong, each a case of
    its own. `design` is how much more a difference varies than if these words were independent.
    """

    def __init__(
        self,
        baseline: float | None,
        difference: float | None = None,
        discordance: Sequence[float] = (0.01, 0.02, 0.05),
        design: float = 1.0,
    ) -> None:
        if baseline is None:
            raise InputError("baseline: name the error rate that is to be improved on: baseline=0.126 is 12.6 %")
        if not 0 < baseline < 1:
            raise InputError(f"baseline={baseline}: an error rate is between 0 and 1: 12.6 % is 0.126")
        if difference is not None and not 0 < abs(difference) < 1:
            raise InputError(f"difference={difference}: give a part of 1 that is not 0: 0.08 points are 0.0008")
        if wrong := [share for share in discordance if not 0 < share <= 1]:
            raise InputError(f"discordance: {wrong[0]}: a share of words is between 0 and 1: 1 % is 0.01")
        if design <= 0:
            raise InputError(f"design={design}: give 1 for independent words, more where errors come together")
        self.baseline = baseline
        self.difference = None if difference is None else abs(difference)
        self.independent = independent_discordance(baseline)  # two systems hardly differ in more
        self.discordance = sorted(share for share in discordance if share < self.independent)
        self.left_out = sorted(set(discordance) - set(self.discordance))
        self.design = design

    @property
    def cases(self) -> list[tuple[str, float]]:
        """Discordances with their names, rising; the last is of systems whose errors have nothing in common."""
        given = [(f"{100 * share:g} %", share) for share in self.discordance]
        return [*given, (f"{100 * self.independent:.2g} % (independent errors)", self.independent)]


@dataclass(frozen=True, slots=True)
class Census:
    """How much of it there is."""

    num_examples: int
    num_references: int  # examples that have a text
    num_symbols: int  # words, characters or symbols, as the metric counts
    num_groups: int
    unit: str  # what a comparison will draw: "example" or "group"

    @property
    def num_units(self) -> int:
        return self.num_groups if self.unit == "group" else self.num_references


class Power:
    """Prints what a manifest holds, the smallest differences it can show with 80 % power at 5 %, and what limits it.

    It reads texts, not media, and knows nothing of systems but what it is told.
    """

    def __init__(
        self,
        manifest: str | Sequence[str],
        question: Question,
        rate: str = "wer",
        spelling: Spelling | None = None,
        out: str | None = None,
        overwrite: bool = False,
    ) -> None:
        if rate not in SYMBOLS:
            raise InputError(f"rate={rate}: give an error rate: {', '.join(SYMBOLS)}")
        if rate == "per" and spelling is None:
            raise InputError("rate=per: symbols are those of a text's alphabet: name one with text=...")
        self.patterns = require_manifests(manifest, "power")
        self.question = question
        self.rate = rate
        self.spelling = spelling
        self.out = None if out is None else Path(out)
        self.overwrite = overwrite

    def run(self) -> int:
        """0; a weak test set is no error, it is told."""
        require_free([self.out] if self.out else [], self.overwrite)
        manifest = Manifest.open(self.patterns)
        census, asked = self._count(manifest), self.question
        extent = Extent(census.num_symbols, census.num_units, asked.design)
        expected = expected_interval(asked.baseline, census.num_symbols, asked.design)
        saturated = saturation(asked.baseline, expected, self.rate.upper())
        answers = [answer(extent, census, asked, name, share) for name, share in asked.cases]
        out = console()
        out.print(census_table(census, SYMBOLS[self.rate], asked.baseline, expected))
        out.print(answer_table(answers, asked, SYMBOLS[self.rate]))
        for note in notes(census, asked, SYMBOLS[self.rate], saturated):
            print(note)
        if self.out:
            head = {"files": list(map(str, manifest.files)), "hash": manifest.hash, "rate": self.rate}
            counts = {name: getattr(census, name) for name in Census.__slots__} | {"num_units": census.num_units}
            given = {"baseline": asked.baseline, "difference": asked.difference, "design": asked.design}
            told = {"expected": list(expected), "saturated": saturated.text if saturated else None, "cases": answers}
            write_json(self.out, head | counts | given | told)
            say(f"{self.out}: written")
        return 0

    def _count(self, manifest: Manifest) -> Census:
        lengths, groups = [], []
        with progress("reading", len(manifest)) as advance:
            for example in manifest:
                text = self._text(example)
                if text is not None:
                    words = symbols_of(example, self.spelling) if self.rate == "per" else text.split()
                    lengths.append(len(text) if self.rate == "cer" else len(words or ()))
                    groups.append(example.group)
                advance()
        if not sum(lengths):
            raise InputError(f"{self.patterns[0]}: no example has a text: name a manifest with references")
        return Census(len(manifest), len(lengths), sum(lengths), len(set(groups) - {None}), resampling_unit(groups))

    def _text(self, example: Example) -> str | None:
        """Of a line with a text and phones, say, the text, unless a spelling says what references are."""
        if self.spelling is None and example.text is not None:
            example = replace(example, symbols=None)
        return text_of(example, self.spelling)


def answer(extent: Extent, census: Census, asked: Question, name: str, share: float) -> dict[str, Any]:
    """What can be shown if two systems differ in that share of symbols."""
    smallest = extent.detectable(share)
    possible = smallest is not None and smallest <= asked.baseline  # no system is better than without errors
    found: dict[str, Any] = {"case": name, "discordance": share, "detectable": smallest if possible else None}
    if asked.difference is not None:
        units = extent.needed(asked.difference, share)
        examples = None if units is None else -(-units * census.num_references // census.num_units)
        found |= {"power": extent.power(asked.difference, share), "needed_examples": examples}
    return found


def census_table(census: Census, symbols: str, baseline: float, expected: tuple[float, float]) -> Table:
    """What the manifest holds."""
    table = Table(title="Test set", title_justify="left", header_style="bold")
    low, high = (f"{100 * end:.2f}" for end in expected)
    counts = (census.num_references, census.num_symbols, census.num_groups)
    for heading in ("references", symbols, "groups", "drawn in comparisons", "baseline [95 % expected]"):
        table.add_column(heading, justify="right")
    drawn = f"{census.num_units:,} {census.unit}s"
    table.add_row(*(f"{count:,}" for count in counts), drawn, f"{100 * baseline:.2f} % [{low}, {high}]")
    return table


def answer_table(answers: Sequence[Mapping[str, Any]], asked: Question, symbols: str) -> Table:
    """A row for each discordance."""
    table = Table(title="Smallest difference found with 80 % power at 5 %", title_justify="left", header_style="bold")
    table.add_column(f"{symbols} in which the two differ")
    table.add_column("points", justify="right")
    table.add_column("of the baseline", justify="right")
    if asked.difference is not None:
        table.add_column(f"power for {100 * asked.difference:g} points", justify="right")
        table.add_column("examples needed for it", justify="right")
    for found in answers:
        smallest = found["detectable"]
        texts = ["none", "-"]
        if smallest is not None:
            texts = [f"{100 * smallest:.2f}", f"{100 * smallest / asked.baseline:.0f} %"]
        if asked.difference is not None:
            possible = found["power"] is not None
            texts += [f"{100 * found['power']:.0f} %", f"{found['needed_examples']:,}"] if possible else ["-", "-"]
        table.add_row(found["case"], *texts)
    return table


def notes(census: Census, asked: Question, symbols: str, saturated: Finding | None) -> list[str]:
    """What limits the figures, a line each."""
    found = [] if saturated is None else [f"{saturated.text}: {saturated.remedy}"]
    if asked.difference is not None and asked.difference * census.num_symbols < LEAST:
        count = asked.difference * census.num_symbols
        found.append(
            f"{100 * asked.difference:g} points are {count:.1f} {symbols} here: a gain of fewer than {LEAST} is never "
            f"told from chance at 5 %, though every difference goes one way"
        )
    if asked.left_out:
        shares = ", ".join(f"{100 * share:g} %" for share in asked.left_out)
        found.append(
            f"{shares} left out: systems with {100 * asked.baseline:g} % of errors hardly differ in more than "
            f"{100 * asked.independent:.2g} %"
        )
    if census.num_references < census.num_examples:
        found.append(f"{census.num_examples - census.num_references:,} examples without a text are left out")
    if asked.design == 1:
        found.append(f"{symbols} are taken as independent: where errors come together, design=1.5 asks for half more")
    if 1 < census.num_groups < census.num_references:
        found.append(
            f"a difference that varies by group needs more than this says: {census.num_groups:,} groups bound it, "
            f"and design is to hold it"
        )
    return found
