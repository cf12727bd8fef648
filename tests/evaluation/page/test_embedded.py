from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from project.evaluation.page.embedded import Embedded


@dataclass
class Thing:
    size: int


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Files of 1, 2 ... 6 bytes."""
    for n in range(1, 7):
        (tmp_path / f"{n}").write_bytes(bytes(n))
    return [str(tmp_path / f"{n}") for n in range(1, 7)]


def test_each_once_as_long_as_there_is_room(files: list[str]) -> None:
    made: list[str] = []

    def make(media: str) -> Thing | str:
        made.append(media)
        return "an odd one" if media == files[1] else Thing(Path(media).stat().st_size)

    held = Embedded(make, max_bytes=6, what="matter")
    assert [held.place(one) for one in (files[0], files[1], files[3], files[0])] == [0, "an odd one", 1, 0]
    full = "not embedded: the page holds as much matter as it may"
    assert [held.place(one) for one in (files[2], files[4])] == [full, full]  # 1 + 4 + 3 bytes are too many
    assert [one.size for one in held.made] == [1, 4]
    assert made == [files[0], files[1], files[3], files[2]]


def test_what_is_not_there_is_not_opened(tmp_path: Path) -> None:
    held: Embedded[Thing] = Embedded(pytest.fail, 10, "matter")
    for media, reason in (
        ("", "no medium"),
        ("https://example.org/a.wav", "on a network"),
        (str(tmp_path / "gone"), "not there"),
        (str(tmp_path), "not there"),
    ):
        assert reason in str(held.place(media))
