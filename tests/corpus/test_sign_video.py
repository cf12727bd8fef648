"""Videos become landmarks: with a landmarker that reads made-up videos, and with MediaPipe where it is installed."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from project.contract import InputError
from project.corpus.folder import remove
from project.corpus.holistic import Holistic, body, open_video
from project.corpus.sign_video import SignVideo
from project.data.manifest import Manifest
from project.feature import landmark_file
from project.feature.landmark_layout import BLOCKS
from project.text.alphabet import Alphabet


class Fake:
    """A landmarker whose videos are texts: `frames fps lost-block`."""

    settings: Mapping[str, Any] = {"landmarker": "fake@1"}

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(self, video: Path) -> tuple[np.ndarray, float]:
        self.seen.append(video.name)
        frames, rate, *lost = video.read_text().split()
        if frames == "broken":
            raise InputError(f"{video}: OpenCV cannot open it")
        points = np.random.default_rng(len(self.seen)).uniform(0.1, 1, (int(frames), 543, 3)).astype(np.float32)
        for block in lost:
            points[:, BLOCKS[block]] = np.nan
        return points, float(rate)


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    folder = tmp_path / "videos"
    (folder / "anna").mkdir(parents=True)
    for name, video, glosses in (
        ("a.mp4", "10 25", "REGEN  NORD\n"),
        ("anna/b.webm", "60 30 left_hand", "WIND"),
        ("anna/c.MOV", "5 50 face", "REGEN"),
    ):
        (folder / name).write_text(video)
        (folder / name).with_suffix(".txt").write_text(glosses)
    return folder


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_landmarks_glosses_and_alphabet(videos: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    (path,) = SignVideo(str(videos), landmarker=Fake()).make(
        str(tmp_path / "out"), lambda done, total: told.append((done, total))
    )
    found = lines(Path(path))
    assert [(line["id"], line["symbols"], line["duration"]) for line in found] == [
        ("a", ["REGEN", "NORD"], 0.4),
        ("anna/b", ["WIND"], 2.0),
        ("anna/c", ["REGEN"], 0.1),
    ]
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert Alphabet.load(tmp_path / "out/alphabet.json") == Alphabet(("NORD", "REGEN", "WIND"), separator=" ")
    for example, frames in zip(Manifest.open(path), (10, 60, 5), strict=True):
        points = landmark_file.read(example.media, round(frames / example.length))
        assert points.shape == (frames, 543, 3)
    assert not (tmp_path / "out/left_out.jsonl").exists()


def test_a_table_says_who_signs(videos: Path, tmp_path: Path) -> None:
    rows = ["file,glosses,signer,room", 'a.mp4,"REGEN NORD",anna,2', "anna/b.webm,WIND,bea,", "anna/c.MOV,REGEN,bea,1"]
    (videos / "metadata.csv").write_text("\n".join(rows))
    (path,) = SignVideo(str(videos), landmarker=Fake(), name="train").make(str(tmp_path / "out"))
    assert [(line["group"], line.get("room")) for line in lines(Path(path))] == [("anna", 2), ("bea", None), ("bea", 1)]


def test_finished_videos_are_not_done_again(videos: Path, tmp_path: Path) -> None:
    fake, out = Fake(), tmp_path / "out"
    (videos / "anna/b.webm").write_text("broken 25")
    with pytest.raises(InputError, match=r"1 problems, no manifest is written: .* not done again"):
        SignVideo(str(videos), landmarker=fake).make(str(out))
    assert not (out / "all.jsonl").exists()
    (videos / "anna/b.webm").write_text("20 25")
    (videos / "d.avi").write_text("20 25")
    (videos / "d.txt").write_text("SCHNEE")
    SignVideo(str(videos), landmarker=fake).make(str(out))
    assert fake.seen == ["a.mp4", "b.webm", "c.MOV", "b.webm", "d.avi"]
    assert [line["id"] for line in lines(out / "all.jsonl")] == ["a", "anna/b", "anna/c", "d"]
    (videos / "a.txt").write_text("SONNE")  # another transcript needs no new landmarks
    SignVideo(str(videos), landmarker=fake).make(str(out))
    assert len(fake.seen) == 5
    assert lines(out / "all.jsonl")[0]["symbols"] == ["SONNE"]
    other = Fake()
    other.settings = {"landmarker": "fake@2"}
    with pytest.raises(InputError, match="made with another landmarker"):
        SignVideo(str(videos), landmarker=other).make(str(out))
    remove(str(out))
    assert not list(out.iterdir())


def test_all_problems_are_told(videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, video in (
        ("blind.mp4", "3 25 pose"),
        ("still.mp4", "3 25 left_hand right_hand"),
        ("bad.mp4", "broken 1"),
    ):
        (videos / name).write_text(video)
        (videos / name).with_suffix(".txt").write_text("WIND")
    (videos / "a.mov").write_text("10 25")  # a.txt is of a.mp4 too
    (videos / "long.mp4").write_text("10 25")
    (videos / "long.csv").write_text("start,end,text\n0,0.2,WIND\n")
    (videos / "mute.mp4").write_text("3 25")
    with pytest.raises(InputError, match="2 problems, no manifest"):
        SignVideo(str(videos), landmarker=Fake()).make(str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()
    capsys.readouterr()
    SignVideo(str(videos), landmarker=Fake(), skip_bad=True).make(str(tmp_path / "out"))
    assert [line["id"] for line in lines(tmp_path / "out/all.jsonl")] == ["a", "anna/b", "anna/c"]
    told = capsys.readouterr().err
    for expected in (
        "a.txt: id a is already that of",
        "mute.mp4: no transcript: write mute.txt beside it",
        "long.csv:2: a part of",
        "blind.mp4: none of its 3 frames shows both shoulders: film",
        "still.mp4: none of its 3 frames shows a hand: film",
        "bad.mp4: OpenCV cannot open it",
        "6 left out, see",
    ):
        assert expected in told
    assert len(lines(tmp_path / "out/left_out.jsonl")) == 6


def test_what_is_asked_is_checked(videos: Path, tmp_path: Path) -> None:
    for given, match in (
        ({}, "add corpus.folder=videos"),
        ({"folder": str(videos), "name": "a/b"}, "no name of a file"),
        ({"folder": str(tmp_path / "none")}, "no such folder"),
        ({"folder": str(videos), "transcripts": "x.csv"}, "correct corpus.transcripts"),
    ):
        with pytest.raises(InputError, match=match):
            SignVideo(**given, landmarker=Fake()).make(str(tmp_path / "out"))
    with pytest.raises(InputError, match="lies among the videos"):
        SignVideo(str(videos), landmarker=Fake()).make(str(videos / "out"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no recordings in it \(.avi"):
        SignVideo(str(tmp_path / "empty"), landmarker=Fake()).make(str(tmp_path / "out"))
    with pytest.raises(InputError, match=r"correct corpus.landmarker.bundle"):
        Holistic(str(tmp_path / "none.task"))


def point(x: float, y: float, z: float) -> SimpleNamespace:
    return SimpleNamespace(x=x, y=y, z=z)


@pytest.mark.parametrize("wrapped", [True, False], ids=["solutions", "tasks"])
def test_x_and_y_share_a_unit(wrapped: bool) -> None:
    """MediaPipe says where in the picture's width and height a point is; both kinds of result are understood."""

    def part(count: int) -> Any:
        points = [point(0.5, 0.25, number / 1000) for number in range(count)]
        return SimpleNamespace(landmark=points) if wrapped else points

    result = SimpleNamespace(
        pose_landmarks=part(33),
        face_landmarks=part(468 if wrapped else 478),
        left_hand_landmarks=None if wrapped else [],
        right_hand_landmarks=part(21),
    )
    points = body(result, aspect=16 / 9)
    np.testing.assert_allclose(points[BLOCKS["pose"]][4], [0.5 * 16 / 9, 0.25, 0.004 * 16 / 9], rtol=1e-6)
    np.testing.assert_allclose(points[BLOCKS["face"]][467], [0.5 * 16 / 9, 0.25, 0.467 * 16 / 9], rtol=1e-6)
    assert np.isnan(points[BLOCKS["left_hand"]]).all()
    assert np.isfinite(points[BLOCKS["right_hand"]]).all()


def test_without_mediapipe_it_is_named(videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(InputError, match=r"videos need MediaPipe and OpenCV .* docs/sign.md"):
        SignVideo(str(videos)).make(str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_mediapipe_without_models_asks_for_them(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mediapipe = ModuleType("mediapipe")
    mediapipe.__version__ = "1.2.2"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mediapipe", mediapipe)
    with pytest.raises(InputError, match=r"MediaPipe 1.2.2 has no models inside: give the path"):
        SignVideo(str(videos)).make(str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_real_mediapipe_finds_nobody_in_an_empty_room(tmp_path: Path) -> None:
    pytest.importorskip("mediapipe", reason="MediaPipe is not installed")
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed")
    path = tmp_path / "empty.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 20, (160, 120))
    for number in range(6):
        writer.write(np.full((120, 160, 3), 40 * number, dtype=np.uint8))
    writer.release()
    rate, pictures = open_video(path)
    assert (rate, len(list(pictures))) == (20, 6)
    import mediapipe

    if hasattr(mediapipe, "solutions"):
        points, rate = Holistic()(path)
        assert (points.shape, rate) == ((6, 543, 3), 20)
        assert np.isnan(points).all()
