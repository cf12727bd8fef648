"""Files are written all or none; what is there is not replaced unasked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from project.action.output import common_folder, progress, require_free, require_manifests, write_json, write_lines
from project.contract import InputError


def test_lines_are_written_all_or_none(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"1"
        raise OSError("disk full")

    (tmp_path / "b").write_text("old")
    with pytest.raises(OSError, match="disk full"):
        write_lines({tmp_path / "a": [b"1", b"2\n"], tmp_path / "b": broken()})
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"b": "old"}
    write_lines({tmp_path / "new" / "a": [b"1", b"2\n"], tmp_path / "b": [b"3"]})
    assert (tmp_path / "new" / "a").read_text() == "1\n2\n"
    assert (tmp_path / "b").read_text() == "3\n"


def test_what_is_there_is_replaced_only_if_asked(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"x": [1]})
    require_free([tmp_path / "a.json"], overwrite=True)
    require_free([tmp_path / "b.json"], overwrite=False)
    with pytest.raises(InputError, match=r"a\.json: it is there already: overwrite=true"):
        require_free([tmp_path / "a.json"], overwrite=False)
    with pytest.raises(InputError, match="a folder"):
        require_free([tmp_path], overwrite=True)


def test_manifests_must_be_named() -> None:
    assert require_manifests("a.jsonl", "split") == ["a.jsonl"]
    assert require_manifests(("a", "b"), "split") == ["a", "b"]
    with pytest.raises(InputError, match="scansion prepare split"):
        require_manifests([], "split")


def test_common_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert common_folder([Path("x/a.jsonl"), Path("x/b.jsonl")]) == Path("x")
    assert common_folder([Path("x/a.jsonl"), Path("x/y/b.jsonl")]) == tmp_path / "x"


def test_progress_is_silent_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("reading", 10_000) as advance:
        for _ in range(10_000):
            advance()
    assert capsys.readouterr() == ("", "")


def test_progress_shows_a_bar_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress("reading", 501) as advance:
        for _ in range(501):
            advance()
    shown = capsys.readouterr()
    assert "reading" in shown.err
    assert shown.out == ""
    with progress("reading", 500) as advance:
        advance()
    assert capsys.readouterr() == ("", "")
