"""Which runs and Reports a report takes: what a shell's pattern also finds is left out, later Reports are told."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from project.contract import Hypothesis
from project.evaluation.estimate import make_report
from project.evaluation.protocol import Protocol, hash_ids
from project.evaluation.result import Row
from project.metric.text import ErrorRate
from project.reporting.known_run import KnownRun
from project.reporting.selection import choose, later_ones, run_folders
from project.reporting.shown import shown
from project.run import Run

METRIC = ErrorRate("wer", "word")
PLAIN = {"baseline": None, "protocol": None, "manifest": None, "allow": []}


def score(folder: Path, decoder: str, created: str, manifest: str = "data/test.jsonl") -> Path:
    """A Report of a run, made by a decoder on a day."""
    rows = [Row(f"e{n}", "a b", "a", None, 1.0, -1.0, METRIC.score("a b", Hypothesis((), "a", 0.0))) for n in range(12)]
    ids = hash_ids(row.id for row in rows)
    protocol = Protocol(manifest, ids, 12, "full", {}, {}, "a", {"decode": f"{decoder}@1"}, "none", "32-true", "0.1")
    info = {"manifest": manifest}
    made = make_report(protocol, f"x/{folder.name}", [METRIC], rows, created, info=info, num_resamples=100)
    return made.save(folder / "reports")


@pytest.fixture
def runs(tmp_path: Path) -> list[Run]:
    """Two runs, both scored with the greedy decoder, the second with beam search later."""
    for name in ("a-1", "b-2"):
        folder = tmp_path / "x" / name
        folder.mkdir(parents=True)
        (folder / "config.yaml").write_text(yaml.safe_dump({"name": name}))
        score(folder, "greedy", "2026-02-03")
    score(tmp_path / "x" / "b-2", "beam", "2026-02-04")
    return [Run.open(tmp_path / "x" / name) for name in ("a-1", "b-2")]


def test_a_later_report_that_is_not_shown_is_told(runs: list[Run]) -> None:
    chosen = choose(runs, None)
    name = chosen[0].name
    told = f"shown: Protocol {name} (greedy), the latest that all have; x/b-2 has a later one (beam)"
    assert later_ones(runs, chosen) == told
    assert shown([KnownRun.open(run.folder) for run in runs], [], PLAIN).notes == [told]
    named = shown([KnownRun.open(run.folder) for run in runs], [], {**PLAIN, "protocol": name})
    assert named.notes == [], "it was asked for"


def test_nothing_is_told_where_the_latest_is_shown(runs: list[Run]) -> None:
    assert later_ones(runs[1:], choose(runs[1:], None)) == ""
    score(runs[0].folder, "beam", "2026-02-05")
    assert later_ones(runs, choose(runs, None)) == ""


def test_a_later_report_of_another_manifest_says_so(runs: list[Run]) -> None:
    score(runs[0].folder, "greedy", "2026-02-06", "data/noisy.jsonl")
    chosen = choose(runs, None, "data/test.jsonl")
    assert "x/a-1 has a later one (greedy, data/noisy.jsonl)" in later_ones(runs, chosen)
    assert "noisy" not in later_ones(runs, chosen, "data/test.jsonl")


def test_of_several_words_what_is_no_run_is_left_out(
    runs: list[Run], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "x"
    (root / "report.html").touch()
    (root / "report_tables").mkdir()
    (root / "damaged").mkdir()
    (root / "damaged" / "state.json").touch()
    found = run_folders(sorted(map(str, root.iterdir())))
    assert [Path(one).name for one in found] == ["a-1", "b-2", "damaged"], "what may be a run is not passed over"
    assert capsys.readouterr().err == (
        f"scansion: left out, as these are no runs: {root}/report.html, {root}/report_tables\n"
    )
    assert run_folders([str(root / "report.html")]) == [str(root / "report.html")], "named alone, it is refused"
    assert run_folders([str(root / "a-1"), "gone/b-7"]) == [str(root / "a-1"), "gone/b-7"]
    assert capsys.readouterr().err == ""
