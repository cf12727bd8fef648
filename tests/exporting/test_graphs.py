"""Features in torch: the same numbers as the features themselves, alone and in a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from project.contract import InputError
from project.exporting.front import front_of, padded
from project.exporting.tone_path import leaping, on_time
from project.feature import tone
from project.feature.bar_window import BarWindow
from project.feature.bars import Bars
from project.feature.envelope import Envelope
from project.feature.fbank import Fbank
from project.feature.landmark_layout import BLOCKS
from project.feature.landmarks import Landmarks
from project.feature.samples import Samples
from project.feature.tone_envelope import ToneEnvelope

Wave = NDArray[np.float32]


def keyed(seconds: float, rate: int, seed: int) -> Wave:
    """A tone that drifts, jumps and is keyed, in noise and a steady hum."""
    rng = np.random.default_rng(seed)
    times_N = np.arange(round(seconds * rate)) / rate
    hertz_N = np.where(times_N < 0.6 * seconds, 500 + 30 * times_N, 900)
    key_N = np.repeat(rng.random(1 + int(seconds * 12)) < 0.5, -(-rate // 12))[: len(times_N)]
    tone_N = key_N * np.sin(2 * np.pi * np.cumsum(hertz_N) / rate)
    hum_N = 0.5 * np.sin(2 * np.pi * 312.5 * times_N)
    return (0.1 * (tone_N + hum_N + rng.normal(0, 0.3, len(times_N)))).astype(np.float32)


def compared(feature: Any, signals: Sequence[Any]) -> list[tuple[Tensor, Tensor, Tensor]]:
    """What the feature says of each signal, what its graph says of it alone, and in a batch of all."""
    front = front_of(feature).eval()
    with torch.inference_mode():
        together, frames_B = front(*map(torch.from_numpy, padded(feature, signals).values()))
        alone = [front(*map(torch.from_numpy, padded(feature, [one]).values()))[0][0] for one in signals]
    wanted = [feature(one) for one in signals]
    assert frames_B.tolist() == [len(one) for one in wanted]
    for row, size in enumerate(frames_B.tolist()):
        assert not together[row, size:].any(), "beyond a length there is nothing"
    rows = [together[row, : len(one)] for row, one in enumerate(wanted)]
    return list(zip(wanted, [one[: len(w)] for one, w in zip(alone, wanted, strict=True)], rows, strict=True))


@pytest.mark.parametrize(
    "feature",
    [
        ToneEnvelope(),
        ToneEnvelope(sample_rate=8000, integrate_ms=(5, 30), average_seconds=1.0, peak_seconds=0.5),
        ToneEnvelope(integrate_ms=(10, 12, 16, 20, 26, 32, 40, 50, 64, 80, 100, 128, 160, 200, 256)),
        Envelope(),
        Envelope(smooth_ms=4, frame_rate=50),
        Fbank(),
        Fbank(sample_rate=8000, bands=20),
        Samples("standard"),
        Samples("rms"),
        Samples("none"),
    ],
    ids=lambda one: "-".join(map(str, one.settings.values())),
)
def test_sound(feature: Any) -> None:
    rate = feature.sample_rate
    signals = [keyed(seconds, rate, seed) for seed, seconds in enumerate((3.0, 7.3, 0.9, 0.02))]
    signals += [np.zeros(rate, np.float32), np.full(1, 0.5, np.float32), 1e-4 * keyed(2.0, rate, 9)]
    for wanted, alone, together in compared(feature, signals):
        torch.testing.assert_close(alone, wanted, atol=5e-4, rtol=0)
        torch.testing.assert_close(together, wanted, atol=5e-4, rtol=0)
        torch.testing.assert_close(together, alone, atol=1e-4, rtol=0)


@pytest.mark.parametrize("glides", [False, True])
def test_jumps_are_moved_as_in_the_feature(glides: bool) -> None:
    """Paths that jump or glide often, of several lengths, in a batch."""
    rng, moved = np.random.default_rng(0), 0
    for _ in range(60):
        steps, reach = int(rng.integers(1, 60)), int(rng.integers(1, 13))
        lengths = rng.integers(1, steps + 1, 3)
        score_BSK = rng.exponential(1, (3, steps, 20))
        ways = [np.repeat(rng.integers(-1, 2, 60), rng.integers(1, 9, 60))[:steps] for _ in range(3)]
        path_BS = np.stack([np.repeat(rng.integers(0, 20, 60), rng.integers(1, 15, 60))[:steps] for _ in range(3)])
        path_BS = np.cumsum(ways, axis=1) % 20 if glides else path_BS
        for path_S, length in zip(path_BS, lengths, strict=True):
            path_S[length:] = path_S[length - 1]
        path, score, until = map(torch.from_numpy, (path_BS, score_BSK, lengths))
        found = on_time(leaping(path, reach), score, until, reach).numpy()
        for row, length in enumerate(lengths):
            leapt = tone.leaping(path_BS[row, :length], reach)
            wanted = tone.on_time(leapt, score_BSK[row, :length], reach)
            np.testing.assert_array_equal(found[row, :length], wanted)
            moved += int((wanted != path_BS[row, :length]).sum())
    assert moved > 300


@pytest.mark.parametrize(
    "feature",
    [Landmarks(), Landmarks(feature_set="source6516"), Landmarks(frame_rate=30, hand_shape=True, expression=True)],
    ids=["pos_vel", "source6516", "all"],
)
def test_landmarks(feature: Landmarks) -> None:
    rng = np.random.default_rng(0)
    body_PX = rng.normal(size=(543, 3)) + np.array([3, 2, 1])
    signals = []
    for frames in (30, 1, 12):
        points_TPX = (body_PX + np.cumsum(rng.normal(0, 0.02, (frames, 543, 3)), axis=0)).astype(np.float32)
        points_TPX[rng.random((frames, 543)) < 0.02] = np.nan
        points_TPX[: frames // 3, BLOCKS["left_hand"]] = np.nan
        points_TPX[0, BLOCKS["face"]] = body_PX[BLOCKS["face"]]
        points_TPX[0, [11, 12]] = body_PX[[11, 12]]
        signals.append(points_TPX)
    for wanted, alone, together in compared(feature, signals):
        torch.testing.assert_close(alone, wanted, atol=2e-5, rtol=1e-5)
        torch.testing.assert_close(together, wanted, atol=2e-5, rtol=1e-5)
        assert (wanted == 0).any()


def test_bars() -> None:
    rng = np.random.default_rng(0)
    signals = []
    for count, length in ((233, 105), (40, 40), (7, 5), (1, 1)):
        close_N = 400 * np.exp(np.cumsum(rng.normal(0, 0.002, count)).round(3))
        opening_N = np.concatenate([close_N[:1], close_N[:-1]])
        edges_2N = rng.random((2, count)).round(1)
        high_N, low_N = np.maximum(opening_N, close_N) + edges_2N[0], np.minimum(opening_N, close_N) - edges_2N[1]
        flat_N = rng.random(count) < 0.1
        columns = [np.where(flat_N, close_N, one) for one in (opening_N, high_N, low_N, close_N)]
        signals.append(BarWindow(np.column_stack([np.arange(count), *columns, np.zeros(count)]), length))
    for feature in (Bars(), Bars(swing_bars=1, range_bars=3, atr_bars=2)):
        for wanted, alone, together in compared(feature, signals):
            torch.testing.assert_close(alone, wanted, atol=1e-6, rtol=1e-6)
            torch.testing.assert_close(together, wanted, atol=1e-6, rtol=1e-6)


def test_what_cannot_be_put_into_a_graph_is_told() -> None:
    for feature in (ToneEnvelope(causal=True), Envelope(band_hz=[300, 900])):
        with pytest.raises(InputError, match="set format=package"):
            front_of(feature)
    with pytest.raises(InputError, match="Identity cannot be put into a graph: set format=package"):
        front_of(nn.Identity())
