"""Targets that have moved: what runs and packages were told of old is found where it is now."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from project import package, run
from project.build.assemble import OFFERS
from project.build.bind import check, resolve
from project.build.compose import compose
from project.contract import InputError
from project.moved import FIRST, GONE, MOVED, renamed
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


def test_settings_that_are_gone_are_left_out_where_they_say_what_holds_today() -> None:
    for target, settings in GONE.items():
        for name, value in settings.items():
            node = {"_target_": target, name: value, "channels": 8}
            assert renamed(node) == {"_target_": target, "channels": 8}
            other = node | {name: "something else"}
            assert renamed(other) == other
            with pytest.raises(InputError, match="takes no such key"):
                check(other, "model", OFFERS["model"])
