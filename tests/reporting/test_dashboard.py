"""What W&B would be sent of runs and of a sweep, read by the classes of W&B's own library."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from project.build.compose import compose
from project.contract import InputError
from project.reporting import dashboard
from project.run import flatten
from project.sweep import Point, Sweep

library = pytest.importorskip("wandb_workspaces", reason="the extra `wandb` is not installed")

NONE = {"project": None, "entity": None, "title": None}
CURVES = ("dev/wer", "dev/cer", "dev/loss", "train/loss", "train/lr", "train/ctc", "train/mask", "train/ctc/share")


def invent(root: Path, name: str, words: list[str], **mark: Any) -> Path:
    """A run's folder as far as a dashboard looks at it."""
    folder = root / "trial" / name
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(compose("train", ["metric=[wer,cer]", *words]), sort_keys=False))
    lines = "".join(f"5,0,{curve},0.5\n" for curve in CURVES)
    (folder / "metrics.csv").write_text(f"step,epoch,name,value\n{lines}")
    known = {"id": f"id-{name}", "project": "scansion", "entity": "lab", "group": None, **mark}
    (folder / "wandb.json").write_text(json.dumps(known))
    return folder


def config_of(tmp_path: Path, runs: list[Path], **changes: Any) -> dict[str, Any]:
    given = {"runs": [str(one) for one in runs], "sweep": None, "out": str(tmp_path / "d.json"), "dashboard": NONE}
    return given | changes


def make(tmp_path: Path, runs: list[Path], **changes: Any) -> tuple[dict[str, Any], Any, Any]:
    """What is written, and the workspace and report that W&B's library makes of it."""
    assert dashboard.act(config_of(tmp_path, runs, **changes)) == 0
    content = json.loads((tmp_path / "d.json").read_text())
    return content, *(again(kind, content[kind]) for kind in ("workspace", "report"))


def again(kind: str, written: dict[str, Any]) -> Any:
    """An object of the library from what would be sent; it would be sent the same again."""
    module, name = {"workspace": ("workspaces", "Workspace"), "report": ("reports.v2", "Report")}[kind]
    maker = getattr(dashboard.part_of_library(module), name)
    internal = dashboard.part_of_library(f"{module}.internal")
    model = {"workspace": "View", "report": "ReportViewspec"}[kind]
    made = maker._from_model(getattr(internal, model).model_validate(written))
    sent = made._to_model().model_dump(mode="json", by_alias=True, exclude_none=True)
    assert values(sent) == values(written)
    return made


def values(node: Any) -> list[Any]:
    """All that says what is shown. Names are given anew at each writing; the library does not read back all sizes."""
    given_anew = ("id", "__id__", "ref", "createdAt", "updatedAt", "spec.width.")
    return sorted(
        (key, json.dumps(value))
        for key, value in flatten_all(node)
        if not key.endswith(given_anew) and ".layout." not in key and value is not None
    )


def flatten_all(node: Any) -> list[tuple[str, Any]]:
    """Dotted keys with the places of lists."""
    if isinstance(node, list):
        node = {str(place): value for place, value in enumerate(node)}
    if isinstance(node, dict) and node:
        return [(f"{key}.{below}", one) for key, value in node.items() for below, one in flatten_all(value)]
    return list(flatten(node))


def panels_of(made: Any, kind: str) -> dict[str, list[Any]]:
    """Section -> its panels."""
    if kind == "workspace":
        return {section.name: section.panels for section in made.sections}
    headings = [block.text for block in made.blocks if type(block).__name__ == "H2"]
    grids = [block for block in made.blocks if type(block).__name__ == "PanelGrid"]
    return {heading: grid.panels for heading, grid in zip(headings, grids, strict=True)}


def test_runs_that_were_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [invent(tmp_path, name, [f"seed={seed}"]) for seed, name in enumerate("ab")]
    content, workspace, report = make(tmp_path, runs)
    assert capsys.readouterr().out.splitlines() == [str(tmp_path / "d.json")]
    assert content["report"]["spec"]["width"] == "fluid"
    assert content["workspace"]["displayName"] == content["report"]["displayName"] == "trial/a, trial/b"
    assert (workspace.entity, workspace.project) == (report.entity, report.project) == ("lab", "scansion")
    filters = workspace.runset_settings.filters
    assert filters == report.blocks[1].runsets[0].filters == "Metric(\"ID\") in ['id-a', 'id-b']"
    for kind, made in (("workspace", workspace), ("report", report)):
        parts = panels_of(made, kind)
        assert list(parts) == ["Figures", "Learning", "What was varied", "Examples"]
        plots = {one.title: one for name in ("Figures", "Learning") for one in parts[name]}
        assert list(plots) == ["dev/wer", "dev/cer", "dev/loss", "train/loss", "train/lr", "terms of the loss"]
        assert {one.x.name for one in plots.values()} == {"step"}
        assert [one.name for one in plots["terms of the loss"].y] == ["train/ctc", "train/mask"]
        places = [(one.layout.x, one.layout.y) for one in parts["Learning"]]
        assert places == [(0, 0), (12, 0), (0, 8)], "two in a row, and none upon another"
        (varied,) = parts["What was varied"]
        assert [column.metric.name for column in varied.columns] == ["seed", "best/dev/cer"]
        assert [one.table_name for one in parts["Examples"]] == ["examples"]


def test_a_sweep_shows_what_was_varied_and_points_to_come(tmp_path: Path) -> None:
    sweep = Sweep.make(tmp_path / ".sweeps" / "rates", {"command": "", "order": []})
    for name, rate in (("a", 0.1), ("b", 0.001), ("c", 0.01)):
        words = [f"optimizer.lr={rate}"]
        run = invent(tmp_path, name, words, group="rates") if name != "c" else tmp_path / "trial/c"  # has not begun
        sweep.add(Point(name, tuple(words), tuple(words), run), {})
    _, workspace, report = make(tmp_path, [], sweep=str(sweep.folder))
    assert workspace.name == report.title == "sweep rates"
    assert workspace.runset_settings.filters == report.blocks[1].runsets[0].filters == "Metric(\"Group\") == 'rates'"
    for kind, made in (("workspace", workspace), ("report", report)):
        (varied,) = panels_of(made, kind)["What was varied"]
        columns = [(type(one.metric).__name__, one.metric.name, bool(one.log)) for one in varied.columns]
        assert columns == [("Config", "optimizer.lr", True), ("SummaryMetric", "best/dev/cer", False)]


def test_project_title_and_place_can_be_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [invent(tmp_path, "a", []), invent(tmp_path, "b", [], project="other", entity=None)]
    with pytest.raises(InputError, match=r"several W&B projects: lab/scansion, the account/other: name those of one"):
        dashboard.act(config_of(tmp_path, runs))
    told = {"project": "one", "entity": "team", "title": "Both"}
    content, workspace, _ = make(tmp_path, runs, dashboard=told)
    assert (workspace.entity, workspace.project, workspace.name) == ("team", "one", "Both")
    assert "What was varied" not in panels_of(workspace, "workspace"), "they are the same"
    capsys.readouterr()
    assert dashboard.act(config_of(tmp_path, runs, dashboard=told, out=None)) == 0
    assert json.loads((tmp_path / "trial" / "dashboard.json").read_text()).keys() == content.keys()
    said = capsys.readouterr()
    assert said.out.splitlines() == [str(tmp_path / "trial" / "dashboard.json")]
    assert said.err.splitlines() == ["not logged in to W&B: what would be sent is written to a file"]


def test_with_an_account_both_are_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without out=, and below the account's own name where the runs name none."""
    import wandb

    class Api:
        default_entity = "me"

    class Saved:
        def __init__(self, kind: str) -> None:
            self.url = f"https://wandb.example.org/{kind}"

    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setattr(wandb, "Api", Api)
    seen = []
    for module, name in (("workspaces", "Workspace"), ("reports.v2", "Report")):
        save = lambda made, name=name: seen.append((name, made.entity)) or Saved(name)  # noqa: E731
        monkeypatch.setattr(getattr(dashboard.part_of_library(module), name), "save", save)
    run = invent(tmp_path, "a", [], entity=None)
    assert dashboard.act(config_of(tmp_path, [run], out=None)) == 0
    assert seen == [("Workspace", "me"), ("Report", "me")]
    assert capsys.readouterr().out.splitlines() == [f"https://wandb.example.org/{name}" for name, _ in seen]
    assert not (tmp_path / "trial" / "dashboard.json").exists()


def test_what_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = invent(tmp_path, "a", [])
    (run / "wandb.json").unlink()
    with pytest.raises(InputError, match=r"a: it was not logged to W&B: train with logger=wandb"):
        dashboard.act(config_of(tmp_path, [run]))
    sweep = Sweep.make(tmp_path / ".sweeps" / "rates", {"command": "", "order": []})
    with pytest.raises(InputError, match=r"rates: none of its runs was logged to W&B: train with logger=wandb"):
        dashboard.act(config_of(tmp_path, [], sweep=str(sweep.folder)))
    monkeypatch.setattr(dashboard.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"wandb-workspaces is missing: pip install 'scansion\[wandb\]'"):
        dashboard.act(config_of(tmp_path, [run]))
