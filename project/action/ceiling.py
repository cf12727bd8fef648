"""Says how well people agree about pronunciation, and so how well a model could do on a manifest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from project.action.output import console, progress, require_free, require_manifests, say, write_json
from project.contract import InputError
from project.data.manifest import Manifest
from project.evaluation.interval import resampling_unit, weighed_intervals
from project.metric.ceiling import Ceiling, Judged, phone_ceilings, read_judged, utterance_ceilings

LEVELS = {"utterances": "Ceilings of judging utterances by accuracy", "phones": "Ceilings of judging phones"}


class Ceilings:
    """Prints what a perfect recognizer, people's phone scores and one rater get, with intervals over speakers.

    `low` is the accuracy up to which an utterance is one to be found, `wrong` are phone scores below which a phone is.
    It reads labels, not media.
    """

    def __init__(
        self,
        manifest: str | Sequence[str],
        low: float = 6.0,
        wrong: Sequence[float] = (0.5, 1.0),
        num_resamples: int = 2_000,
        seed: int = 1,
        out: str | None = None,
        overwrite: bool = False,
    ) -> None:
        if not wrong or not all(0 < threshold <= 2 for threshold in wrong):
            raise InputError(f"wrong={list(wrong)}: give phone scores above 0, up to 2")
        if num_resamples < 100:
            raise InputError(f"num_resamples={num_resamples}: intervals need 100 or more")
        self.patterns = require_manifests(manifest, "ceiling")
        self.low = low
        self.wrong = list(wrong)
        self.num_resamples = num_resamples
        self.seed = seed
        self.out = None if out is None else Path(out)
        self.overwrite = overwrite

    def run(self) -> int:
        """0; people who do not agree are no error."""
        require_free([self.out] if self.out else [], self.overwrite)
        manifest = Manifest.open(self.patterns)
        judged, groups = self._read(manifest)
        found = {
            "utterances": utterance_ceilings(judged, self.low, self.wrong),
            "phones": phone_ceilings(judged, self.wrong),
        }
        rows = {level: self._rows(ceilings, len(judged), groups) for level, ceilings in found.items()}
        num_low = sum(one.accuracy <= self.low for one in judged)
        print(f"{len(judged):,} judged utterances, {num_low:,} of accuracy {self.low:g} or less")
        if len(judged) < len(manifest):
            say(f"{len(manifest) - len(judged):,} of {len(manifest):,} lines are left out: nobody judged them")
        for level, title in LEVELS.items():
            if rows[level]:
                console().print(table(title, level, rows[level]))
            else:
                say(f"no ceilings of {level}: no line has labels.rater_phone_scores")
        if self.out:
            head = {"files": list(map(str, manifest.files)), "hash": manifest.hash, "judged": len(judged)}
            write_json(self.out, head | {"low": self.low, "low_utterances": num_low} | rows)
            say(f"{self.out}: written")
        return 0

    def _read(self, manifest: Manifest) -> tuple[list[Judged], list[str | None]]:
        """What people said, and who spoke."""
        judged, groups = [], []
        with progress("reading", len(manifest)) as advance:
            for example in manifest:
                try:
                    one = read_judged(example.labels)
                except InputError as error:
                    raise InputError(f"{self.patterns[0]}: {example.id}: {error}") from None
                if one is not None:
                    judged.append(one)
                    groups.append(example.group)
                advance()
        if not judged:
            raise InputError(
                f"{self.patterns[0]}: no line has labels.accuracy and phone_scores: name a judged manifest"
            )
        return judged, groups

    def _rows(self, ceilings: Sequence[Ceiling], num: int, groups: Sequence[str | None]) -> list[dict[str, Any]]:
        """Each judge with figures and their intervals."""
        units = groups if resampling_unit(groups) == "group" else None
        rows: list[dict[str, Any]] = []
        for one in ceilings:
            values = {name: float(weigh(np.ones((num, 1)))[0]) for name, weigh in one.figures.items()}
            sure = {name: weigh for name, weigh in one.figures.items() if np.isfinite(values[name])}
            ends = weighed_intervals(sure, num, units, num_resamples=self.num_resamples, seed=self.seed)
            figures = {
                name: {"value": value, "interval": list(ends[name])} if name in ends else None
                for name, value in values.items()
            }
            rows.append({"judge": one.judge, "num": one.num, "figures": figures})
        return rows


def table(title: str, level: str, rows: Sequence[dict[str, Any]]) -> Table:
    """A row for each judge; a figure that cannot be reckoned is a dash."""
    shown = Table(title=f"{title} [95 % interval]".replace("[", r"\["), title_justify="left", header_style="bold")
    shown.add_column("judge")
    shown.add_column(level, justify="right")
    for name in rows[0]["figures"]:
        shown.add_column(name, justify="right")
    for row in rows:
        shown.add_row(row["judge"], f"{row['num']:,}", *map(text_of, row["figures"].values()))
    return shown


def text_of(figure: dict[str, Any] | None) -> str:
    """A figure with its interval.

    >>> text_of({"value": 0.62, "interval": [0.5, 0.7]}).replace(chr(92), "")
    '0.620 [0.500, 0.700]'
    """
    if figure is None:
        return "-"
    low, high = figure["interval"]
    return rf"{figure['value']:.3f} \[{low:.3f}, {high:.3f}]"
