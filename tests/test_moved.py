"""Targets that have moved: what runs and packages were told of old is found where it is now."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from project import package, run
from project.build.bind import resolve
from project.build.compose import compose
from project.moved import FIRST, MOVED, renamed
from project.run import flatten, signature


def test_every_move_leads_to_something_and_ends_there() -> None:
    for old, new in MOVED.items():
        assert callable(resolve(new, "here"))
        assert new not in MOVED, f"{old}: name its last place"


def test_runs_and_packages_of_old_are_read_under_todays_names(tmp_path: Path) -> None:
    today = compose("train", ["decode=beam_lm"])
    old = renamed(today, FIRST)
    assert {"project.data.module.Batching", "project.decode.fusion.Language"} <= set(
        map(str, dict(flatten(old)).values())
    )
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(old, sort_keys=False))
    (tmp_path / package.CONFIG).write_text(json.dumps(old))
    assert run.read_config(tmp_path / "config.yaml") == today
    assert package.read_config(tmp_path) == today


def test_a_move_makes_no_experiment_a_new_one() -> None:
    """Its name is the one that it had."""
    defaults, today = compose("train"), compose("train", ["decode=beam_lm"])
    assert signature(today, defaults, []) == signature(renamed(today, FIRST), renamed(defaults, FIRST), [])


def test_lists_and_other_keys() -> None:
    old = "project.decode.fusion.Lexicon"
    node = {"parts": [{"_target_": old}, old], "name": old, "_target_": None}
    assert renamed(node) == {"parts": [{"_target_": MOVED[old]}, old], "name": old, "_target_": None}
