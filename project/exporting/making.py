"""From a run to a graph: written, run on real examples beside the original, and kept only if both say the same."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from project.build.assemble import Recognizer
from project.build.restore import changed, restore
from project.contract import Config, InputError, WorkError
from project.data.manifest import Manifest
from project.exporting import check
from project.exporting.check import Checked
from project.exporting.front import PICTURES, front_of, padded
from project.exporting.metadata import metadata_of
from project.exporting.onnx_file import add_metadata, require_packages, write_onnx
from project.exporting.running import OnnxGraph, ScriptGraph
from project.exporting.torchscript_file import write_torchscript
from project.exporting.whole import FEATURES, Whole, require_graph, told
from project.run import Run

_MOST = 1e-2  # by which a graph may be off: beyond that it is another recognizer
_SHOWN = 3  # ids in messages
_MOST_FIGURES = 6  # in a line


@dataclass(frozen=True, slots=True)
class Making:
    """What all graphs of one export share."""

    recognizer: Recognizer
    whole: Whole
    inputs: Mapping[str, torch.Tensor]
    names: list[str]
    manifest: Manifest
    metadata: Config
    original: Checked


def make_graphs(run: Run, config: Config, out: Path) -> Iterator[str]:
    """Write the graph that is asked for, and yield what was found out about it, line by line."""
    if config["format"] == "onnx":
        require_packages()
    making = prepare(run, config)
    original = making.original
    yield f"original     {_figures(original)}"
    if config["format"] == "torchscript":
        yield from _torchscript(making, out)
        return
    model = write_onnx(making.whole, making.inputs, making.names, out)
    try:
        checked = _checked(making, OnnxGraph(out, config["threads"]))
        add_metadata(model, making.metadata | {"check": _found(making, checked)}, out)
    except BaseException:
        out.unlink()
        raise
    yield _line("float32", checked, out, making.manifest)
    if config["quantize"]:
        yield from _smaller(making, model, config, out)


def prepare(run: Run, config: Config) -> Making:
    """The recognizer, what it says of the examples that graphs are checked on, and what graphs are made along."""
    own = changed(run.config(), decode=config["decode"], precision=check.PRECISION, threads=config["threads"])
    recognizer = restore(run, own, config["checkpoint"])
    require_graph(recognizer.system.model)
    front = front_of(recognizer.feature)
    part = manifest_of(config, own, recognizer)
    feature = recognizer.feature
    signals = [feature.read(part[index].media) for index in range(min(2, len(part)))]
    signals = signals if len(signals) > 1 else signals * 2  # a batch of one would become a graph of one
    inputs = {name: torch.from_numpy(value) for name, value in padded(feature, signals).items()}
    recognizer.system.model.float()
    shows = config["format"] == "onnx" and isinstance(feature, PICTURES)
    whole = Whole(front, recognizer.system.model, shows_features=shows).eval()
    with torch.no_grad():
        names = [name for name, _ in told(recognizer.system.model(_as_batch(front, inputs)))] + [FEATURES] * shows
    metadata = metadata_of(run, own, recognizer, list(inputs), names)
    metadata |= protocol_of_run(run)
    return Making(recognizer, whole, inputs, names, part, metadata, check.originally(recognizer, part))


def _as_batch(front: Any, inputs: Mapping[str, torch.Tensor]) -> Any:
    from project.contract import Batch

    signals_BTF, lengths_B = front(*inputs.values())
    return Batch((), signals_BTF, lengths_B, {}, ())


def manifest_of(config: Config, own: Config, recognizer: Recognizer) -> Manifest:
    """The examples that a graph is checked on."""
    name = config["data"]["manifest"]
    part = "test" if own["data"]["manifest"].get("test") else "dev"
    try:
        whole = recognizer.data.manifest(part) if name is None else Manifest.open(name)
    except InputError as error:
        raise InputError(f"{error}; a graph is checked on real examples: or set data.manifest=...") from error
    most = config["max_samples"]
    return whole.select(range(min(most, len(whole)))) if most else whole


def protocol_of_run(run: Run) -> Config:
    """The Protocol that a run was evaluated under last, if it was."""
    from project.exporting.card import reports_of

    found = reports_of(run)
    return {"protocol": found[0]["protocol"], "protocol_hash": found[0]["hash"]} if found else {}


def _checked(making: Making, graph: Any) -> Checked:
    """What the graph says, refused if it is not what the original says."""
    found = check.exported(making.recognizer, graph, making.manifest)
    others = check.differing(making.original, found)
    if others or not found.difference <= _MOST:
        shown = " ".join(others[:_SHOWN]) + (f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else "")
        what = (
            f"{len(others)} of {len(found.hypotheses)} examples are recognized otherwise ({shown}), and "
            if others
            else ""
        )
        raise WorkError(
            f"the graph does not say what the run says: {what}it is off by {found.difference:.2g}: nothing was kept; "
            "set format=package"
        )
    return found


def _found(making: Making, checked: Checked) -> Config:
    """What a check found, for the metadata."""
    return {
        "examples": len(making.manifest),
        "manifest": making.manifest.hash,
        "max_difference": checked.difference,
        "figures": dict(checked.figures),
    }


def _smaller(making: Making, model: Any, config: Config, out: Path) -> Iterator[str]:
    """The same with weights in 8 bits, beside it, and what that costs."""
    import onnx

    from project.exporting.quantized import quantize

    small = out.with_suffix(".int8.onnx")
    quantize(out, model, small)
    found = check.exported(making.recognizer, OnnxGraph(small, config["threads"]), making.manifest)
    others = check.differing(making.original, found)
    told = _found(making, found) | {"recognized_otherwise": len(others)}
    add_metadata(onnx.load(small), making.metadata | {"arithmetic": "int8 weights", "check": told}, small)
    yield _line("int8", found, small, making.manifest)
    yield f"             {len(others)} of {len(making.manifest)} examples are recognized otherwise"
    print(f"the smaller file is {small}", file=sys.stderr)


def _torchscript(making: Making, out: Path) -> Iterator[str]:
    module = write_torchscript(making.whole, making.inputs, making.metadata, out)
    try:
        checked = _checked(making, ScriptGraph(module, making.names))
    except BaseException:
        out.unlink()
        raise
    yield _line("torchscript", checked, out, making.manifest)


def _line(name: str, found: Checked, file: Path, manifest: Manifest) -> str:
    """What a person wants to know of a graph: how large, how far off, how fast, how good."""
    size = f"{file.stat().st_size / 1e6:.2f} MB"
    speed = f"{found.seconds:.2f} s for {len(manifest)} examples"
    if manifest.unit == "seconds":
        seconds = float(manifest.lengths.sum())
        speed = f"{seconds / found.seconds:.0f} times real time (feature and model in torch: "
        speed += f"{seconds / found.original_seconds:.0f})"
    return f"{name:<12} {_figures(found)}; off by {found.difference:.2g} at most; {size}; {speed}"


def _figures(found: Checked) -> str:
    parts = ("_substitutions", "_deletions", "_insertions")
    named = [f"{name} {value:.4g}" for name, value in found.figures.items() if not name.endswith(parts)]
    return ", ".join(named[:_MOST_FIGURES])
