"""scansion evaluate: a run scored under a Protocol, rebuilt from its own folder and from nothing else."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from project.build.app import app, guarded
from project.build.compose import CONF, groups
from project.contract import Config, InputError
from project.run import Run
from project.scoring.other_metrics import shelf
from project.scoring.request import CHANGEABLE

if TYPE_CHECKING:
    from project.evaluation.result import Report


def evaluate(config: Config, words: list[str]) -> int:
    """Score each manifest, save its Report in the run's folder, print it; the Reports' folders are the last lines."""
    from rich.console import Console

    from project.evaluation.comparison import compare
    from project.evaluation.table import terminal
    from project.scoring.reports import reports

    run, console, folders = Run.open(config["run"]), Console(stderr=True), []
    for report in reports(run, config):
        folders.append(report.save(shelf(run, config)))
        for row in report.rows[: config["print_samples"]]:
            console.print(f"{row.id}\n  wanted      {row.reference}\n  recognized  {row.hypothesis}", markup=False)
        console.print(terminal(compare([report])))
        console.print(told(report), markup=False, highlight=False)
    print(*folders, sep="\n")
    return 0


def check_words(words: list[str]) -> int:
    """Refuse, before anything is composed, what belongs to the run and is not for `evaluate` to change."""
    keys = [word.lstrip("+~").partition("=")[0] for word in words if "=" in word or word.startswith("~")]
    mine, theirs = (
        set(re.findall(r"^([a-z_]+):", (CONF / f"{verb}.yaml").read_text(encoding="utf-8"), flags=re.M))
        | {*groups(verb)}
        for verb in ("evaluate", "train")
    )
    for key in keys:
        root = key.partition(".")[0].partition("@")[0]
        if root not in mine and (root in theirs or (CONF / root).is_dir()):
            raise InputError(f"{key}: {CHANGEABLE}: leave it out")
        if root == "data" and key != "data.manifest":
            raise InputError(f"{key}: {CHANGEABLE}: write data.manifest=<manifest.jsonl>")
        if key.startswith("decode.") and "decode" not in keys:
            raise InputError(f"{key}: of which decoder? Name it, too: decode=beam decode.size=10")
    return 0


def told(report: Report) -> str:
    """What a person wants to know beside the figures: the references, and where the time went."""
    info: Mapping[str, Any] = report.info
    pace = f", {info['real_time_factor']:.0f} times real time" if "real_time_factor" in info else ""
    spent = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in info["time"].items())
    found = "".join(
        f"\nfinding     {one['check']}: {one['text']}.\n            {one['remedy']}." for one in info["findings"]
    )
    found += "".join(f"\nnot looked  {reason}" for reason in info["not_measured"])
    return f"references  {info['references']['text']}\ntime        {info['seconds']:.1f} s{pace}: {spent}{found}"


def main() -> None:
    """The verb: what its words may not say is refused first."""
    if code := guarded(lambda: check_words(sys.argv[1:])):
        sys.exit(code)
    app("evaluate", evaluate)()


if __name__ == "__main__":
    main()
