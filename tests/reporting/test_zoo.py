"""The zoo's page is that of the models in conf, as they are now; one that it does not know stands there as well."""

from __future__ import annotations

from pathlib import Path

import pytest

from project.build.compose import options
from project.contract import InputError
from project.reporting import zoo


def own() -> list[str]:
    """Models of which the page says what they hear."""
    return [name for name in options("model") if zoo.module_of(zoo.node_of(name)) in zoo.HEARS]


def test_the_page_in_docs_is_what_conf_says() -> None:
    """Whoever adds a model writes the page again, or leaves it: only what it says of the models below is held."""
    written = (Path(__file__).resolve().parents[2] / "docs" / "zoo.md").read_text(encoding="utf-8").splitlines()
    wanted = zoo.page().partition("\n## Others")[0].rstrip().splitlines()
    assert written[: len(wanted)] == wanted, "scansion report action=zoo out=docs/zoo.md"
    assert sum(line.startswith("| `") for line in wanted) == len(own()) + 1


def test_a_model_that_is_not_known_stands_among_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoo, "row", lambda name: f"| `{name}` |")
    assert zoo.page().count("\n| `moonshine") >= 1
    assert "`moonshine" not in zoo.page().partition("## Others")[2]
    monkeypatch.setattr(zoo, "HEARS", {module: of for module, of in zoo.HEARS.items() if module != "moonshine"})
    known, _, others = zoo.page().partition("## Others")
    unknown = [name for name in options("model") if name not in own()]
    assert unknown
    for name in unknown:
        assert f"| `{name}` | {zoo.said_of(name)} |" in others
        assert f"| `{name}` |" not in known


def test_a_page_needs_a_name() -> None:
    with pytest.raises(InputError, match=r"out=zoo\.md"):
        zoo.act({"out": None})
