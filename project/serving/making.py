"""From a run to its page: the graph is made and checked as for every export, then put into the page."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from project import atomic
from project.build.bind import make
from project.contract import Config, InputError
from project.data.manifest import Manifest
from project.exporting.making import make_graphs
from project.run import Run
from project.serving.page_file import page_of

_LARGEST = 1_000_000  # bytes of a recording in a page


def make_page(run: Run, config: Config, out: Path, num_examples: int = 0) -> Iterator[str]:
    """Write the page, and yield what was found out about its graph.

    `num_examples`: how many recordings of the run's manifest it holds. Whoever gets the page gets these, too.
    """
    if not hasattr(make(run.config()["feature"], "feature"), "sample_rate"):
        raise InputError(f"{run.folder}: it takes no sound, and the page hears: evaluate it and look at its report")
    with tempfile.TemporaryDirectory() as folder:
        graph = Path(folder) / "graph.onnx"
        yield from make_graphs(run, {**config, "format": "onnx", "quantize": None}, graph)
        atomic.write(out, page_of(graph, examples_of(run, config, num_examples)))


def examples_of(run: Run, config: Config, count: int) -> list[Path]:
    """The first recordings on this machine of the manifest that a graph is checked on."""
    if not count:
        return []
    named = run.config()["data"]["manifest"]
    name = config["data"]["manifest"] or named.get("test") or named.get("dev")
    manifest = Manifest.open(name)
    found: list[Path] = []
    for place in range(min(len(manifest), 10 * count)):
        file = Path(manifest[place].media)
        if len(found) < count and file.is_file() and file.stat().st_size <= _LARGEST:
            found.append(file)
    return found
