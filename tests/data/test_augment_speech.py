"""Changes of speech: speed as a change of length and pitch, a throat as a shift of bands, masks as zeros."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from project.contract import InputError
from project.data.augment_speech import BandMask, Speed, Tract


def test_speed_changes_length_and_pitch_together() -> None:
    wave = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000).astype(np.float32)
    found = set()
    for seed in range(20):
        changed = Speed(0.1)(wave, np.random.default_rng(seed))
        assert 16000 / 1.11 <= len(changed) <= 16000 / 0.89
        peak = np.abs(np.fft.rfft(changed)).argmax() / len(changed) * 16000
        assert peak == pytest.approx(440 * 16000 / len(changed), rel=0.01)
        found.add(len(changed))
    assert len(found) > 5


def test_a_throat_moves_a_peak_by_up_to_its_most() -> None:
    frames_TF = torch.exp(-0.5 * ((torch.arange(80.0) - 40) / 2) ** 2).repeat(5, 1)
    places = {int(Tract(0.1)(frames_TF, np.random.default_rng(seed))[0].argmax()) for seed in range(30)}
    assert min(places) >= 36
    assert max(places) <= 45
    assert len(places) > 4
    assert torch.equal(Tract(0.0)(frames_TF, np.random.default_rng(0)), frames_TF)


def test_bands_are_silenced_and_the_frames_given_stay() -> None:
    frames_TF = torch.ones(7, 80)
    masked_TF = BandMask(masks=2, widest=20)(frames_TF, np.random.default_rng(3))
    silent_F = (masked_TF == 0).all(dim=0)
    assert 0 < int(silent_F.sum()) <= 40
    assert torch.equal(masked_TF[:, ~silent_F], frames_TF[:, ~silent_F])
    assert frames_TF.all()


def test_impossible_sizes_are_refused() -> None:
    for wrong in (lambda: Speed(1.0), lambda: Tract(-0.1), lambda: BandMask(masks=-1)):
        with pytest.raises(InputError, match=r"data\.augment"):
            wrong()
