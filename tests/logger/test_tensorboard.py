"""The table of examples in TensorBoard: what it shows is what was said, whatever Markdown would make of it."""

from __future__ import annotations

import html
import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

from project.contract import InputError
from project.logger.tensorboard import TensorBoard, table

pytestmark = pytest.mark.filterwarnings(
    "ignore:html5lib's sanitizer is deprecated"  # 2026-11: TensorBoard 2.21 cleans its pages by bleach, which uses it
)
ODD = "a|b *c* _d_ `e` [f](g) <i>h</i> # j & ~k~ \\| -- it's"


def row(name: str, reference: str, hypothesis: str, cer: float | None) -> dict[str, Any]:
    return {
        "step": 7, "epoch": 1, "id": name, "reference": reference, "hypothesis": hypothesis, "cer": cer,
        "media": "/corpus/a.wav",
    }  # fmt: skip


def test_its_page_shows_what_was_said() -> None:
    """As TensorBoard itself renders it."""
    pytest.importorskip("tensorboard", reason="the extra `tensorboard` is not installed")
    from tensorboard.plugin_util import markdown_to_safe_html

    text = table([row("one", ODD, "two\nlines", 0.3333333), row("other", "", "", None)])
    page = markdown_to_safe_html(text)
    rows = [re.findall(r"<t[hd]>(.*?)</t[hd]>", line, flags=re.S) for line in page.split("<tr>")[1:]]
    assert [[html.unescape(cell) for cell in line] for line in rows] == [
        ["epoch", "id", "reference", "hypothesis", "cer"],
        ["1", "one", ODD, "two lines", "0.3333"],
        ["1", "other", "", "", ""],
    ]


def test_without_the_package_it_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"logger=tensorboard: .*pip install 'scansion\[tensorboard\]'"):
        TensorBoard(str(tmp_path))
