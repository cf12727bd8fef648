"""Videos of signing with their glosses, turned into landmarks: a manifest beside one file of landmarks for each.

Videos are neither copied nor shown to anybody: what is kept of a signer is 543 points in each frame. It does not know
how landmarks are found. A video that was finished is not done again, also after one was added or mended.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from project.contract import Example, InputError
from project.corpus.folder import Folder
from project.corpus.holistic import Holistic
from project.corpus.transcripts import Columns, read_transcripts
from project.data.foreign import Entry
from project.data.line import example_record
from project.feature import landmark_file
from project.feature.landmark_layout import BLOCKS, LEFT_SHOULDER, RIGHT_SHOULDER

SUFFIXES = frozenset({".mp4", ".webm", ".avi", ".mov", ".mkv", ".m4v"})
_COLUMNS = Columns(text=("text", "glosses", "gloss", "annotation"), group=("group", "signer", "speaker"))


class Landmarker(Protocol):
    """Finds a body in each frame of a video."""

    settings: Mapping[str, Any]

    def __call__(self, video: Path) -> tuple[NDArray[np.float32], float]:
        """(T, 543, 3) in a unit that x and y share, NaN where nothing was found, and frames a second."""


class SignVideo:
    """Videos of whole sentences, their glosses beside them (`<name>.txt`) or in one table, separated by spaces.

    Everything that is wrong is told; no manifest is written then, unless `skip_bad` imports the rest.
    """

    def __init__(
        self,
        folder: str | None = None,
        transcripts: str | None = None,
        columns: Columns = _COLUMNS,
        landmarker: Landmarker | None = None,
        name: str = "all",
        skip_bad: bool = False,
    ) -> None:
        if folder is None:
            raise InputError("corpus: no folder of videos is named: add corpus.folder=videos")
        if not name or Path(name).name != name:
            raise InputError(f"corpus: name is {name!r}, no name of a file: use letters, digits and signs")
        self._folder = Path(folder).expanduser()
        self._transcripts = transcripts
        self._columns = columns
        self._landmarker = landmarker or Holistic()
        self._manifest = f"{name}.jsonl"
        self._skip_bad = skip_bad

    def make(self, out: str, progress: Callable[[int, int], None] = lambda _done, _total: None) -> list[str]:
        """Writes landmarks, the manifest and alphabet.json (all glosses) into a folder; the manifest's path.

        `progress` is told how many videos of how many are done.
        """
        if Path(out).resolve().is_relative_to(self._folder.resolve()):
            raise InputError(f"{out}: lies among the videos that are imported: choose another out=")
        entries, problems = read_transcripts(self._folder, self._transcripts, self._columns, SUFFIXES)
        problems += _twice(entries)
        if problems and not self._skip_bad:
            raise self._refusal(problems)
        settings = {"corpus": "sign_video@1", "manifest": self._manifest, **self._landmarker.settings}
        folder = Folder(out, settings, [self._manifest, "alphabet.json", "left_out.jsonl"], "landmarks")
        folder.begin()
        (folder.path / "landmarks").mkdir(exist_ok=True)
        examples: dict[str, Example] = {}
        progress(0, len(entries))
        for done, entry in enumerate(entries, start=1):
            try:
                examples.setdefault(entry.example.id, self._example(entry, folder.path.absolute() / "landmarks"))
            except InputError as error:
                problems.append(str(error))
            progress(done, len(entries))
        if not examples or (problems and not self._skip_bad):
            raise self._refusal(problems)
        self._finish(folder, list(examples.values()), problems)
        return folder.manifests[:1]

    def _refusal(self, problems: Sequence[str]) -> InputError:
        print("\n".join(problems), file=sys.stderr)
        return InputError(
            f"{self._folder}: {len(problems):,} problems, no manifest is written: mend them (finished videos are not "
            "done again), or corpus.skip_bad=true imports the rest"
        )

    def _example(self, entry: Entry, landmarks: Path) -> Example:
        """The example of a video, whose landmarks are found if they were not before."""
        video = Path(entry.example.media)
        if entry.start or not np.isnan(entry.example.length):
            raise InputError(f"{entry.where}: a part of {video} is meant: cut it out, one video for each sentence")
        with video.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        path = landmarks / f"{re.sub(r'[^A-Za-z0-9._-]', '_', entry.example.id)}-{digest[:12]}.npz"
        if not path.exists():
            points_TPX, frame_rate = self._landmarker(video)
            _require_signing(points_TPX, entry)
            landmark_file.write(path, points_TPX, frame_rate)
        points_TPX, own_rate = landmark_file.parse(path.read_bytes(), str(path))
        assert own_rate is not None
        seconds = round(len(points_TPX) / own_rate, 6)
        glosses = tuple((entry.example.text or "").split())
        return replace(entry.example, media=str(path), length=seconds, text=None, symbols=glosses)

    def _finish(self, folder: Folder, examples: Sequence[Example], problems: Sequence[str]) -> None:
        home = str(folder.path.absolute())
        glosses = sorted({gloss for example in examples for gloss in example.symbols or ()})
        lines: dict[str, list[dict[str, Any]]] = {"alphabet.json": [{"separator": " ", "symbols": glosses}]}
        left_out = folder.path / "left_out.jsonl"
        left_out.unlink(missing_ok=True)  # of an earlier time
        if problems:
            lines[left_out.name] = [{"problem": problem} for problem in problems]
            print("\n".join([*problems, f"{len(problems):,} left out, see {left_out}"]), file=sys.stderr)
        folder.finish({**lines, self._manifest: [example_record(example, home) for example in examples]})


def _twice(entries: Sequence[Entry]) -> list[str]:
    """What is wrong with ids: each may stand once."""
    first: dict[str, Entry] = {}
    return [
        f"{entry.where}: id {entry.example.id} is already that of {known.example.media}: rename one, or give `id`s"
        for entry in entries
        if (known := first.setdefault(entry.example.id, entry)) is not entry
    ]


def _require_signing(points_TPX: NDArray[np.float32], entry: Entry) -> None:
    """A body that can be measured, and a hand, in some frame at least."""
    seen_TP: NDArray[np.bool_] = np.asarray(np.isfinite(points_TPX).all(axis=2))
    hands = slice(BLOCKS["left_hand"].start, BLOCKS["right_hand"].stop)
    for what, seen_T in (
        ("both shoulders", seen_TP[:, [LEFT_SHOULDER, RIGHT_SHOULDER]].all(axis=1)),
        ("a hand", seen_TP[:, hands].any(axis=1)),
    ):
        if not seen_T.any():
            frames = f"none of its {len(points_TPX)} frames shows {what}"
            raise InputError(f"{entry.example.media}: {frames}: film the whole upper body in good light")
