"""parts: what is lost, added or there twice is told, with exit code 2; what adds up is not."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from project.action.parts import Parts
from project.contract import InputError


def write(path: Path, numbers: Iterable[int]) -> str:
    lines = [{"id": f"e{n}", "media": f"{n}.wav", "duration": 36.0, "text": "a"} for n in numbers]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(path)


@pytest.fixture
def whole(tmp_path: Path) -> str:
    return write(tmp_path / "all.jsonl", range(100))


def test_what_adds_up(whole: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parts = [write(tmp_path / "train.jsonl", range(80)), write(tmp_path / "test.jsonl", range(80, 100))]
    assert Parts(parts, whole).run() == 0
    shown = capsys.readouterr()
    assert "all adds up" in shown.err
    rows = [line.replace("│", " ").split() for line in shown.out.splitlines() if "%" in line]
    assert rows[0][-4:] == ["80", "80.0", "%", "0.80"]
    assert rows[2] == ["together", "100", "100.0", "%", "1.00"]
    assert rows[3] == ["whole", "100", "100.0", "%", "1.00"]


def test_what_does_not(whole: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A test set cut by a filter, an example that training has too, and one of another corpus."""
    train, test = write(tmp_path / "train.jsonl", range(81)), write(tmp_path / "test.jsonl", [*range(80, 94), 200])
    assert Parts([train, test], [whole]).run() == 2
    lines = [line for line in capsys.readouterr().out.splitlines() if ": " in line]
    assert lines[0].startswith("6 of 100 examples are in no part: e94, e95, e96, e97, e98, ...: make the parts again")
    assert lines[1].startswith("1 examples are there more than once: e80: ")
    assert lines[2].startswith(f"{test}: 1 examples are not of the whole: e200: ")
    assert len(lines) == 3


@pytest.mark.parametrize(("lost", "code"), [(0.0, 2), (0.05, 2), (0.06, 0)])
def test_how_much_may_be_lost(whole: str, tmp_path: Path, lost: float, code: int) -> None:
    assert Parts(write(tmp_path / "train.jsonl", range(94)), whole, lost).run() == code


def test_what_is_refused(whole: str) -> None:
    with pytest.raises(InputError, match="whole: name the manifest"):
        Parts(whole, None)
    with pytest.raises(InputError, match="lost=5"):
        Parts(whole, whole, 5)
