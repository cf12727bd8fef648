"""What is shown: text as it comes, and a bar that keeps out of the text's way."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from project.feature import landmark_file
from project.transcript.heard import Heard
from project.transcript.showing import Live, Progressed, bar, length_of
from project.transcript.transcript import Mark, Transcript


def heard(file: str, text: str, length: float, is_last: bool = False) -> Heard:
    marks = tuple(Mark(symbol, 0, 1, 1) for symbol in text)
    whole = Transcript(file, length, tuple(Mark(symbol, 0, 1, 1) for symbol in "CQ DE"), "") if is_last else None
    return Heard(file, marks, "", length, whole)


def test_text_comes_as_it_is_heard(capsys: pytest.CaptureFixture[str]) -> None:
    put = Live(named=True)
    shown = []
    for one in (heard("a", "CQ", 1), heard("a", "", 2), heard("a", " DE", 3, is_last=True), heard("b", "CQ", 1)):
        put(one)
        shown.append(capsys.readouterr().out)
    put(Heard("b", problem="b: it is cut short"))
    put(Heard("c", length=5.0))  # of a process that is ahead
    put(heard("c", "", 5, is_last=True))
    put(Heard("d", problem="d: nothing was heard"))
    assert [*shown, capsys.readouterr().out] == ["a\tCQ", "", " DE\n", "b\tCQ", "\nc\tCQ DE\n"]


def test_how_far_the_work_is_whichever_file_is_ahead() -> None:
    progressed = Progressed()
    assert progressed.add(Heard("b", length=3.0)) == 3.0
    assert progressed.add(Heard("a", length=1.0)) == 4.0
    assert progressed.add(Heard("b", length=7.0)) == 8.0
    assert progressed.add(heard("a", "", 2.0, is_last=True)) == 9.0
    assert progressed.add(heard("b", "", 8.0, is_last=True)) == 10.0
    assert progressed.add(Heard("c", length=4.0)) == 14.0
    assert progressed.add(Heard("c", problem="c: it is cut short")) == 10.0
    assert progressed.done == 10.0


class Terminal(io.StringIO):
    """Something that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], io.StringIO]:
    monkeypatch.setenv("TERM", "xterm")

    def put(name: str) -> io.StringIO:
        stream = Terminal()
        monkeypatch.setattr(f"sys.{name}", stream)
        return stream

    return put


def test_the_bar_leaves_standard_output_alone(
    terminal: Callable[[str], io.StringIO], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """`scansion transcribe RUN folder/ > all.txt`, typed at a terminal."""
    soundfile.write(tmp_path / "a.wav", np.zeros(8000), 8000)
    errors = terminal("stderr")
    with bar([str(tmp_path / "a.wav")], hidden=False) as advance:
        print("CQ DE")
        advance(1.0)
    assert capsys.readouterr().out == "CQ DE\n"
    assert "transcribing" in errors.getvalue()
    assert "100%" in errors.getvalue()
    assert "CQ DE" not in errors.getvalue()


def test_where_both_are_one_terminal_lines_go_around_the_bar(terminal: Callable[[str], io.StringIO]) -> None:
    errors, output = terminal("stderr"), terminal("stdout")
    with bar(["absent.wav"], hidden=False):
        print("CQ DE")
    assert output.getvalue() == ""
    assert "CQ DE" in errors.getvalue()


def test_no_bar_where_it_is_hidden_or_nobody_looks(
    terminal: Callable[[str], io.StringIO], capsys: pytest.CaptureFixture[str]
) -> None:
    with bar(["a.wav"], hidden=False) as advance:
        advance(1.0)
    assert capsys.readouterr().err == ""
    errors = terminal("stderr")
    with bar(["a.wav"], hidden=True) as advance:
        advance(1.0)
    assert errors.getvalue() == ""


def test_lengths_are_known_without_reading_all(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(12_000), 8000)
    landmark_file.write(tmp_path / "b.npz", np.ones((50, 543, 3)), 25)
    (tmp_path / "c.parquet").write_bytes(b"PAR1")
    found = [length_of(str(tmp_path / name)) for name in ("a.wav", "b.npz", "c.parquet", "absent.wav")]
    assert found == [1.5, 2.0, 0.0, 0.0]
    assert length_of("series/spy.npy#40:145") == 105.0
    assert length_of("-") == 0.0
