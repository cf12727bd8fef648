"""Run folders of an invented recognizer with an adapter, scored with it and without: texts with words put in wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from project.contract import Hypothesis
from project.evaluation.estimate import make_report
from project.evaluation.protocol import Protocol, coverage, hash_ids
from project.evaluation.result import Row
from project.evaluation.shelf import Entrant
from project.metric.text import ErrorRate
from project.reporting.known_run import KnownRun, entrant

WORDS = ("enter", "two", "nine", "eight", "one")  # of every reference
METRIC = ErrorRate("wer", "word")


class Shelf:
    """Runs below a folder, as training and evaluation leave them."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, name: str, config: Mapping[str, Any]) -> Path:
        """The folder of a run with that configuration."""
        folder = self.root / "stt" / name
        folder.mkdir(parents=True)
        (folder / "config.yaml").write_text(yaml.safe_dump(dict(config)), encoding="utf-8")
        return folder

    def score(self, folder: Path, wrong: Sequence[int], manifest: str, active: bool = True) -> None:
        """A Report of so many wrong words in each example, five examples a speaker."""
        reference, rows = " ".join(WORDS), []
        for n, count in enumerate(wrong):
            text = " ".join([*["oops"] * count, *WORDS[count:]])
            columns = METRIC.score(reference, Hypothesis((), text, 0.0))
            rows.append(Row(f"e{n}", reference, text, f"speaker {n // 5}", 2.0, -1.0, columns))
        adapter = {"lora": {"active": active, "changes": True}}
        ids, whole = hash_ids(row.id for row in rows), coverage(len(rows), len(rows))
        protocol = Protocol(manifest, ids, len(rows), whole, {}, {}, "a", {"decode": "g"}, adapter, "32-true", "0.1")
        info, name = {"manifest": manifest}, f"stt/{folder.name}"
        make_report(protocol, name, [METRIC], rows, "2026-02-03", info=info, num_resamples=200).save(folder / "reports")

    def entrants(self) -> list[Entrant]:
        """All runs, as claims know them."""
        return [entrant(KnownRun.open(folder)) for folder in sorted((self.root / "stt").iterdir())]


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """An empty one."""
    return Shelf(tmp_path)
