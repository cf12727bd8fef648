"""Recordings of noise with random words, as long as one asks: what is computed does not depend on what is heard."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from tokenizers import Tokenizer, models, pre_tokenizers

from project.data.manifest import write_manifest
from project.text.phoneme import PHONES
from project.text.vocabulary import END, START, UNKNOWN, Vocabulary

RATE = 16_000
WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "zero")
WORDS_A_SECOND, PHONES_A_SECOND = 2.5, 10.0


def make(folder: Path, clips: int, seconds: tuple[float, float], seed: int = 0) -> Path:
    """A manifest of so many clips with words as text and phones as symbols; its path."""
    rng = np.random.default_rng(seed)
    lines = []
    for number in range(clips):
        length = float(rng.uniform(*seconds))
        wave_N = 0.1 * rng.standard_normal(int(length * RATE)).astype(np.float32)
        name = f"{number:05}.flac"
        soundfile.write(folder / name, wave_N, RATE)
        lines.append(
            {
                "id": f"{number:05}",
                "media": name,
                "duration": len(wave_N) / RATE,
                "text": " ".join(rng.choice(WORDS, max(1, round(WORDS_A_SECOND * length)))),
                "symbols": [str(one) for one in rng.choice(PHONES, max(1, round(PHONES_A_SECOND * length)))],
            }
        )
    manifest = folder / f"noise-{seed}.jsonl"
    write_manifest(manifest, lines)
    return manifest


def vocabulary(size: int) -> Vocabulary:
    """A token for each of the words, and others that never come: as many as a published recognizer has."""
    tokens = [UNKNOWN, START, END, *WORDS]
    tokens += [f"<{number}>" for number in range(len(tokens), size)]
    tokenizer = Tokenizer(models.WordLevel({token: n for n, token in enumerate(tokens)}, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return Vocabulary(tokenizer)
