"""Which recordings are meant, and where transcripts go."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from project.contract import InputError
from project.transcript.formats import format_of
from project.transcript.kind import BARS, LANDMARKS
from project.transcript.place import Found, destination, find, is_awaited, is_live
from project.transcript.transcript import Mark, Transcript


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("b.wav", "audio/z.FLAC", "audio/sub/a.mp3", "audio/notes.txt", "odd [1].wav", "empty/x.txt"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    return tmp_path


def transcript(file: str, text: str = "CQ") -> Transcript:
    return Transcript(file, 1.0, tuple(Mark(symbol, 0, 1, 1) for symbol in text), "")


@pytest.mark.usefixtures("tree")
def test_files_folders_patterns_urls_and_standard_input() -> None:
    found, problems = find(["b.wav", "audio", "-", "memory://x/c.ogg", "audio/notes.txt", "odd [1].wav", "*.wav"])
    assert not problems
    assert [(one.media, one.name) for one in found] == [
        ("b.wav", "b"),
        ("audio/sub/a.mp3", "sub/a"),
        ("audio/z.FLAC", "z"),
        ("-", "standard-input"),
        ("memory://x/c.ogg", "c"),
        ("audio/notes.txt", "notes"),
        ("odd [1].wav", "odd [1]"),
    ]


@pytest.mark.usefixtures("tree")
def test_microphones_are_words_and_files_of_that_name_are_paths() -> None:
    Path("mic").touch()
    found, problems = find(["mic:USB", "./mic"])
    assert not problems
    assert [(one.media, one.name) for one in found] == [("mic:USB", "microphone"), ("./mic", "mic")]
    assert [one.media for one in find(["mic"], LANDMARKS)[0]] == ["mic"]


def test_a_folder_gives_what_is_read_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.npz", "b.PARQUET", "c.npy", "d.wav"):
        Path(name).touch()
    assert [one.media for one in find(["."], LANDMARKS)[0]] == ["a.npz", "b.PARQUET"]
    assert [one.media for one in find(["."], BARS)[0]] == ["c.npy"]
    found, problems = find(["c.npy#40:145", "c.npy#0:105", "absent.npy#0:105"], BARS)
    assert [(one.media, one.name) for one in found] == [("c.npy#40:145", "c-40-145"), ("c.npy#0:105", "c-0-105")]
    assert [problem.partition(":")[0] for problem in problems] == ["absent.npy#0"]
    Path("none").mkdir()
    assert find(["none"], LANDMARKS)[1] == ["none: no clip in this folder (.npz .parquet): name another, or files"]


@pytest.mark.usefixtures("tree")
def test_what_names_nothing_is_said() -> None:
    found, problems = find(["absent.wav", "b.wav", "*.aiff", "empty"])
    assert len(found) == 1
    assert [problem.partition(":")[0] for problem in problems] == ["absent.wav", "*.aiff", "empty"]
    assert all(problem.count(": ") == 2 for problem in problems)


def test_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    one, two = Found("a.wav", "a"), Found("b.wav", "b")
    with destination(None, format_of("text"), [one]) as put:
        put(transcript("a.wav"))
    assert capsys.readouterr().out == "CQ\n"
    with destination(None, format_of("text"), [one, two]) as put:
        put(transcript("a.wav"))
        put(transcript("b.wav", "DE"))
    assert capsys.readouterr().out == "a.wav\tCQ\nb.wav\tDE\n"


def test_one_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    out = tmp_path / "new" / "all.jsonl"
    both = [Found("a.wav", "a"), Found("b.wav", "b")]
    with pytest.raises(KeyboardInterrupt), destination(str(out), format_of("json"), both) as put:
        put(transcript("a.wav"))
        raise KeyboardInterrupt
    with destination(str(out), format_of("json"), both):
        pass  # nothing could be read
    assert not list(tmp_path.rglob("*"))
    with destination(str(out), format_of("json"), both) as put:
        put(transcript("a.wav"))
        put(transcript("b.wav"))
    assert len(out.read_text().splitlines()) == 2
    assert [file.name for file in out.parent.iterdir()] == ["all.jsonl"]


def test_a_folder_has_a_file_for_each(tmp_path: Path) -> None:
    found = [Found("x/a.wav", "a"), Found("x/sub/b.wav", "sub/b")]
    for name, suffix in (("srt", "srt"), ("text", "txt"), ("textgrid", "TextGrid")):
        with destination(f"{tmp_path}/out/", format_of(name), found) as put:
            for one in found:
                put(transcript(one.media))
        assert (tmp_path / "out" / f"a.{suffix}").is_file()
        assert (tmp_path / "out" / "sub" / f"b.{suffix}").is_file()
    assert (tmp_path / "out" / "a.txt").read_text() == "CQ\n"


def test_what_does_not_fit_into_one_place_is_refused(tmp_path: Path) -> None:
    both = [Found("x/a.wav", "a"), Found("y/a.flac", "a")]
    with (
        pytest.raises(InputError, match=r"x/a\.wav and y/a\.flac would be the same file"),
        destination(str(tmp_path), format_of("text"), both),
    ):
        pass
    with (
        pytest.raises(InputError, match="one file for each, and there are 2"),
        destination(None, format_of("srt"), both),
    ):
        pass


def test_text_comes_live_where_it_can() -> None:
    assert is_live(True, None, format_of("text"), usual=False)
    assert not is_live(False, None, format_of("text"), usual=True)
    assert is_live(None, None, format_of("text"), usual=True)
    assert not is_live(None, None, format_of("text"), usual=False)
    assert not is_live(None, "out", format_of("srt"), usual=True)
    with pytest.raises(InputError, match="live=true"):
        is_live(True, None, format_of("json"), usual=True)


def test_what_is_still_to_come_is_waited_for_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stdin, mic, file = Found("-", "standard-input"), Found("mic", "microphone"), Found("a.wav", "a")
    assert is_awaited([mic])
    assert not is_awaited([file])
    (tmp_path / "a.wav").touch()
    with (tmp_path / "a.wav").open() as stream:
        monkeypatch.setattr("sys.stdin", stream)
        assert not is_awaited([stdin])
    theirs, ours = os.pipe()
    with os.fdopen(theirs) as stream, os.fdopen(ours):
        monkeypatch.setattr("sys.stdin", stream)
        assert is_awaited([stdin])
        assert not is_awaited([stdin, file])
    with pytest.raises(InputError, match="mic: a microphone is heard until Ctrl-C: name nothing beside it"):
        is_awaited([file, mic])
