from __future__ import annotations

import re
from collections.abc import Callable

from project.evaluation.comparison import compare
from project.evaluation.page.section import share_section
from project.evaluation.page.share_picture import LOSS, SKILL, share_grid, share_panels, terms_of
from project.evaluation.result import Report
from project.evaluation.run_view import RunView

Make = Callable[..., Report]
Sound = Callable[[str], str]
Curve = list[tuple[int, float]]


def curves(**shares: float) -> dict[str, Curve]:
    """Of each term a constant share of the loss, the same of the gradient but for the first, and a skill that grows."""
    found: dict[str, Curve] = {}
    for place, (name, share) in enumerate(shares.items()):
        found[f"train/{name}/share"] = [(n, share) for n in range(0, 1000, 5)]
        found[f"skill/{name}"] = [(n, n / 1000 - 3 * (n == 0)) for n in range(0, 1000, 100)]
        if place:
            found[f"gradient/share/{name}"] = [(n, share) for n in range(0, 1000, 50)]
    return found


def test_terms_have_one_colour_in_all_runs() -> None:
    first, second, single, none = terms_of([curves(span=0.3, kind=0.7), curves(kind=0.5, end=0.5), curves(ctc=1.0), {}])
    assert first is not None
    assert second is not None
    assert dict(first.colours) == {"span": 0, "kind": 1}
    assert dict(second.colours) == {"kind": 1, "end": 2}
    assert single is None
    assert none is None


def test_pictures(sound: Sound) -> None:
    (terms,) = terms_of([curves(kind=0.1, span=0.18, countdown=0.72)])
    assert terms is not None
    panels = share_panels(terms, "0")
    assert [panel.title for panel in panels] == ["Share of the weighted loss", "Share of the gradient", "Skill"]
    for panel in panels:
        assert len(sound(panel.svg)) < 20_000
    assert "series-0" not in panels[1].svg  # the first term reaches no shared weight
    assert set(terms.of(LOSS)) == {"kind", "span", "countdown"}
    rows = {row[0]: row[1:] for row in share_grid(terms).rows}
    assert rows == {
        "kind": ("10 %", "-", "0.90"),
        "span": ("18 %", "18 %", "0.90"),
        "countdown": ("72 %", "72 %", "0.90"),
    }


def test_what_is_not_finite_is_left_out(sound: Sound) -> None:
    found = curves(a=0.4, b=0.6)
    found["train/a/share"][3] = (15, float("nan"))
    found["skill/a"] = [(0, float("nan"))]
    found["train/b/share"] = found["train/b/share"][1:]
    (terms,) = terms_of([found])
    assert terms is not None
    assert set(terms.of(SKILL)) == {"b"}
    for panel in share_panels(terms, "0"):
        assert "nan" not in sound(panel.svg)


def test_section(make: Make) -> None:
    reports = [make("a", num_examples=9), make("b", num_examples=9)]
    views = {"b": RunView("b", "", curves(kind=0.28, countdown=0.72)), "a": RunView("a", "", curves(ctc=1.0))}
    html = share_section(compare(reports), views)
    assert re.findall(r"</span>(\w+)</summary>", html) == ["b"]
    assert html.count("<svg") == 2  # of the gradient one term is known alone
    assert "72&nbsp;%" in html
    assert share_section(compare(reports), {}) == ""
    assert share_section(compare(reports[:1]), views) == ""
