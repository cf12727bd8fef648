"""What the checks find in an evaluation: in all that was measured while a manifest was scored."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from project.build.assemble import Recognizer
from project.build.bind import make
from project.build.compose import compose
from project.callbacks.diagnosis import about, scored_figures
from project.contract import Finding
from project.diagnosis.adapter import adapter_figures
from project.diagnosis.evidence import Evidence, run_checks
from project.evaluation.report_findings import to_plain
from project.scoring.predictions import Job, Outcome


def diagnosed(job: Job, recognizer: Recognizer, outcome: Outcome, name: str) -> dict[str, Any]:
    """What was measured while scoring, what the checks find in it, and for what there was nothing to measure.

    The checks are those of the run, or the shipped ones.
    """
    watcher = (job.own.get("callbacks") or {}).get("diagnosis") or compose("train")["callbacks"]["diagnosis"]
    known, missing = recognizer.data.learned_from, []
    if known is None and recognizer.data.fresh is None:
        missing.append("leakage: the training manifest is not at hand")
    if "feature/shift" not in outcome.figures:
        missing.append("feature_drift: of too few examples is it known what features are like in training")
    measured = {**outcome.figures, **adapter_figures(recognizer.system.model), **scored_figures(known, job.manifest)}
    figures = {key: value for key, value in measured.items() if math.isfinite(value)}
    evidence = Evidence({key: [(0, value)] for key, value in figures.items()}, **about(recognizer.system), final=True)
    checks = make(watcher["checks"] or {}, "callbacks.diagnosis.checks")
    if job.own.get("adapter_off"):  # it was asked for
        checks.pop("adapter_idle", None)
    findings = run_checks(checks, evidence)
    if wrong := sorted(measured.keys() - figures.keys()):
        findings.append(
            Finding(
                "not_finite",
                "",
                f"What the model says is not finite ({', '.join(wrong)})",
                "Look for NaN in its weights and features; nothing that it answers can be believed",
            )
        )
    where = Path(str(name)).name
    plain = [to_plain(replace(one, subject=f"{one.subject} in {where}".strip())) for one in findings]
    return {"statistics": figures, "findings": plain, "not_measured": missing}
