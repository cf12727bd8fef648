"""Landmarks on disk: what is written comes back in half precision, at any frame rate, and what is wrong is told."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from project.contract import InputError
from project.feature import landmark_file
from project.feature.landmark_file import at_times, parse, read, resample, write
from project.feature.landmark_layout import BLOCKS, NUM_POINTS


def body(frames: int = 6) -> np.ndarray:
    return np.random.default_rng(frames).uniform(0.1, 1, (frames, NUM_POINTS, 3)).astype(np.float32)


def npz(save: Callable[..., None] = np.savez, **arrays: object) -> bytes:
    buffer = io.BytesIO()
    save(buffer, **arrays)
    return buffer.getvalue()


def one_array(file: io.BytesIO, xyz: np.ndarray) -> None:
    np.save(file, xyz)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    points = body()
    points[2, BLOCKS["left_hand"]] = np.nan
    points[3, 7, 1] = np.inf  # no place: a point with one such number was not detected
    write(tmp_path / "a.npz", points, 30)
    assert [file.name for file in tmp_path.iterdir()] == ["a.npz"]
    with np.load(tmp_path / "a.npz") as content:
        assert content["xyz"].dtype == np.float16
        assert content["fps"] == 30
        assert not content["xyz"][2, BLOCKS["left_hand"]].any()
        assert not content["xyz"][3, 7].any()
    found = read(str(tmp_path / "a.npz"), 30)
    assert found.dtype == np.float32
    assert np.isnan(found[3, 7]).all()
    points[3, 7] = np.nan
    np.testing.assert_array_equal(found, points.astype(np.float16).astype(np.float32))
    write(tmp_path / "b.npz", found, 30)
    np.testing.assert_array_equal(read(str(tmp_path / "b.npz"), 30), found)


def test_what_half_precision_cannot_hold_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.npz", 60000 * body(), 25)
    with pytest.raises(
        InputError, match=r"a\.npz: a coordinate is [\d.]+, 65504 at most can be kept: give a larger unit"
    ):
        write(tmp_path / "a.npz", 70000 * body(), 25)


@pytest.mark.parametrize("own", [10, 24, 25, 29.97, 60])
@pytest.mark.parametrize("wanted", [12.5, 25, 50])
def test_another_frame_rate_is_interpolation(own: float, wanted: float) -> None:
    points = body(17)
    found = resample(points, own, wanted)
    assert len(found) == max(1, round(17 * wanted / own))
    seconds = np.arange(len(found)) / wanted
    for point, axis in ((0, 0), (40, 1), (510, 2), (542, 0)):
        expected = np.interp(seconds, np.arange(17) / own, points[:, point, axis])
        np.testing.assert_allclose(found[:, point, axis], expected, atol=1e-6)


def test_one_frame_stays_one() -> None:
    np.testing.assert_array_equal(resample(body(1), 60, 25), body(1))
    np.testing.assert_array_equal(resample(body(1), 25, 75), np.repeat(body(1), 3, axis=0))


def test_a_gap_stays_a_gap() -> None:
    """Between a frame that has the point and one that has not, the nearer says what is there."""
    points = np.arange(6.0, dtype=np.float32).reshape(6, 1, 1).repeat(3, axis=2)
    points[3] = np.nan
    found = at_times(points, np.array([1.5, 2.0, 2.4, 2.6, 3.0, 3.4, 3.6, 4.0, 4.5, 9.0, -1.0]))[:, 0, 0]
    np.testing.assert_allclose(found, [1.5, 2, 2, np.nan, np.nan, np.nan, 4, 4, 4.5, 5, 0], rtol=1e-6)


def test_a_body_of_any_number_format_is_read() -> None:
    whole = np.round(100 * body())
    for kind in (np.float64, np.float16, np.int32):
        found, rate = parse(npz(xyz=whole.astype(kind), fps=25), "a.npz")
        np.testing.assert_array_equal(found, whole)
        assert rate == 25
    with_holes = body()
    with_holes[1, 5:7] = [[0, 0, 0], [np.nan, 1, 1]]
    found, _ = parse(npz(xyz=with_holes, fps=25), "a.npz")
    assert np.isnan(found[1, 5:7]).all()
    assert np.isnan(found).sum() == 6


BAD = {
    "no archive": (b"nothing", "no readable landmarks"),
    "empty": (b"", "no readable landmarks"),
    "cut off": (npz(xyz=body(), fps=25)[:-100], "no readable landmarks"),
    "one array": (npz(one_array, xyz=body()), "no readable landmarks"),
    "no xyz": (npz(points=body(), fps=25), "no readable landmarks .*xyz"),
    "no fps": (npz(xyz=body()), "no readable landmarks .*fps"),
    "objects": (npz(xyz=body().astype(object), fps=25), "no readable landmarks .*allow_pickle"),
    "words": (npz(xyz=np.full((2, NUM_POINTS, 3), "a"), fps=25), "no readable landmarks"),
    "many rates": (npz(xyz=body(), fps=[25, 30]), "no readable landmarks"),
    "another layout": (npz(xyz=body()[:, :542], fps=25), r"`xyz` has the shape \(6, 542, 3\): it must be"),
    "flat": (npz(xyz=body()[..., :2], fps=25), r"`xyz` has the shape \(6, 543, 2\): it must be"),
    "no frame": (npz(xyz=body()[:0], fps=25), ".* one frame at least"),
    "no rate": (npz(xyz=body(), fps=0), "`fps` is 0: give frames a second, 1 to 1000"),
    "rate is no number": (npz(xyz=body(), fps=np.nan), "`fps` is nan: give frames a second"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_told_in_a_line(name: str, tmp_path: Path) -> None:
    content, words = BAD[name]
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(InputError, match=rf"a\.npz: {words}") as told:
        read(str(tmp_path / "a.npz"), 25)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_damage_of_any_kind_is_told(save: Callable[..., None]) -> None:
    """Bytes changed here and there: numbers may be others then, but nothing else than an InputError comes out."""
    good = npz(save, xyz=body(2).astype(np.float16), fps=25)
    rng = np.random.default_rng(0)
    where = [*range(200), *range(len(good) - 300, len(good))]
    told = 0
    for _ in range(150):
        bad = bytearray(good)
        for place in rng.choice(where, 3):
            bad[place] = rng.integers(256)
        try:
            parse(bytes(bad), "a.npz")
        except InputError:
            told += 1
    assert told > 100


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    for media, words in (
        (str(tmp_path / "none.npz"), r"none\.npz: there is no such file: correct the path"),
        (str(tmp_path), "it cannot be read .*directory"),
        ("nowhere://a.npz", "nowhere://a.npz: it cannot be read .*nowhere"),
    ):
        with pytest.raises(InputError, match=words):
            landmark_file.read(media, 25)
