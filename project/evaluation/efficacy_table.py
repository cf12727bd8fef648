"""What adapters do, in sentences and tables: a row a run, and a row a kind of layer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from project.evaluation.comparison import Delta
from project.evaluation.efficacy import CHANGED, DIVERGENCE, LOSS, Efficacy, part
from project.evaluation.grid import Grid
from project.evaluation.result import Report
from project.evaluation.verdict import Kind, Verdict, delta_text, figure_text, is_percent, number_text, title_of

NO_EVIDENCE = "which is no evidence: it grows as much where labels were shuffled"
NOTE = (
    "That weights change is no evidence that an adapter helps: they change as much where labels were shuffled. Nor is "
    "a lower loss alone: what learned from shuffled labels knows which words are frequent. Better answers are, and a "
    "loss that is lower than such a control's (adapter.control=RUN)."
)
SENTENCES: Mapping[tuple[str, str], tuple[Kind, str]] = {  # by what answers and loss say -> what it comes to
    ("better", "better"): ("better", "the adapter helps: better answers, and right ones likelier"),
    ("better", "undecided"): ("better", "the adapter helps: better answers"),
    ("better", "worse"): ("better", "the adapter gives better answers, though right ones become less likely"),
    ("undecided", "better"): ("undecided", "the adapter makes right answers likelier; better ones are not shown"),
    ("undecided", "undecided"): ("undecided", "nothing shows that the adapter helps"),
    ("undecided", "worse"): ("worse", "the adapter does harm: right answers become less likely"),
    ("worse", "better"): ("worse", "the adapter gives worse answers, though right ones become likelier"),
    ("worse", "undecided"): ("worse", "the adapter does harm: worse answers"),
    ("worse", "worse"): ("worse", "the adapter does harm: worse answers, and right ones less likely"),
}


def sentences(found: Sequence[Efficacy]) -> list[Verdict]:
    """One a run."""
    return [_sentence(one) for one in found]


def _sentence(one: Efficacy) -> Verdict:
    growth = f"weights change by {number_text(one.growth, True)} % of their length"
    if one.is_idle:
        text = f"{one.label}: the adapter does nothing: with it and without it the same is said"
        return Verdict("warning", text, growth)
    kind, text = SENTENCES[one.error.verdict, one.loss.verdict]
    if one.is_control:
        kind, text = "note", f"the control, of shuffled labels: {text}"
    elif one.beyond is not None:
        kind, more = _beyond(one, kind)
        text += more
    return Verdict(kind, f"{one.label}: {text}", f"{_figures(one)}; {growth}, {NO_EVIDENCE}")


def _beyond(one: Efficacy, kind: Kind) -> tuple[Kind, str]:
    """What it comes to beside a control, and what is to be added to the sentence."""
    assert one.beyond is not None
    said = {delta.verdict for delta in one.beyond}
    if "better" in said and "worse" not in said:
        return "better" if kind == "undecided" else kind, "; more so than the control's"
    if "better" in {one.error.verdict, one.loss.verdict}:
        return "undecided" if kind == "better" else kind, "; no more so than the control's"
    return kind, ""


def _figures(one: Efficacy) -> str:
    """Both figures with the adapter and without, and beyond a control."""
    name, percent = one.on.primary, is_percent(one.off, one.on.primary)
    unit, points = (" %", " points") if percent else ("", "")
    answers = [f"{number_text(report.metrics[name], percent)}{unit}" for report in (one.on, one.off)]
    told = (
        f"{title_of(name)} {answers[0]} with it, {answers[1]} without, {delta_text(one.error, percent, points)}; "
        f"loss {_number(one.on, LOSS)} and {_number(one.off, LOSS)}, {delta_text(one.loss, False)}; "
    )
    if one.beyond is not None:
        error, loss = one.beyond
        told += f"beyond the control {delta_text(error, percent, points)}, loss {delta_text(loss, False)}; "
    return f"{told}{number_text(one.on.metrics[CHANGED], True)} % of the answers change"


def run_grid(found: Sequence[Efficacy]) -> Grid:
    """The runs beside each other."""
    name = found[0].on.primary
    percent = is_percent(found[0].off, name)
    has_control = any(one.beyond for one in found)
    rows = []
    for one in found:
        beyond = [delta_text(delta, rate) for delta, rate in zip(one.beyond or (), (percent, False), strict=False)]
        rows.append(
            (
                one.label,
                figure_text(one.on, name),
                figure_text(one.off, name),
                delta_text(one.error, percent),
                _number(one.on, LOSS),
                _number(one.off, LOSS),
                delta_text(one.loss, False),
                *((beyond or ["", ""]) if has_control else []),
                figure_text(one.on, CHANGED),
                _number(one.on, DIVERGENCE),
                f"{number_text(one.growth, True)} %",
            )
        )
    title = title_of(name)
    heads = ["run", f"{title} with [95 %]", "without", "difference", "loss with", "without", "difference"]
    heads += [f"{title} beyond the control", "loss beyond it"] if has_control else []
    heads += ["answers changed", "divergence", "change of weights"]
    notes = (
        "loss: minus the log-probability of right answers, in nats a symbol; divergence: of what is said with the "
        "adapter from what is said without, in nats a token or frame; change of weights: against their own length.",
        NOTE,
    )
    return Grid("With the adapter and without", tuple(heads), tuple(rows), notes)


def short_grid(found: Sequence[Efficacy]) -> Grid:
    """The same as narrow as a terminal: what is sure about it stands in the sentences."""
    name = found[0].on.primary
    percent = is_percent(found[0].off, name)
    rows = tuple(
        (
            one.label,
            *(number_text(report.metrics[name], percent) for report in (one.on, one.off)),
            *(_number(report, LOSS) for report in (one.on, one.off)),
            f"{100 * one.on.metrics[CHANGED]:.0f} %",
            _number(one.on, DIVERGENCE),
            f"{100 * one.growth:.1f} %",
        )
        for one in found
    )
    heads = ("run", f"{title_of(name)} on", "off", "loss on", "off", "changed", "KL", "weights")
    return Grid("With the adapter and without", heads, rows, (NOTE,))


def layer_grid(found: Sequence[Efficacy]) -> Grid:
    """How much weights change by kind of layer: the mean over its layers, and the most."""
    kinds = {one.label: by_kind(one) for one in found}
    names = list(dict.fromkeys(name for its in kinds.values() for name in its))
    rows = tuple((name, *(_spread(kinds[one.label].get(name, ())) for one in found)) for name in names)
    return Grid("Change of weights, % of their length: mean, most", ("layers", *kinds), rows)


def by_kind(one: Efficacy) -> dict[str, list[float]]:
    """By name of layers, numbers in it left open, how much each of them changes against its own length."""
    found: dict[str, list[float]] = {}
    for name, (change, weight) in one.lengths.items():
        found.setdefault(kind_of(name), []).append(part(change, weight))
    return found


def kind_of(name: str) -> str:
    """What layers of a stack have in common.

    >>> kind_of("network.model.encoder.layers.3.self_attn.q_proj")
    'encoder self_attn q_proj'
    """
    parts = re.sub(r"\.\d+", "", name).split(".")
    kept = [part for part in parts if part not in {"network", "model", "backbone", "layers"}]
    return " ".join(kept[-4:])


def csv_rows(found: Sequence[Efficacy]) -> list[list[object]]:
    """Everything as plain numbers, the header first: figures of runs, then layers."""
    rows: list[list[object]] = [["run", "figure", "layer", "with", "without", "difference", "low", "high", "p"]]
    for one in found:
        for name, delta in ((one.on.primary, one.error), (LOSS, one.loss)):
            rows.append([one.label, name, "", one.on.metrics[name], one.off.metrics[name], *_plain(delta)])
        for name, delta in zip((one.on.primary, LOSS), one.beyond or (), strict=False):
            rows.append([one.label, f"{name} beyond the control", "", "", "", *_plain(delta)])
        for name in (CHANGED, DIVERGENCE):
            ends = one.on.intervals.get(name) or ("", "")
            rows.append([one.label, name, "", one.on.metrics[name], "", "", *ends, ""])
        rows.append([one.label, "change of weights", "", one.growth, "", "", "", "", ""])
        for layer, (change, weight) in one.lengths.items():
            rows.append([one.label, "change of weights", layer, part(change, weight), *[""] * 5])
    return rows


def _plain(delta: Delta) -> tuple[object, ...]:
    return delta.value, *(delta.interval or ("", "")), "" if delta.p_value is None else delta.p_value


def _number(report: Report, name: str) -> str:
    return number_text(report.metrics[name], False)


def _spread(values: Sequence[float]) -> str:
    if not values:
        return ""
    return f"{number_text(sum(values) / len(values), True)}, {number_text(max(values), True)}"
