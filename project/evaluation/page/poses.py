"""Key poses of a movement side by side: what a page shows of a signer on paper, and without a script.

It knows lines through points, and nothing of bodies but where their hands are: they hold still where a pose is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

NUM_POSES = 8
EXTENT = 180  # units of the longer side of one pose, of which the points are whole numbers

Chains = Sequence[Sequence[int]]  # lines, each through some of the points


def poses_svg(
    units_TPX: NDArray[np.int16], lines: Mapping[str, Chains], size: tuple[int, int], hands_P: NDArray[np.bool_]
) -> str:
    """One pose of each eighth of the movement; the page's style gives the parts of the body their colours."""
    scale = EXTENT / max(size)
    width, height = (round(scale * side) for side in size)
    seen_TP = units_TPX[..., 0] != np.iinfo(np.int16).min
    small_TPX = np.rint(units_TPX * scale).astype(np.int64)
    drawn, chosen = [], key_frames(units_TPX, seen_TP, hands_P)
    for place, frame in enumerate(chosen):
        paths = "".join(
            f'<path class={part} d="{_path(small_TPX[frame], seen_TP[frame], chains)}"/>'
            for part, chains in lines.items()
        )
        drawn.append(f'<svg x="{place * width}" width="{width}" height="{height}">{paths}</svg>')
    view = f"0 0 {len(chosen) * width} {height}"
    return f'<svg class="body poses" viewBox="{view}" role=img aria-label="Key poses">{"".join(drawn)}</svg>'


def key_frames(
    units_TPX: NDArray[np.int16], seen_TP: NDArray[np.bool_], hands_P: NDArray[np.bool_], limit: int = NUM_POSES
) -> list[int]:
    """Of each part of the movement the frame in which the hands that are seen move least; its middle if none is."""
    both_TP = seen_TP[:-1, hands_P] & seen_TP[1:, hands_P]
    step_TP = np.abs(np.diff(units_TPX[:, hands_P].astype(np.float64), axis=0)).sum(axis=2)
    count_T = both_TP.sum(axis=1)
    mean_T = step_TP.sum(axis=1, where=both_TP) / np.maximum(count_T, 1)
    speed_T = np.append(np.where(count_T > 0, mean_T, np.inf), np.inf)  # to the next frame
    chosen = []
    for part in np.array_split(np.arange(len(units_TPX)), min(limit, len(units_TPX))):
        still = np.isfinite(speed_T[part])
        chosen.append(int(part[speed_T[part].argmin()] if still.any() else part[len(part) // 2]))
    return chosen


def _path(points_PX: NDArray[Any], seen_P: NDArray[np.bool_], chains: Chains) -> str:
    """Lines as SVG draws them, broken where a point was not detected; of each line the first point, then steps."""
    text = ""
    for line in chains:
        last: NDArray[Any] | None = None
        for point in line:
            here = points_PX[point]
            if not seen_P[point]:
                last = None
                continue
            x, y = here if last is None else here - last
            text += f"{'M' if last is None else 'l'}{x} {y}"
            last = here
    return text
