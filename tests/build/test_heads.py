"""The commands that the heads of experiments' files tell."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from project.build.heads import command_for
from project.contract import NoManifest
from project.data.manifest import Manifest


@pytest.mark.parametrize(
    ("folder", "command"),
    [
        ("data/morse", "scansion prepare corpus=morse out=data/morse"),
        ("data/bars_made/", "scansion prepare corpus=bars_made out=data/bars_made"),  # a remark stands behind it
        ("data/an4", "scansion prepare corpus=an4 corpus.folder=<its folder> out=data/an4"),
        ("data", None),
        ("data/mors", None),
        ("elsewhere/data/morse", None),
    ],
)
def test_the_command_that_makes_a_folder(folder: str, command: str | None) -> None:
    assert command_for(folder) == command
    assert command_for(str(Path(folder).absolute())) == command


def test_a_manifest_without_folder_is_told_alike_in_every_process(tmp_path: Path) -> None:
    with pytest.raises(NoManifest) as caught:
        Manifest.open(f"{tmp_path}/none/a.jsonl")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.folder) == (str(caught.value), f"{tmp_path}/none")
    assert str(again) == (
        f"{tmp_path}/none/a.jsonl: no such manifest: there is no folder {tmp_path}/none either: check the path"
    )
