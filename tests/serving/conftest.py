"""The page of a run that has learned nothing and says much, beside its ONNX file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from project.build.compose import compose
from project.run import Run
from project.serving.making import make_page

Paged = Callable[[str], Path]


@pytest.fixture(scope="session")
def paged(made: Callable[[str], Run], tmp_path_factory: pytest.TempPathFactory) -> Paged:
    """The page of the Morse run, decoded in this way, with two examples; made when it is first asked for."""
    pytest.importorskip("onnxruntime")
    folder = tmp_path_factory.mktemp("pages")

    def make(decode: str) -> Path:
        page = folder / f"{decode}.html"
        if not page.exists():
            config = compose("serve", ["run=none", f"decode={decode}", "max_samples=2"])
            list(make_page(made("morse"), config, page, num_examples=2))
        return page

    return make
