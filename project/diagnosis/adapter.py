"""Adapters, the small parts that are tuned instead of the whole model: whether they are on, and do anything."""

from __future__ import annotations

from collections.abc import Iterator

from project.contract import Finding
from project.diagnosis.evidence import Evidence
from project.part import Adapted


def adapter_figures(model: object) -> dict[str, float]:
    """`adapter/<name>/active` (1 or 0) and `adapter/<name>/norm`; nothing where there is no adapter."""
    if not isinstance(model, Adapted):
        return {}
    state = model.adapter_state()
    return {f"adapter/{name}/{key}": float(one[key]) for name, one in state.items() for key in ("active", "norm")}


class AdapterIdle:
    """An adapter that is bypassed, or changes nothing: the base model is what is measured."""

    def __init__(self, norm: float = 1e-6) -> None:
        self.norm = norm

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        for name, _ in evidence.between("adapter/", "/active"):
            active, norm = evidence.last(f"adapter/{name}/active"), evidence.last(f"adapter/{name}/norm") or 0.0
            figures = {"active": float(active or 0), "norm": norm}
            remedy = "Load and activate it where the model is rebuilt, before anything is scored; the Protocol tells it"
            if not active:
                yield Finding("", name, f"The adapter {name} is not active: the base model answers", remedy, figures)
            elif norm < self.norm:
                text = f"The adapter {name} changes the weights by {norm:.1g}: it is as good as absent"
                yield Finding("", name, text, f"{remedy}; are its weights trained, and saved?", figures)
