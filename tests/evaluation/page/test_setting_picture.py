from __future__ import annotations

from collections.abc import Callable

from project.evaluation.comparison import compare
from project.evaluation.page.setting_picture import MAX_PANELS, setting_panels
from project.evaluation.result import Report

Make = Callable[..., Report]
Sound = Callable[[str], str]


def test_a_panel_for_each_setting(make: Make, sound: Sound) -> None:
    comparison = compare([make(f"r{n}", 0.02 + 0.01 * n, num_examples=16) for n in range(6)])
    settings: list[dict[str, object]] = [
        {"lr": 10.0 ** -(n // 2), "model._target_": f"project.model.{'ab'[n % 2]}.Net", "seed": n, "name": f"run {n}"}
        for n in range(6)
    ]
    panels = setting_panels(comparison, settings)
    assert [panel.title for panel in panels] == ["lr", "model"]
    for panel in panels:
        svg = sound(panel.svg)
        assert "CER (%)" in svg
        assert "var(--series-5)" in svg
    assert "0.01" in panels[0].svg
    assert ">Net<" in panels[1].svg


def test_no_panels_where_it_is_no_sweep(make: Make) -> None:
    comparison = compare([make(f"r{n}", num_examples=16) for n in range(3)])
    assert setting_panels(comparison, [{"seed": n} for n in range(3)]) == []
    assert setting_panels(comparison, [{f"key{k}": n * k for k in range(MAX_PANELS + 2)} for n in range(3)]) == []
    assert setting_panels(compare(comparison.reports[:2]), [{"lr": n} for n in range(2)]) == []
