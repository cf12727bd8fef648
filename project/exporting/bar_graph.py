"""Price bars without a price scale in torch: what `project.feature.bars` makes of each window of a padded batch.

Averages and swings look back from bar to bar; here each bar looks at all before it at once, as windows are short.
"""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from project.exporting.rows import rows_at
from project.feature import bars
from project.feature.bar_window import CLOSE, HIGH, LOW, OPEN
from project.padding import inside

# B examples, N bars with those before the window, T bars of the window, F columns


@final
class BarsGraph(nn.Module):
    """(B, N, 6) bars in float64, history first -> (B, T, 12) columns of each window."""

    def __init__(self, feature: bars.Bars) -> None:
        super().__init__()
        told = feature.settings
        self._swing: int = told["swing_bars"]
        self._range: int = told["range_bars"]
        self._atr: int = told["atr_bars"]

    def forward(self, bars_BN6: Tensor, counts_B: Tensor, lengths_B: Tensor) -> tuple[Tensor, Tensor]:
        """The columns, and as many frames as the window has; `counts_B` are bars, those of the history included."""
        inside_BN = inside(counts_B, bars_BN6.shape[1])
        candle_BN6 = self._candle(bars_BN6)
        swings_BN4, leg_BN = self._swings(bars_BN6, inside_BN)
        body_BN, range_BN = candle_BN6[..., 2], candle_BN6[..., 5]
        expansion_BN = (range_BN * leg_BN * body_BN).clamp(-bars._MOST_EXPANSION, bars._MOST_EXPANSION)
        age_BN = (swings_BN4[..., 2] + swings_BN4[..., 3]) / 2
        consolidation_BN = (1 - range_BN / bars._MOST_RANGE) * (1 - body_BN.abs()) * age_BN
        proxies_BN2 = torch.stack([expansion_BN, consolidation_BN], dim=2)
        columns_BNF = torch.cat([candle_BN6, swings_BN4, proxies_BN2], dim=2).float()
        places_T = torch.arange(bars_BN6.shape[1], device=bars_BN6.device)
        places_BT = (places_T + (counts_B - lengths_B)[:, None]).minimum((counts_B - 1)[:, None])
        window_BTF = rows_at(columns_BNF, places_BT) * inside(lengths_B, bars_BN6.shape[1])[..., None]
        return window_BTF, lengths_B

    def _candle(self, bars_BN6: Tensor) -> Tensor:
        opening_BN, high_BN, low_BN, close_BN = (bars_BN6[..., column] for column in (OPEN, HIGH, LOW, CLOSE))
        range_BN = high_BN - low_BN
        open_BN, place_BN, top_BN, bottom_BN = (
            _ratio(one_BN - low_BN, range_BN, 0.5)
            for one_BN in (opening_BN, close_BN, opening_BN.maximum(close_BN), opening_BN.minimum(close_BN))
        )
        wide_BN = (range_BN > 0).double()
        relative_BN = _ratio(range_BN, average(range_BN, self._range), 0.0).clamp(max=bars._MOST_RANGE)
        body_BN = place_BN - open_BN
        return torch.stack([open_BN, place_BN, body_BN, (1 - top_BN) * wide_BN, bottom_BN * wide_BN, relative_BN], 2)

    def _swings(self, bars_BN6: Tensor, inside_BN: Tensor) -> tuple[Tensor, Tensor]:
        """The four columns of swings, and the direction of the leg."""
        high_BN, low_BN, close_BN = bars_BN6[..., HIGH], bars_BN6[..., LOW], bars_BN6[..., CLOSE]
        before_BN = torch.cat([close_BN[:, :1], close_BN[:, :-1]], dim=1)
        atr_BN = average(high_BN.maximum(before_BN) - low_BN.minimum(before_BN), self._atr)
        rows_N = torch.arange(bars_BN6.shape[1], device=bars_BN6.device)
        distances, ages, at = [], [], []
        oldest = bars._OLDEST * self._swing
        for extreme_BN, sign in ((high_BN, 1), (low_BN, -1)):
            at_BN = self._last_swings(sign * extreme_BN, inside_BN)
            found_BN = at_BN >= 0
            there_BN = rows_at(extreme_BN[..., None], at_BN.clamp(min=0))[..., 0]
            distance_BN = _ratio(close_BN - there_BN, atr_BN, 0.0).clamp(-bars._FARTHEST, bars._FARTHEST)
            distances.append(torch.where(found_BN, distance_BN, 0.0))
            ages.append(torch.where(found_BN, (rows_N - at_BN).clamp(max=oldest).double() / oldest, 1.0))
            at.append(at_BN)
        return torch.stack([*distances, *ages], dim=2), (at[1] - at[0]).double().sign()

    def _last_swings(self, extreme_BN: Tensor, inside_BN: Tensor) -> Tensor:
        """For each bar the last one that by then is known to be the highest around; -1 for none."""
        count, reach = extreme_BN.shape[1], self._swing
        # at the ends there is no swing: what lies beyond is higher
        padded_BN = functional.pad(extreme_BN.masked_fill(~inside_BN, torch.inf), (reach, reach), value=torch.inf)
        highest_BN = inside_BN
        for shift in range(-reach, reach + 1):
            other_BN = padded_BN[:, reach + shift : reach + shift + count]
            if shift:  # of equal ones the first counts
                highest_BN = highest_BN & (extreme_BN > other_BN if shift < 0 else extreme_BN >= other_BN)
        rows_N = torch.arange(count, device=extreme_BN.device)
        swings_BN = torch.where(highest_BN, rows_N, -1)
        known_NN = rows_N[None] + reach <= rows_N[:, None]  # row: at that bar; column: swings that are over by then
        return torch.where(known_NN, swings_BN[:, None], -1).amax(dim=2)


def average(values_BN: Tensor, size: int) -> Tensor:
    """As `bars.average`: each bar counts 2 / (size + 1) less than the next."""
    keep = 1 - 2 / (size + 1)
    rows_N = torch.arange(values_BN.shape[1], device=values_BN.device)
    ago_NN = rows_N[:, None] - rows_N[None]
    powers_NN = torch.pow(keep, ago_NN.clamp(min=0).double())
    weights_NN = torch.where(ago_NN >= 0, powers_NN, 0.0)
    found: Tensor = values_BN @ (weights_NN / weights_NN.sum(dim=1, keepdim=True)).T
    return found


def _ratio(above: Tensor, below: Tensor, otherwise: float) -> Tensor:
    """One by the other; `otherwise` where the other is 0."""
    is_some = below > 0
    return torch.where(is_some, above / torch.where(is_some, below, 1), otherwise)
