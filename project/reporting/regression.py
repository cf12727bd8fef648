"""People's scores from a run's GOP: learned on the Report of one manifest, judged on that of another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from project.contract import Config, InputError
from project.reporting.selection import reports_on, run_folders, target_of
from project.reporting.writing import tell, write_csv, write_markdown
from project.run import Run

if TYPE_CHECKING:
    from project.evaluation.regression import Score, Scorer
    from project.evaluation.result import Report
    from project.evaluation.utterance import Utterance

MODELS = ("ridge", "transformer")


def act(config: Config) -> int:
    """Learn and judge for each run, print the table, write page and CSV; the page's path is the last line."""
    from project.evaluation.comparison import compare
    from project.evaluation.page.regression_page import write_page
    from project.evaluation.regression_table import csv_rows, grid, sentences
    from project.evaluation.shelf import read

    runs, asked = [Run.open(folder) for folder in run_folders(config["runs"])], config["regression"]
    if not runs:
        raise InputError("no run is named: scansion report action=regression runs/<family>/<run> ...")
    if asked["model"] not in MODELS:
        raise InputError(f"regression.model={asked['model']}: choose from {', '.join(MODELS)}")
    allow = config["allow"]
    fits, judged = (
        [read(folder) for folder in reports_on(runs, asked[key], f"regression.{key}", allow)]
        for key in ("fit", "score")
    )
    comparison = compare(judged, allow=allow)
    notes: list[str] = []
    scores = {
        label: scores_of(first, second, made(asked["model"], asked["seed"], asked["epochs"]), notes)
        for label, first, second in zip(comparison.labels, fits, judged, strict=True)
    }
    notes = list(dict.fromkeys(notes))
    page = write_page(target_of(runs, config["out"], "regression"), comparison, scores, asked["model"], notes)
    write_csv(page.with_suffix(".csv"), csv_rows(scores))
    table = grid(scores, asked["model"])
    if config["markdown"]:
        write_markdown(Path(config["markdown"]), sentences(scores), [table])
    tell(sentences(scores), [table], notes)
    print(page)
    return 0


def made(model: str, seed: int, epochs: int) -> Scorer:
    """A scorer that has learned nothing."""
    if model == "transformer":
        from project.evaluation.score_transformer import TransformerScorer

        return TransformerScorer(seed, epochs)
    from project.evaluation.regression import RidgeScorer

    return RidgeScorer()


def scores_of(fit: Report, judged: Report, scorer: Scorer, notes: list[str]) -> list[Score]:
    """What a scorer that learned from one Report is worth on another."""
    from project.evaluation.regression import judge

    both = {row.id for row in fit.rows} & {row.id for row in judged.rows}
    if both:
        name = min(both)
        raise InputError(
            f"{name}: is learned from and judged: give regression.fit and regression.score other manifests"
        )
    scorer.fit(spoken(fit, notes))
    scores = judge(scorer, spoken(judged, notes))
    if not scores:
        raise InputError(f"{judged.run}: people's scores are missing in its report: score a manifest that has some")
    return scores


def spoken(report: Report, notes: list[str]) -> list[Utterance]:
    """A Report's utterances, with their words where the manifest is at hand."""
    from project.evaluation.utterance import utterances
    from project.evaluation.words import words_of

    words = words_of(report)
    if isinstance(words, str):
        notes.append(words)
        return utterances(report, {})
    return utterances(report, words)
