"""The tree's own rules: sizes, layers, and that every YAML file composes and binds."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from project.build.assemble import OFFERS
from project.build.bind import check, is_object
from project.build.compose import CONF, compose, options

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "project").rglob("*.py"))
OBJECTS = sorted(
    file for group in (CONF / name for name in [*OFFERS, "corpus", "benchmark"]) for file in group.rglob("*.yaml")
)
# Groups whose objects live elsewhere than in project.<group>, and where.
ELSEWHERE = {
    "weighting": tuple(
        f"project.loss.{module}." for module in ("weighting", "uncertainty", "prior_scaled", "dynamic", "mtl")
    ),
    "trainer": ("lightning.pytorch.Trainer",),
    "optimizer": ("torch.optim.",),
    "callbacks": ("project.diagnosis.",),
}
LIBRARIES = ("lightning.", "torch.", "transformers.", "torchmetrics.")


def definitions(file: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_sizes(file: Path) -> None:
    """Files to 300 lines, functions to 50 without their docstring, constructors to 8 parameters."""
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 300
    for node in definitions(file):
        docstring = ast.get_docstring(node, clean=False)
        lines = (node.end_lineno or node.lineno) - node.lineno + 1 - (docstring.count("\n") + 1 if docstring else 0)
        assert lines <= 50, f"{file}:{node.lineno} {node.name}: {lines} lines"
        if node.name == "__init__":
            arguments = node.args
            assert len([*arguments.args, *arguments.kwonlyargs]) - 1 <= 8, f"{file}:{node.lineno}: too many parameters"


def test_packages_import_nothing_by_themselves() -> None:
    """The name in YAML, in the import and on disk is one name. The one exception guards torchaudio's import."""
    for file in ROOT.joinpath("project").rglob("__init__.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        allowed = 2 if file.parent.name == "project" else 0
        assert len(imports) <= allowed, file
        assert ast.get_docstring(tree), f"{file} says nothing of its package"


def test_no_junk_drawers() -> None:
    drawers = {"utils.py", "helpers.py", "common.py", "misc.py"}
    assert not [file for file in SOURCES if file.name in drawers]


def test_the_layers_that_are_drawn_are_those_that_are_checked() -> None:
    (checked,) = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    drawn = (ROOT / "docs/architecture.md").read_text("utf-8").split("## Layers\n\n")[1].split("\n\n")[0]
    assert [line.strip().split("  ")[0] for line in drawn.splitlines()] == checked["layers"]


def test_layers() -> None:
    """Imports go one way. The rules stand in pyproject.toml; this proves they bite as well as that they hold."""
    command = [Path(sys.executable).with_name("lint-imports"), "--config", ROOT / "pyproject.toml", "--no-cache"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
    assert "1 kept, 0 broken" in result.stdout


@pytest.mark.parametrize("file", OBJECTS, ids=lambda file: str(file.relative_to(CONF)))
def test_every_object_binds(file: Path) -> None:
    """A group's YAML names targets of its own package alone, and keys that the constructors take."""
    group = file.relative_to(CONF).parts[0]
    verb = {"corpus": "prepare", "benchmark": "bench"}.get(group, "train")
    name = str(file.relative_to(CONF / group).with_suffix(""))
    node = compose(verb, [f"{group}={name}"])[group]
    assert check(node, group, OFFERS.get(group, ())) >= 1
    for target in targets(node):
        assert target.startswith((f"project.{group}.", *ELSEWHERE.get(group, ()), *LIBRARIES[:1])), target


def targets(node: object) -> list[str]:
    if isinstance(node, dict):
        own = [str(node["_target_"])] if is_object(node) else []
        return own + [target for value in node.values() for target in targets(value)]
    return [target for value in node for target in targets(value)] if isinstance(node, list) else []


@pytest.mark.parametrize("name", options("experiment"))
def test_every_experiment_composes_and_binds(name: str) -> None:
    """Twelve groups or more are bound; the head of the file says the command, the time and the number."""
    config = compose("train", [f"experiment={name}"])
    assert sum(check(config[group], group, offers) for group, offers in OFFERS.items()) >= 15
    head = (CONF / "experiment" / f"{name}.yaml").read_text(encoding="utf-8").split("\ndefaults:")[0]
    assert f"scansion train experiment={name}" in head
    assert "minutes" in head


@pytest.mark.parametrize("name", options("action"))
def test_every_action_composes_and_binds(name: str) -> None:
    config = compose("prepare", [f"action={name}"])
    assert check(config["action"], "action") >= 1


def test_the_tree_of_conf_is_walked() -> None:
    """Numbers found, so that a rename cannot empty the tests above."""
    assert len(OBJECTS) >= 24
    assert len(options("experiment")) >= 1
    assert len(options("action")) >= 6
    verbs = {"train", "prepare", "evaluate", "report", "transcribe", "bench", "list", "doctor", "export", "serve"}
    assert {file.stem for file in CONF.glob("*.yaml")} == {"shell", *verbs}
    for file in CONF.rglob("*.yaml"):
        assert yaml.safe_load(file.read_text(encoding="utf-8")) is not None, f"{file} is empty"
