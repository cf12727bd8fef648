"""Landmarks found in a video by MediaPipe Holistic, an optional extra; nothing is downloaded.

Without a bundle the models inside the package are used, which MediaPipe up to 0.10.21 has; later ones need `bundle`,
the path of a `holistic_landmarker.task`. It does not know glosses, nor how bodies are normalized.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from project.contract import InputError
from project.feature.landmark_layout import BLOCKS, NUM_POINTS

Picture = NDArray[np.uint8]  # (height, width, 3), red, green, blue
Detect = Callable[[Picture, int], Any]  # what stands in a picture, at a time in milliseconds
# Block of ours -> what MediaPipe calls it; the face has ten more points, of the irises, in later versions.
_PARTS = {name: f"{name}_landmarks" for name in BLOCKS}


class Holistic:
    """Finds the 543 points in each frame, in heights of the picture; NaN where a part of the body is not seen."""

    def __init__(self, bundle: str | None = None) -> None:
        self._bundle = None if bundle is None else Path(bundle).expanduser()
        if self._bundle is not None and not self._bundle.is_file():
            raise InputError(f"{self._bundle}: there is no such file: correct corpus.landmarker.bundle")

    @property
    def settings(self) -> Mapping[str, Any]:
        """Everything that changes what is found."""
        version = _import("mediapipe").__version__
        digest = "inside the package"
        if self._bundle is not None:
            with self._bundle.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        elif not hasattr(_import("mediapipe"), "solutions"):
            raise InputError(
                f"corpus.landmarker.bundle: MediaPipe {version} has no models inside: "
                "give the path of a holistic_landmarker.task, or install mediapipe 0.10.21"
            )
        return {"landmarker": "holistic@1", "mediapipe": version, "models": digest}

    def __call__(self, video: Path) -> tuple[NDArray[np.float32], float]:
        """(T, 543, 3), and the video's frames a second."""
        frame_rate, pictures = open_video(video)
        with self._detector() as detect:
            bodies = [
                body(detect(picture, round(1000 * number / frame_rate)), picture.shape[1] / picture.shape[0])
                for number, picture in enumerate(pictures)
            ]
        if not bodies:
            raise InputError(f"{video}: no picture of it can be decoded: convert it to H.264 in an .mp4")
        return np.stack(bodies), frame_rate

    @contextmanager
    def _detector(self) -> Iterator[Detect]:
        """A new one for each video: it follows a body from frame to frame."""
        mediapipe = _import("mediapipe")
        if self._bundle is not None:
            with _task(mediapipe, self._bundle) as detect:
                yield detect
        else:
            with mediapipe.solutions.holistic.Holistic(model_complexity=1) as holistic:
                yield lambda picture, _milliseconds: holistic.process(picture)


@contextmanager
def _task(mediapipe: Any, bundle: Path) -> Iterator[Detect]:
    vision = _import("mediapipe.tasks.python.vision")
    options = vision.HolisticLandmarkerOptions(
        base_options=_import("mediapipe.tasks.python").BaseOptions(model_asset_path=str(bundle)),
        running_mode=vision.RunningMode.VIDEO,
    )
    try:
        landmarker = vision.HolisticLandmarker.create_from_options(options)
    except (RuntimeError, ValueError, OSError) as error:
        raise InputError(f"{bundle}: MediaPipe cannot use it ({str(error)[:200]}): fetch it again") from None

    def detect(picture: Picture, milliseconds: int) -> Any:
        return landmarker.detect_for_video(mediapipe.Image(mediapipe.ImageFormat.SRGB, picture), milliseconds)

    with landmarker:
        yield detect


def open_video(video: Path) -> tuple[float, Iterable[Picture]]:
    """Frames a second of a video, and its pictures, decoded as they are asked for."""
    cv2 = _import("cv2")
    capture = cv2.VideoCapture(str(video))
    frame_rate = float(capture.get(cv2.CAP_PROP_FPS))
    if not capture.isOpened():
        raise InputError(f"{video}: OpenCV cannot open it: convert it to H.264 in an .mp4, or leave it out")
    if not 1 <= frame_rate <= 240:
        capture.release()
        raise InputError(
            f"{video}: it says {frame_rate:g} frames a second: convert it to a constant rate (ffmpeg -r 25)"
        )

    def pictures() -> Iterator[Picture]:
        while True:
            there, picture = capture.read()
            if not there:
                break
            yield np.ascontiguousarray(picture[:, :, ::-1])  # OpenCV has blue first
        capture.release()

    return frame_rate, pictures()


def body(result: Any, aspect: float) -> NDArray[np.float32]:
    """The (543, 3) points of what MediaPipe found, which has x in parts of the width and y of the height.

    `aspect`: the picture's width by its height; x, and z that has x's scale, are multiplied by it.
    """
    points_PX = np.full((NUM_POINTS, 3), np.nan, dtype=np.float32)
    for block, part in _PARTS.items():
        found = _points(getattr(result, part))
        if found:
            size = BLOCKS[block].stop - BLOCKS[block].start
            points_PX[BLOCKS[block]] = [(point.x, point.y, point.z) for point in found[:size]]
    return points_PX * np.array([aspect, 1, aspect], dtype=np.float32)


def _points(part: Any) -> Sequence[Any]:
    """The points of a part: None or empty where it is not seen, in a message of its own in MediaPipe up to 0.10."""
    return () if part is None else list(getattr(part, "landmark", part))


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InputError(f"corpus: videos need MediaPipe and OpenCV ({error}): see docs/sign.md for versions") from None
