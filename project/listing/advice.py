"""What one would type next in this folder, by what is in it: the last line of `scansion` alone."""

from __future__ import annotations

from pathlib import Path

from project.listing.run_summary import ENDED, RunSummary, below, summarize
from project.metrics_file import METRICS


def next_step(root: Path = Path("runs"), data: Path = Path("data")) -> str:
    """A command, and why it."""
    folders = below(root)
    if folders:
        latest = max(folders, key=_written)
        return _after(summarize(latest, root), latest)
    manifests = sorted(data.glob("*.jsonl")) + sorted(data.glob("*/*.jsonl"))
    if not manifests:
        return "scansion prepare corpus=morse out=data/morse  (there are no manifests here yet)"
    if (data / "morse" / "train.jsonl") in manifests:
        return "scansion train experiment=morse/quick  (data/morse is there, and no run yet)"
    return "scansion list experiments  (there are manifests, and no run yet)"


def _after(run: RunSummary, folder: Path) -> str:
    if run.state in ("running", "starting"):
        return f"scansion list runs  ({folder} is {run.state}, {run.progress} steps)"
    if run.state in ("killed", "interrupted") and (folder / "checkpoints" / "last.ckpt").exists():
        return f"scansion train resume={folder}  (it was {run.state} at {run.progress} steps)"
    if run.state in ENDED and run.report is None:
        return f"scansion evaluate {folder}  (it is {run.state}, and was not evaluated)"
    if run.state in ENDED:
        return f"scansion report {folder}  (the latest run, {run.report.told if run.report else ''})"
    return f"scansion list runs  ({folder} is {run.state}{': ' * bool(run.problem)}{run.problem})"


def _written(folder: Path) -> float:
    files = [file for name in ("state.json", METRICS) if (file := folder / name).exists()]
    return max((file.stat().st_mtime for file in files), default=0.0)
