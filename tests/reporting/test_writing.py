"""What actions of `scansion report` write beside each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from project.contract import InputError
from project.reporting.writing import publish


def test_a_page_is_written_where_it_is_wanted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "zoo.md"
    assert publish("zoo", str(out), lambda: "# Models\n") == 0
    assert out.read_text() == "# Models\n"
    assert capsys.readouterr().out.splitlines() == [str(out)]


def test_without_a_name_it_is_not_even_made() -> None:
    def page() -> str:
        raise AssertionError("for nobody")

    with pytest.raises(InputError, match=r"action=zoo writes a page: name it with out=zoo\.md"):
        publish("zoo", None, page)
