"""TensorBoard beside the CSV, for real; its table of examples shows what was said, whatever Markdown makes of it."""

from __future__ import annotations

import html
import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest

from project import train
from project.build.compose import compose
from project.contract import InputError
from project.logger.tensorboard import TensorBoard, table
from project.run import Run

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


@pytest.mark.filterwarnings("ignore")  # of TensorBoard's own packages
def test_a_run_is_logged_there_too(tiny: list[str], tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="the extra `tensorboard` is not installed")
    config = compose("train", [*tiny, "logger=tensorboard", "trainer.max_epochs=1"])
    run = Run(tmp_path / "run")
    train.fit(run, config, train.build(config))
    assert "dev/cer" in run.curves()
    (file,) = run.folder.glob("tensorboard/events.*")
    assert file.stat().st_size > 0
    samples = [json.loads(line) for line in (run.folder / "samples.jsonl").read_text().splitlines()]
    ((step, table),) = texts(run.folder / "tensorboard")
    assert step == samples[0]["step"]
    assert [row["id"] for row in samples] == [line.split(" | ")[1] for line in table[2:]]


def texts(folder: Path) -> list[tuple[int, list[str]]]:
    """The tables of examples in event files, by TensorBoard's own reader: step and lines."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder)).Reload()
    found = events.Tensors("examples/text_summary")
    return [(one.step, one.tensor_proto.string_val[0].decode().splitlines()) for one in found]


def test_both_at_once(tiny: list[str]) -> None:
    config = compose("train", [*tiny, "logger=[wandb,tensorboard]"])
    assert set(config["logger"]) == {"csv", "wandb", "tensorboard"}
