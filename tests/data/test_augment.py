"""Augmentations: what is changed, what is only asked, and that both follow the generator alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from project.contract import InputError
from project.data.augment import Gain, Noise, SpanMask, TimeMask
from project.data.dataset import generator_of
from project.feature.timing import TimingPrior


def states_of(*lengths: int) -> torch.Tensor:
    return torch.cat([torch.full((length,), place % 2 == 1) for place, length in enumerate(lengths)])


MORSE = states_of(30, 6, 6, 18, 6, 6, 18, 18, 6, 18, 41, 6, 6, 6, 18, 6, 30)


def test_gain_and_noise_are_what_they_say() -> None:
    signal = np.sin(np.arange(80_000) * 0.1).astype(np.float32)
    louder = Gain(-6.0, -6.0)(signal, generator_of(0, 0, "a"))
    np.testing.assert_allclose(louder, signal * 10 ** (-6 / 20), rtol=1e-6)
    noise = Noise(10.0, 10.0)(signal, generator_of(0, 0, "a")) - signal
    assert 10 * np.log10(np.mean(signal**2) / np.mean(noise**2)) == pytest.approx(10.0, abs=0.1)


def test_a_time_mask_silences_no_more_than_it_may() -> None:
    frames_TF = torch.ones(100, 2)
    for epoch in range(20):
        masked_TF = TimeMask(masks=2, longest_frames=10)(frames_TF, generator_of(0, epoch, "a"))
        assert 80 <= masked_TF[:, 0].sum() <= 100
        assert torch.equal(masked_TF[:, 0], masked_TF[:, 1])
    assert frames_TF.sum() == 200


@pytest.mark.parametrize("part", [0.1, 0.3, 0.6])
def test_spans_hide_the_part_that_was_asked_for(part: float) -> None:
    mask, parts = SpanMask(part=part, span_frames=(5, 12)), []
    for epoch in range(50):
        hidden_T = mask(states_of(200, 200), generator_of(0, epoch, "a"))["hidden"]
        parts.append(hidden_T.float().mean().item())
        _, counts = torch.unique_consecutive(hidden_T, return_counts=True)
        shown_first = not hidden_T[0]
        assert counts[int(shown_first) :: 2].min() >= 5, "spans may run into one another, none is shorter"
    assert part <= np.mean(parts) <= part + 12 / 400
    assert len(set(parts)) > 1


def test_targets_are_a_function_of_the_generator() -> None:
    mask = SpanMask()
    one, same, other = (mask(MORSE, generator_of(0, epoch, "a")) for epoch in (0, 0, 1))
    assert one.keys() == {"hidden", "states", "trust"}
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["hidden"], other["hidden"])
    assert {name: target.dtype for name, target in one.items()} == {
        "hidden": torch.bool,
        "states": torch.float32,
        "trust": torch.float32,
    }


def test_without_the_prior_states_are_as_they_were() -> None:
    targets = SpanMask()(MORSE, generator_of(0, 0, "a"))
    assert torch.equal(targets["states"], MORSE.float())
    assert torch.equal(targets["trust"] > 0, targets["hidden"])


def test_nothing_is_asked_near_the_ends_of_a_span() -> None:
    plain = SpanMask(span_frames=(9, 20))(MORSE, generator_of(0, 0, "a"))
    guarded = SpanMask(span_frames=(9, 20), guard_frames=4)(MORSE, generator_of(0, 0, "a"))
    hidden = plain["hidden"].tolist()
    assert torch.equal(plain["hidden"], guarded["hidden"])
    frames = len(hidden)
    expected = [all(hidden[max(0, t - 4) : t + 5]) for t in range(frames)]
    assert (guarded["trust"] > 0).tolist() == expected


def test_the_prior_fills_glitches_and_trusts_what_keeps_time() -> None:
    noisy = MORSE.clone()
    places = (63, 100, 150, 188)
    noisy[list(places)] ^= True
    cleaned = SpanMask(timing=True)(noisy, generator_of(0, 0, "a"))
    assert torch.equal(cleaned["states"], MORSE.float())
    trust = torch.from_numpy(TimingPrior().fit(MORSE.numpy()).trust).float()
    torch.testing.assert_close(cleaned["trust"], trust * cleaned["hidden"])
    hum = states_of(30, 6, 6, 6, 18, 6, 6, 300, 6, 6, 6, 6, 30)  # a tone that is no element
    trusted = TimingPrior().fit(hum.numpy()).trust
    assert trusted[100:300].max() < 0.1
    assert trusted[:78].min() > 0.5


@pytest.mark.parametrize("frames", [0, 1, 2, 3, 9])
def test_short_examples_stay_partly_visible(frames: int) -> None:
    for epoch in range(20):
        targets = SpanMask(part=0.5)(torch.ones(frames, dtype=torch.bool), generator_of(0, epoch, "a"))
        assert all(len(target) == frames for target in targets.values())
        assert (frames < 2) or 1 <= targets["hidden"].sum() <= frames


@pytest.mark.parametrize(
    "settings", [{"part": 0.0}, {"part": 1.0}, {"span_frames": (0, 4)}, {"span_frames": (5,)}, {"guard_frames": 5}]
)
def test_settings_that_make_no_sense(settings: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"data\.augment: SpanMask\."):
        SpanMask(**settings)
