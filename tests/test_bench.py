"""scansion bench: which tables a command line asks for."""

from __future__ import annotations

from typing import Any

import pytest

from project import bench
from project.benchmark.table import Table
from project.build.compose import compose, options
from project.cli import to_overrides
from project.contract import InputError


def measured(words: list[str], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The nodes that are made of a command line, by their benchmark's class; nothing is measured."""
    nodes: dict[str, Any] = {}

    class Measured:
        def run(self) -> Table:
            return Table("none", ("a",), ((1,),))

    def make(node: Any, path: str) -> Measured:
        nodes[node["_target_"].rpartition(".")[2]] = node
        return Measured()

    monkeypatch.setattr(bench, "make", make)
    overrides = to_overrides("bench", words)
    assert bench.bench(compose("bench", overrides), overrides) == 0
    return nodes


def test_several_tables_are_asked_for_each_with_its_own_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = measured(["checkpoint", "scaling", "benchmark.rounds=2"], monkeypatch)
    assert set(nodes) == {"Checkpoints", "Scaling"}
    assert all(node["rounds"] == 2 for node in nodes.values())
    assert "millions" not in nodes["Scaling"]
    assert "steps" not in nodes["Checkpoints"]


def test_one_table_and_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert measured(["beam"], monkeypatch).keys() == {"Beams"}
    assert len(measured([], monkeypatch)) == len(options("benchmark"))


@pytest.mark.parametrize("name", ["page", "morse"])
def test_no_recordings_are_refused(name: str) -> None:
    words = to_overrides("bench", [name, "benchmark.num_files=0"])
    with pytest.raises(InputError, match=r"num_files is 0: give 1 or more"):
        bench.bench(compose("bench", words), words)
