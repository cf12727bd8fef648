"""What a diagnosis found, on the page: the same finding of many runs said once on top, and each in full below."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from project.contract import Finding
from project.evaluation.comparison import Comparison
from project.evaluation.grid import typeset
from project.evaluation.page.markup import swatches

NAMED_RUNS = 3  # that a sentence spells out
MAX_LISTED = 60  # findings in full; of a sweep where everything fails, the rest is counted

Findings = Mapping[str, Sequence[Finding]]  # by run's name


@dataclass(frozen=True, slots=True)
class Shared:
    """One check's finding about one subject, and the runs that have it; the first one speaks for all."""

    finding: Finding
    labels: tuple[str, ...]

    @property
    def who(self) -> str:
        """The runs, as a sentence begins with them."""
        more = len(self.labels) - NAMED_RUNS
        return ", ".join(self.labels[:NAMED_RUNS]) + (f" and {more} more" if more > 0 else "")


def shared(comparison: Comparison, findings: Findings) -> list[Shared]:
    """Findings put together over runs, the most common first."""
    found: dict[tuple[str, str], list[tuple[str, Finding]]] = {}
    for label, finding in _listed(comparison, findings):
        found.setdefault((finding.check, finding.subject), []).append((label, finding))
    made = [Shared(members[0][1], tuple(dict.fromkeys(label for label, _ in members))) for members in found.values()]
    return sorted(made, key=lambda one: -len(one.labels))


def diagnosis_section(comparison: Comparison, findings: Findings, checks: Sequence[str] = ()) -> str:
    """Each finding with its step, figures and remedy; where there is none, which checks looked."""
    dots = dict(zip(comparison.labels, swatches(comparison), strict=True))
    listed = list(_listed(comparison, findings))
    looked = (
        f"<p class=note>Checks that looked, each at what was measured: {escape(', '.join(checks))}.</p>"
        if checks
        else ""
    )
    if not listed:
        return f"<p>No findings.</p>{looked}" if checks else ""
    items = "".join(_item(dots[label], label, finding) for label, finding in listed[:MAX_LISTED])
    more = len(listed) - MAX_LISTED
    rest = f"<p class=note>{more:,} more findings stand in the reports.</p>" if more > 0 else ""
    return f"<ul class=findings>{items}</ul>{rest}{looked}"


def _item(dot: str, label: str, finding: Finding) -> str:
    about = f" · {finding.subject}" if finding.subject else ""
    step = "" if finding.step is None else f" · step {finding.step:,}"
    figures = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{typeset(f'{value:.4g}')}</dd></div>"
        for name, value in finding.figures.items()
    )
    return (
        f"<li><p class=meta>{dot}{escape(label)} · <code>{escape(finding.check)}</code>{escape(about + step)}</p>"
        f"<p>{typeset(finding.text)}</p><p class=remedy>{typeset(finding.remedy)}</p>"
        + (f"<dl>{figures}</dl>" if figures else "")
        + "</li>"
    )


def _listed(comparison: Comparison, findings: Findings) -> Iterator[tuple[str, Finding]]:
    """Findings under their runs' labels; those of a run that is there twice come once."""
    done: set[str] = set()
    for label, report in zip(comparison.labels, comparison.reports, strict=True):
        if report.run not in done:
            done.add(report.run)
            yield from ((label, finding) for finding in findings.get(report.run, ()))
