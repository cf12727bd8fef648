"""Samples, against the extractor that published encoders were trained with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray

from project.build.bind import make
from project.build.compose import compose
from project.contract import InputError
from project.feature.samples import Samples
from project.part import Feature

RNG = np.random.default_rng(0)


def noise(length: int, mean: float = 0.3) -> NDArray[np.float32]:
    return (mean + 0.05 * RNG.standard_normal(length)).astype(np.float32)


@pytest.mark.parametrize("length", [1, 2, 7, 400, 16001])
def test_standard_is_what_the_librarys_extractor_makes(length: int) -> None:
    from transformers import Wav2Vec2FeatureExtractor

    wave = noise(length)
    expected = Wav2Vec2FeatureExtractor(do_normalize=True)(wave, sampling_rate=16000, return_tensors="pt")
    found_TF = Samples()(wave)
    assert found_TF.shape == (length, 1)
    assert found_TF.dtype == torch.float32
    torch.testing.assert_close(found_TF[:, 0], expected["input_values"][0], atol=2e-5, rtol=1e-4)


def test_levels() -> None:
    wave = noise(8000)
    assert torch.equal(Samples(level="none")(wave)[:, 0], torch.from_numpy(wave))
    assert float(Samples(level="rms")(wave).square().mean().sqrt()) == pytest.approx(0.1)
    assert float(Samples(level="rms")(wave).mean()) > 0.09, "the mean stays"
    standard_TF = Samples()(wave)
    assert float(standard_TF.mean()) == pytest.approx(0, abs=1e-6)
    assert float(standard_TF.std(correction=0)) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("level", ["standard", "rms", "none"])
def test_silence_and_nothing_stay_what_they_are(level: str) -> None:
    feature = make({"_target_": "project.feature.samples.Samples", "level": level}, "feature")
    assert not feature(np.zeros(100, np.float32)).any()
    assert feature(np.zeros(0, np.float32)).shape == (0, 1)


def test_it_gives_away_a_copy() -> None:
    wave = noise(10)
    Samples(level="none")(wave)[:] = 0
    assert wave.any()


def test_recordings_come_at_16_khz_and_frames_are_known_beforehand(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", np.stack([noise(22050), noise(22050)], axis=1), 22050)
    feature = Samples()
    assert isinstance(feature, Feature)
    assert len(feature(feature.read(str(tmp_path / "a.flac")))) == feature.num_frames(1.0) == 16000


def test_its_settings_tell_what_changes_a_result() -> None:
    assert dict(Samples(level="rms").settings) == {"feature": "samples@1", "sample_rate": 16000, "level": "rms"}


def test_another_level_is_refused() -> None:
    with pytest.raises(InputError, match=r"feature\.level: 'loud' is not standard or rms or none"):
        make(compose("train", ["feature=samples"])["feature"] | {"level": "loud"}, "feature")
