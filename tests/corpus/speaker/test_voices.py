"""Speakers: functions of seed, split and number; voices of one split alone."""

from __future__ import annotations

import pytest

from project.contract import InputError
from project.corpus.speaker.errors import Learners
from project.corpus.speaker.voices import ACCENT, Speakers, draw_speaker, shifted_rate, variants_of


def test_splits_share_no_voice() -> None:
    parts = {split: set(variants_of(split)) for split in ("train", "dev", "test")}
    assert [len(part) for part in parts.values()] == [48, 7, 7]
    assert not parts["train"] & parts["dev"]
    assert not parts["train"] & parts["test"]
    assert not parts["dev"] & parts["test"]


def test_a_speaker_is_a_function_of_seed_split_and_number() -> None:
    one, again, other, third = (
        draw_speaker("test", number, Speakers(), Learners(), seed) for number, seed in ((3, 0), (3, 0), (4, 0), (3, 1))
    )
    assert one == again
    assert len({one.habits, other.habits, third.habits}) == 3
    assert one.name == "test-0003"
    assert one.voice.name.removeprefix(f"{ACCENT}+") in variants_of("test")


def test_speakers_lie_in_their_ranges() -> None:
    speakers = Speakers(wpm=(90, 95), pitch=(10, 12), melody=(0, 1), tract=(1.1, 1.2), pauses=(0.5, 0.6))
    for number in range(30):
        one = draw_speaker("train", number, speakers, Learners(), 0)
        assert 90 <= one.voice.wpm <= 95
        assert 10 <= one.voice.pitch <= 12
        assert 1.1 <= one.tract <= 1.2
        assert 0.5 <= one.pauses <= 0.6


def test_formants_are_moved_within_a_thousandth() -> None:
    for tract in (0.85, 0.917, 1.0, 1.13, 1.2):
        assert shifted_rate(22050, tract) / 22050 == pytest.approx(tract, rel=2e-3)


@pytest.mark.parametrize("wrong", [{"per_speaker": 0}, {"wpm": (40, 90)}, {"pitch": (0, 120)}, {"tract": (0.1, 1)}])
def test_wrong_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        Speakers(**wrong)  # type: ignore[arg-type]
