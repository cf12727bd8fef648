"""Windows of made-up price bars with the expansions in them, for where no real ones are at hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from project.contract import InputError
from project.corpus.market.blocks import Splits
from project.corpus.market.label import Rule
from project.corpus.market.market import Market
from project.corpus.market.regimes import Regimes, make_series
from project.corpus.market.windows import Windows


class BarsSynthetic:
    """Series and manifests as of real bars, of instruments called synthetic_0, synthetic_1 and so on.

    An instrument is a function of the seed, its number and how many bars it has: it is the same among more of them.
    """

    def __init__(
        self,
        num_instruments: int = 5,
        num_bars: int = 20_000,
        regimes: Regimes | None = None,
        rule: Rule | None = None,
        windows: Windows | None = None,
        splits: Splits | None = None,
        seed: int = 0,
    ) -> None:
        self._market = Market(rule, windows, splits, seed)
        fewest = self._market.fewest_bars
        if num_instruments < 1 or not fewest <= num_bars <= 10_000_000:
            raise InputError(
                f"corpus: num_instruments {num_instruments}, num_bars {num_bars}: give 1 or more, and {fewest} or more"
            )
        self._num_instruments = num_instruments
        self._num_bars = num_bars
        self._regimes = regimes or Regimes()
        self._seed = seed

    def make(self, out: str, progress: Callable[[int, int], None] = lambda _done, _total: None) -> list[str]:
        """Writes series and manifests into a folder, if they are not there already, and gives the manifests' paths.

        `progress` is told how many series of how many were made, and then written.
        """
        total = 2 * self._num_instruments
        series = {}
        for number in range(self._num_instruments):
            rng = np.random.default_rng([self._seed, number])
            series[f"synthetic_{number}"] = make_series(self._num_bars, self._regimes, rng)
            progress(number + 1, total)
        settings: dict[str, Any] = {
            "corpus": "bars_synthetic@1",
            "num_instruments": self._num_instruments,
            "num_bars": self._num_bars,
            "regimes": asdict(self._regimes),
        }
        return self._market.make(out, settings, series, lambda done, _: progress(self._num_instruments + done, total))
