"""A small folder of recorded letters, of the same form as the real one, and easy to spoil."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from project.feature.landmark_layout import BLOCKS, LEFT_SHOULDER, NUM_POINTS, RIGHT_SHOULDER

# Signer -> letters, and frames a second.
SIGNERS = {"ann": ("ABC", 25.0), "bob": ("ABCÄ", 50.0), "eve": ("AB", 25.0)}
SENTENCES = {
    "train": [("ann", ["AB"]), ("ann", ["CAB", "BA"]), ("bob", ["BC"]), ("eve", ["AB"])],
    "dev": [("ann", ["BAC"]), ("bob", ["CA"])],
    "dev_si": [("eve", ["BA"]), ("eve", ["AA"])],
}


@dataclass(frozen=True)
class Letters:
    """The folder, and what its files say."""

    path: Path

    def lines(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.path / name).read_text(encoding="utf-8").splitlines()]

    def write(self, name: str, lines: list[dict[str, Any]]) -> None:
        (self.path / name).write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")

    def change(self, name: str, number: int, changes: dict[str, Any]) -> None:
        """Other entries in a line, counted from 1; an entry of None is taken out."""
        lines = self.lines(name)
        changed = {**lines[number - 1], **changes}
        lines[number - 1] = {key: value for key, value in changed.items() if value is not None}
        self.write(name, lines)


@pytest.fixture
def letters(tmp_path: Path) -> Letters:
    """Clip number n of the manifest, from 1, has 10 + n frames, and in each its right hand at n + frame / 64."""
    made = Letters(tmp_path / "letters")
    made.path.mkdir()
    clips: list[dict[str, Any]] = []
    for signer, (alphabet, fps) in SIGNERS.items():
        bodies, start = [], 0
        for letter in alphabet:
            number = len(clips) + 1
            bodies.append(_body(10 + number, number))
            line = {"id": f"{signer}_{letter}", "signer": signer, "label": letter, "path": f"clips_{signer}.npz"}
            clips.append({**line, "start": start, "n_frames": 10 + number, "fps": fps})
            start += 10 + number
        np.savez(made.path / f"clips_{signer}.npz", xyz=np.concatenate(bodies))
    made.write("manifest.jsonl", clips)
    for split, sentences in SENTENCES.items():
        made.write(f"sentences_{split}.jsonl", [_recipe(f"{split}_{n}", *one) for n, one in enumerate(sentences)])
    return made


def _body(frames: int, number: int) -> np.ndarray:
    points = np.zeros((frames, NUM_POINTS, 3), np.float16)
    points[:, : BLOCKS["left_hand"].start] = 0.25
    points[:, LEFT_SHOULDER, 0], points[:, RIGHT_SHOULDER, 0] = 0.75, -0.25
    points[:, BLOCKS["right_hand"]] = (number + np.arange(frames) / 64)[:, None, None]
    return points


def _recipe(name: str, signer: str, words: list[str]) -> dict[str, Any]:
    text = "".join(words)
    return {
        "id": name,
        "signer": signer,
        "words": words,
        "glosses": list(text),
        "clips": [f"{signer}_{letter}" for letter in text],
        "speed": [round(0.8 + 0.1 * place, 1) for place in range(len(text))],
        "trim": [[0.1 + 0.02 * place, 0.9] for place in range(len(text))],
        "transition": [2 + place % 3 for place in range(len(text) - 1)],
        "fps": 25,
    }
