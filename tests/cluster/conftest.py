"""A private SLURM for the tests of this folder, one for all of them. They take minutes and run where they are named:
`make cluster-test`, or `pytest tests/cluster`."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FOLDER = Path(__file__).parent


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Nothing here is collected by `make test`."""
    named = any(
        FOLDER in (path := Path(word.split("::")[0]).absolute()).parents or path == FOLDER for word in config.args
    )
    return None if named else True


def load_rig() -> ModuleType:
    """The module beside this one; tests are not on Python's path."""
    if "private_slurm" not in sys.modules:
        spec = importlib.util.spec_from_file_location("private_slurm", FOLDER / "private_slurm.py")
        assert spec
        assert spec.loader
        sys.modules["private_slurm"] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules["private_slurm"]


@pytest.fixture(scope="session")
def slurm() -> Iterator[Any]:
    """A PrivateSlurm of two nodes with two processors each, which this process and what it starts talk to."""
    rig = load_rig()
    if lacking := rig.missing():
        pytest.skip(f"no SLURM on this machine: {', '.join(lacking)} missing: run .ci/apt-cluster")
    pytest.importorskip("submitit")
    with rig.PrivateSlurm() as slurm, pytest.MonkeyPatch.context() as patch:
        for name in ("PATH", "SLURM_CONF"):
            patch.setenv(name, slurm.environment[name])
        patch.setenv("MASTER_ADDR", "127.0.0.1")  # its nodes' names lead nowhere
        yield slurm
