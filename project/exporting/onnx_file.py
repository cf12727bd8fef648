"""A recognizer as an ONNX file: preprocessing and network in one graph of any length and batch, and its metadata.

It does not check what the graph says: `check` does.
"""

from __future__ import annotations

import json
import logging
import operator
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from project import atomic
from project.contract import InputError
from project.exporting.onnx_lstm import with_nodes
from project.moved import renamed

FORMAT = 1  # of the metadata
FRONT = "preprocessing"  # what nodes say that come before the network
OPSET = 18  # every runtime of the last years knows it, browsers' included
KEY = "scansion"  # of metadata_props, under which all that is known of the model stands as JSON
_ANY = torch.export.Dim.DYNAMIC


def write_onnx(whole: nn.Module, inputs: Mapping[str, Tensor], names: list[str], file: Path) -> Any:
    """The file of a recognizer, made along some example inputs; the graph as `onnx` holds it."""
    shapes = tuple({0: _ANY, 1: _ANY} if one.ndim > 1 else {0: _ANY} for one in inputs.values())
    from torch.onnx import errors

    try:
        with torch.no_grad(), _quietly():
            program = torch.onnx.export(
                with_nodes(whole.eval()),
                tuple(inputs.values()),
                dynamo=True,
                dynamic_shapes=(shapes,),
                input_names=list(inputs),
                output_names=names,
                opset_version=OPSET,
                verbose=False,
                custom_translation_table={operator.floordiv: _floordiv},
            )
    except errors.OnnxExporterError as error:
        reason = _reason(error)
        raise InputError(f"model: it cannot be put into a graph ({reason}): set format=package") from error
    assert program is not None
    model = program.model_proto
    forget_origin(model)
    save(model, file)
    return model


def _floordiv(above: Any, below: Any) -> Any:
    """A whole number divided by another and rounded down, below 0 too: ONNX's own division rounds towards 0."""
    from onnxscript import opset18

    return opset18.Div(opset18.Sub(above, opset18.Mod(above, below)), below)


def require_packages() -> None:
    """Refuse, before anything is done, where a package is missing."""
    missing = [name for name in ("onnx", "onnxruntime", "onnxscript") if find_spec(name) is None]
    if missing:
        raise InputError(f"a graph needs the package {' and '.join(missing)}: pip install 'scansion[export]'")


def _reason(error: BaseException) -> str:
    """The first line of what lies at the bottom of an error."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


def save(model: Any, file: Path) -> None:
    """Write a graph, whole or not at all."""
    content = model.SerializeToString()
    atomic.write(file, content)


def add_metadata(model: Any, metadata: Mapping[str, Any], file: Path) -> None:
    """Write a graph with all that its users need to know in it."""
    from onnx import helper

    helper.set_model_props(model, {KEY: json.dumps(metadata, ensure_ascii=False, allow_nan=False)})
    model.producer_name, model.producer_version = KEY, str(metadata["scansion"])
    save(model, file)


def read_metadata(properties: Mapping[str, str], file: Path) -> dict[str, Any]:
    """What `add_metadata` wrote."""
    try:
        found = renamed(json.loads(properties[KEY]))
    except (KeyError, ValueError):
        raise InputError(f"{file}: an ONNX file of somebody else: name one that scansion export wrote") from None
    if found.get("format") != FORMAT:
        raise InputError(f"{file}: of a format that this version does not read: export the run again")
    return dict(found)


def forget_origin(model: Any) -> None:
    """Leave out where in whose source each node comes from: it is of no use elsewhere, and half of a small file."""
    for graph in _graphs(model.graph):
        for node in graph.node:
            scopes = [one.value for one in node.metadata_props if one.key == "pkg.torch.onnx.name_scopes"]
            del node.metadata_props[:]
            node.doc_string = FRONT if scopes and "'front'" in scopes[0] else ""
        del graph.value_info[:]  # shapes in between: whoever asks for them infers them, and finds some of these wrong
        for value in (*graph.input, *graph.output):
            del value.metadata_props[:]


def _graphs(graph: Any) -> Iterator[Any]:
    """A graph, and those of its loops."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _graphs(attribute.g)


@contextmanager
def _quietly() -> Iterator[None]:
    """Without what the exporter says of its own future and of packages that are not needed."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)  # what goes wrong is raised as well
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
