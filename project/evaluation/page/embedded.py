"""What a page holds of media: each medium once, as long as there is room, and a reason for each that it lacks.

It does not know what is made of a medium: sound and bodies are made elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from project.feature.excerpt import split_excerpt


class Sized(Protocol):
    """What can stand in a page."""

    @property
    def size(self) -> int:
        """Bytes, as it stands there."""


Made = TypeVar("Made", bound=Sized)


class Embedded(Generic[Made]):
    """Media of one kind; `what` says what there would be too much of."""

    def __init__(self, make: Callable[[str], Made | str], max_bytes: int, what: str) -> None:
        self._make, self._left, self._what = make, max_bytes, what
        self._places: dict[str, int | str] = {}
        self.made: list[Made] = []

    def place(self, media: str) -> int | str:
        """Where a medium stands among those made, or one line that says why it does not."""
        if media not in self._places:
            self._places[media] = self._add(media)
        return self._places[media]

    def _add(self, media: str) -> int | str:
        if not self._left:
            return f"not embedded: the page holds as much {self._what} as it may"
        made = absent(media) or self._make(media)
        if isinstance(made, str):
            return made
        if made.size > self._left:
            self._left = 0
            return self._add(media)
        self._left -= made.size
        self.made.append(made)
        return len(self.made) - 1


def absent(media: str) -> str:
    """Why there is nothing to open; empty if there is.

    >>> absent(""), absent("https://example.org/a.wav"), absent(__file__)
    ('no medium is named', 'on a network, and so not embedded', '')
    """
    if not media:
        return "no medium is named"
    if "://" in media:
        return "on a network, and so not embedded"
    files = media, split_excerpt(media)[0]  # a file's own name may look like an excerpt
    return "" if any(Path(file).is_file() for file in files) else "its file is not there any more"
