"""From series of bars to a corpus: labelled, cut into windows, divided into splits and written.

It does not know where bars come from. All that is chosen by chance is a function of the seed and of what it is about.
"""

from __future__ import annotations

import hashlib
import math
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np

from project.contract import InputError
from project.corpus.folder import Folder
from project.corpus.market.blocks import Splits, Stretch
from project.corpus.market.label import Rule, find_expansions
from project.corpus.market.series import iso, write_series
from project.corpus.market.windows import Cutter, Window, Windows
from project.corpus.splits import SPLITS
from project.feature.bar_window import TIME, BarArray
from project.feature.excerpt import join_excerpt

Series = Mapping[str, BarArray]  # of each instrument


class Placed(NamedTuple):
    """A window with the instrument that it shows and the group that it is of."""

    instrument: str
    group: str
    window: Window


class Market:
    """Rules by which bars of any origin become a corpus."""

    def __init__(self, rule: Rule | None, windows: Windows | None, splits: Splits | None, seed: int) -> None:
        self.rule = rule or Rule()
        self.windows = windows or Windows()
        self.splits = splits or Splits()
        self._seed = seed
        if seed < 0:
            raise InputError(f"corpus: seed is {seed}: give 0 or more")
        if self.splits.by == "time" and self.splits.embargo < self.rule.bars_seen:
            raise InputError(
                f"corpus: splits.embargo is {self.splits.embargo}: labels look at {self.rule.bars_seen} bars around, "
                "and a feature at those before a window: give as many as both"
            )
        self.settings: dict[str, Any] = {
            "rule": asdict(self.rule),
            "windows": asdict(self.windows),
            "splits": asdict(self.splits),
            "seed": seed,
        }

    @property
    def fewest_bars(self) -> int:
        """Bars below which a series gives no window."""
        return self.rule.bars_before + self.windows.bars + self.rule.bars_after

    def make(
        self,
        out: str,
        settings: Mapping[str, Any],
        series: Series,
        progress: Callable[[int, int], None],
        annotated: Mapping[str, Sequence[Window]] | None = None,
    ) -> list[str]:
        """Writes series and manifests into a folder, if they are not there already, and gives the manifests' paths.

        `annotated`: windows of each instrument with labels of people, which replace those by rule.
        """
        placed = self._place(series, annotated)
        names = [f"{split}.jsonl" for split in SPLITS if placed[split]]
        bars = {name: hashlib.sha256(bars_N6.tobytes()).hexdigest() for name, bars_N6 in series.items()}
        folder = Folder(out, {**settings, **self.settings, "bars": bars}, names, "series")
        if not folder.begin():
            (folder.path / "series").mkdir(exist_ok=True)
            for done, (name, bars_N6) in enumerate(series.items(), start=1):
                if not (folder.path / f"series/{name}.npy").exists():
                    write_series(folder.path / f"series/{name}.npy", bars_N6)
                progress(done, len(series))
            folder.finish({f"{split}.jsonl": self._lines(placed[split], series) for split in SPLITS if placed[split]})
        self._report(placed)
        given, left = (sum(map(len, windows.values())) for windows in (annotated or {}, placed))
        if given > left:
            print(
                f"{given - left:,} annotated windows left out: they lie at a date that divides splits", file=sys.stderr
            )
        return folder.manifests

    def _place(self, series: Series, annotated: Mapping[str, Sequence[Window]] | None) -> dict[str, list[Placed]]:
        """The windows of each split, in order of instrument and time."""
        by_rule = annotated is None
        usable = {name: self._usable(len(bars_N6), by_rule) for name, bars_N6 in series.items()}
        divided = self.splits.divide({name: bars_N6[:, TIME] for name, bars_N6 in series.items()}, usable)
        placed: dict[str, list[Placed]] = {split: [] for split in SPLITS}
        without: dict[str, list[Placed]] = {split: [] for split in SPLITS}
        for name, stretches in divided.items():
            if annotated is None:
                cutter = Cutter(find_expansions(series[name], self.rule), self.windows, name, self._seed)
            groups = self.splits.groups(name, stretches)
            for stretch in stretches:
                if annotated is None:
                    placed[stretch.split] += _in_groups(name, cutter.around_spans(stretch.bars), groups)
                    without[stretch.split] += _in_groups(name, cutter.between_spans(stretch.bars), groups)
                else:
                    inside = [one for one in annotated.get(name, ()) if self._is_inside(one, stretch)]
                    placed[stretch.split] += _in_groups(name, inside, groups)
        for number, split in enumerate(SPLITS):
            placed[split] += self._some(without[split], len(placed[split]), number) if by_rule else []
        self._require(placed)
        return placed

    def _usable(self, num_bars: int, by_rule: bool) -> range:
        """The bars of a series of which it can be said whether they are in a span."""
        if not by_rule:
            return range(num_bars)
        return range(self.rule.bars_before, max(self.rule.bars_before, num_bars - self.rule.bars_after))

    def _is_inside(self, window: Window, stretch: Stretch) -> bool:
        return stretch.bars.start <= window.first <= stretch.bars.stop - self.windows.bars

    def _some(self, without: Sequence[Placed], num_with: int, number: int) -> list[Placed]:
        """As many windows without a span as are wanted, of all that there are."""
        count = round(self.windows.without * num_with)
        if count > len(without):
            most = math.floor(100 * len(without) / max(1, num_with)) / 100
            raise InputError(
                f"corpus: windows.without is {self.windows.without}: {SPLITS[number]} has {len(without):,} windows "
                f"without a span beside {num_with:,} with one: give {most:g} or less"
            )
        chosen = np.random.default_rng([self._seed, 2, number]).choice(len(without), count, replace=False)
        return [without[place] for place in sorted(chosen.tolist())]

    def _require(self, placed: Mapping[str, Sequence[Placed]]) -> None:
        """No split that was asked for is empty."""
        splits = self.splits
        if splits.by == "instrument":
            wanted = {"train": False, "dev": bool(splits.dev), "test": bool(splits.test)}
        else:
            parts = zip(SPLITS, splits.parts, strict=True)
            wanted = {split: splits.dates is not None or part > 0 for split, part in parts}
        empty = [split for split in SPLITS if wanted[split] and not placed[split]]
        if empty or not any(placed.values()):
            raise InputError(
                f"corpus: no window is left for {(empty or ['train'])[0]}: give more bars, or other corpus.splits"
            )

    def _lines(self, placed: Sequence[Placed], series: Series) -> list[dict[str, Any]]:
        return [self._line(one, series[one.instrument]) for one in placed]

    def _line(self, placed: Placed, bars_N6: BarArray) -> dict[str, Any]:
        name, group, window = placed
        first, count = window.first, self.windows.bars
        spans = [{"kind": kind, "start": start - first, "end": end - first} for start, end, kind in window.spans]
        return {
            "id": f"{name}-{window.name}",
            "media": join_excerpt(f"series/{name}.npy", first, first + count),
            "length": count,
            "labels": {"spans": spans},
            "group": group,
            "instrument": name,
            "from": iso(bars_N6[first, TIME]),
            "room": list(window.room),
        }

    def _report(self, placed: Mapping[str, Sequence[Placed]]) -> None:
        """Says how many windows and spans there are, and how many of their bars are in one."""
        for split, windows in placed.items():
            if not windows:
                continue
            spans = [span for one in windows for span in one.window.spans]
            counts = sorted(Counter(span.kind for span in spans).items())
            kinds = ", ".join(f"{count:,} {kind}" for kind, count in counts) or "none"
            inside = sum(span.end - span.start for span in spans) / (len(windows) * self.windows.bars)
            counted = f"{split}: {len(windows):,} windows, {len(spans):,} spans ({kinds})"
            print(f"{counted}, {inside:.1%} of their bars in one", file=sys.stderr)


def _in_groups(name: str, windows: Sequence[Window], groups: Sequence[tuple[range, str]]) -> list[Placed]:
    """Each window with the block that its first bar is in, in order of time."""
    starts = [bars.start for bars, _ in groups]
    numbers = np.searchsorted(starts, [window.first for window in windows], "right") - 1
    found = [Placed(name, groups[number][1], window) for number, window in zip(numbers, windows, strict=True)]
    return sorted(found, key=lambda one: one.window.first)
