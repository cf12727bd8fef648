"""Signed sentences: the two special pairs, left hands, arms that keep their length, and no pause between signs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from project.corpus.signer.body import FOREARM, SHOULDER, UPPER_ARM, reach
from project.corpus.signer.lexicon import FACE_PAIR, GLOSSES, VELOCITY_PAIR
from project.corpus.signer.performance import Performance, body, num_frames, plan
from project.corpus.signer.style import Signing, draw_signer
from project.feature.landmark_layout import BLOCKS, LEFT_SHOULDER, NUM_POINTS, RIGHT_SHOULDER, RIGHT_WRIST, mirrored

ELBOW = 14


def performed(
    *glosses: str, rate: float = 25, seed: int = 0, number: int = 0, **signing: Any
) -> tuple[Performance, Any]:
    """A performance of a right-handed signer who signs as the lexicon says, unless told otherwise, and its body."""
    given = {"strength": 0.0, "left_handed": 0.0, "sloppiness": (0, 0), "tempo": (1, 1)} | signing
    signer = draw_signer("train", number, Signing(**given), 0)
    rng = np.random.default_rng(seed)
    performance = plan(glosses, signer, rng)
    return performance, body(performance, rate, rng)


def test_the_face_pair_is_the_same_but_for_the_face() -> None:
    (_, true), (_, really) = (performed(gloss) for gloss in FACE_PAIR)
    differs = (true != really).any(axis=(0, 2))
    assert not np.delete(differs, np.arange(NUM_POINTS)[BLOCKS["face"]]).any()
    assert np.abs(true - really)[len(true) // 2, BLOCKS["face"]].max() > 0.08


def test_the_velocity_pair_goes_one_way_at_two_speeds() -> None:
    rate = 400
    ways, speeds = {}, {}
    for gloss in VELOCITY_PAIR:
        performance, points = performed(gloss, rate=rate)
        start, end = (
            round(float(times[0]) * rate) for times in (performance.timing.starts_S, performance.timing.ends_S)
        )
        ways[gloss] = points[start : end + 1, RIGHT_WRIST]
        speeds[gloss] = np.linalg.norm(np.diff(ways[gloss], axis=0), axis=1).max() * rate
    slow, fast = (ways[gloss] for gloss in VELOCITY_PAIR)
    for one, other in ((slow, fast), (fast, slow)):
        away = np.linalg.norm(one[:, None] - other[None], axis=2).min(axis=1)
        assert away.max() < 0.02
    assert speeds[VELOCITY_PAIR[1]] > 4 * speeds[VELOCITY_PAIR[0]]
    assert len(slow) > 1.5 * len(fast)


def test_a_left_handed_signer_is_the_mirror_image() -> None:
    sentence = ("DOCTOR", "SNOW", "LOOK")
    (_, right), (_, left) = (performed(*sentence, strength=1.0, left_handed=part) for part in (0.0, 1.0))
    np.testing.assert_array_equal(left, mirrored(right))
    busy = [np.ptp(right[:, BLOCKS[f"{side}_hand"]][:, 0], axis=0).sum() for side in ("left", "right")]
    assert busy[1] > busy[0]


@pytest.mark.parametrize("number", range(4))
def test_bodies_are_plausible(number: int) -> None:
    performance, points = performed(
        *GLOSSES[number * 8 : number * 8 + 8], strength=1.0, number=number, sloppiness=(0, 1)
    )
    signer = performance.signer
    assert points.shape == (num_frames(performance, 25), NUM_POINTS, 3)
    assert points.dtype == np.float32
    assert np.isfinite(points).all()
    assert np.abs(points[:, BLOCKS["left_hand"].start :]).max() < 3
    width = np.linalg.norm(points[:, LEFT_SHOULDER] - points[:, RIGHT_SHOULDER], axis=1)
    np.testing.assert_allclose(width, 1, atol=1e-5)
    for side in (0, 1):
        shoulder, elbow, wrist = (points[:, joint - side] for joint in (RIGHT_SHOULDER, ELBOW, RIGHT_WRIST))
        np.testing.assert_allclose(np.linalg.norm(elbow - shoulder, axis=1), UPPER_ARM * signer.arms, atol=1e-3)
        np.testing.assert_allclose(np.linalg.norm(wrist - elbow, axis=1), FOREARM * signer.arms, atol=1e-3)
        hand = points[:, BLOCKS["left_hand" if side else "right_hand"]]
        np.testing.assert_allclose(hand[:, 0], wrist, atol=1e-6)
    ears, chin = points[:, [7, 8]], points[:, BLOCKS["face"].start + 152]
    assert (ears[:, 0, 0] > ears[:, 1, 0]).all(), "the signer's left is on the right of the picture"
    assert (ears[..., 1] < chin[:, None, 1]).all()
    jumps = np.linalg.norm(np.diff(points, axis=0), axis=2).max()
    assert jumps < 1, "nothing leaps"


def test_arms_reach_as_far_as_they_are_long() -> None:
    wanted = np.array([[-0.5, 0.2, -9.0], [-0.5, 0.0, -1.0], [-0.5, 0.0, 0.0]])
    elbow, wrist = reach(wanted, 1.0)
    np.testing.assert_allclose(wrist[1], wanted[1])
    assert np.linalg.norm(wrist[0] - SHOULDER) == pytest.approx(0.995 * (UPPER_ARM + FOREARM))
    np.testing.assert_allclose(np.linalg.norm(elbow - SHOULDER, axis=1)[:2], UPPER_ARM, atol=1e-9)
    assert (elbow[1] - SHOULDER)[1] > 0, "elbows hang"


def test_signing_does_not_pause_between_signs() -> None:
    """At a border between two signs the hand of a careless signer moves as fast as elsewhere."""
    rate = 100
    performance, points = performed("GIVE", "FLY", "WOMAN", "LIKE", "GOOD", rate=rate, sloppiness=(0.6, 0.6))
    speed = np.linalg.norm(np.gradient(points[:, RIGHT_WRIST], axis=0), axis=1) * rate
    timing = performance.timing
    borders = np.concatenate([timing.ends_S[:-1], timing.starts_S[1:]])
    signed = speed[round(timing.starts_S[0] * rate) : round(timing.ends_S[-1] * rate)]
    assert np.median(speed[np.round(borders * rate).astype(int)]) > np.median(signed)


def test_neighbours_colour_a_sign_the_more_the_sloppier_the_signer() -> None:
    """Where the hand is when a sign begins, after one sign or another."""
    apart = []
    for sloppiness in (0.0, 0.5, 1.0):
        places = []
        for before in ("SUN", "CHILD"):
            performance, points = performed(before, "WATER", rate=200, sloppiness=(sloppiness, sloppiness))
            start = performance.timing.starts_S[1]
            places.append(points[round(float(start) * 200) + 2, RIGHT_WRIST])
        apart.append(float(np.linalg.norm(places[0] - places[1])))
    assert apart[0] < 0.06
    assert apart == sorted(apart)
    assert apart[2] > 0.1


def test_signs_last_as_signs_do() -> None:
    """0.35 to 0.75 s for each sign of a sentence, the way to it included."""
    seconds = []
    for number in range(30):
        performance, _ = performed(*GLOSSES[number : number + 8], number=number, strength=1.0, tempo=(0.8, 1.25))
        timing = performance.timing
        seconds.append(float(timing.ends_S[-1] - timing.starts_S[0]) / 8)
    assert min(seconds) > 0.35
    assert max(seconds) < 0.85
    assert 0.45 < np.mean(seconds) < 0.7
