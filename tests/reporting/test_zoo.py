"""The zoo's page is that of the models in conf, as they are now."""

from __future__ import annotations

from pathlib import Path

import pytest

from project.build.compose import options
from project.contract import InputError
from project.reporting import zoo


def test_the_page_in_docs_is_what_conf_says() -> None:
    written = (Path(__file__).resolve().parents[2] / "docs" / "zoo.md").read_text(encoding="utf-8")
    assert written == zoo.page(), "scansion report action=zoo out=docs/zoo.md"
    assert written.count("\n| `") == len(options("model")) + 1


def test_a_page_needs_a_name() -> None:
    with pytest.raises(InputError, match=r"out=zoo\.md"):
        zoo.act({"out": None})
