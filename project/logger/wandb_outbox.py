"""What W&B is still to send, kept in the run's own folder: beginnings of recordings, and checkpoints as they are now.

A run that was made offline can then be sent from its folder alone, whatever became of corpora and homes since.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import soundfile

from project import atomic
from project.contract import InputError
from project.data.media import ARRAYS, open_medium, suffix_of

MOST_SECONDS = 30  # of a recording


@contextmanager
def kept_in(folder: Path) -> Iterator[None]:
    """While this holds, W&B keeps files that it is to send below a folder, rather than in the user's home.

    Who chose a place of their own keeps it.
    """
    before = os.environ.get("WANDB_DATA_DIR")
    if before is None:
        folder.mkdir(parents=True, exist_ok=True)
        os.environ["WANDB_DATA_DIR"] = str(folder.resolve())
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("WANDB_DATA_DIR", None)


def make_clip(media: str, folder: Path) -> Path | None:
    """A recording's first half minute as FLAC, which browsers play, made once; None of what is no sound."""
    if suffix_of(media) in ARRAYS:
        return None
    clip = folder / f"{hashlib.blake2b(media.encode(), digest_size=8).hexdigest()}.flac"
    if clip.exists():
        return clip
    try:
        with open_medium(media) as stream, soundfile.SoundFile(stream) as sound:
            rate, wave_NC = sound.samplerate, sound.read(MOST_SECONDS * sound.samplerate, always_2d=True)
    except (soundfile.LibsndfileError, OSError, InputError):  # a video, or it is gone: a table may lack a sound
        return None
    folder.mkdir(parents=True, exist_ok=True)
    with atomic.writing(clip) as file:
        soundfile.write(file, wave_NC, rate, format="FLAC", subtype="PCM_16")
    return clip


def audio_of(clip: Path) -> Any:
    """A clip as W&B's tables take it, sent from where it lies: W&B would copy it again for each table."""
    import wandb

    audio: Any = wandb.Audio(str(clip))
    to_json = audio.to_json

    def in_place(owner: Any) -> Any:
        if isinstance(owner, wandb.Artifact):
            owner.add_file(str(clip), name=f"media/audio/{clip.name}", policy="immutable")
        return to_json(owner)

    audio.to_json = in_place
    return audio


def pinned(file: Path, folder: Path) -> Path:
    """A second name for a checkpoint: they are replaced, never changed, so this one stays what it is now."""
    folder.mkdir(parents=True, exist_ok=True)
    name = folder / f"{file.stem}-{file.stat().st_mtime_ns:x}{file.suffix}"
    if not name.exists():
        try:
            name.hardlink_to(file)
        except OSError:  # a file system without second names
            atomic.write(name, file.read_bytes())
    return name
