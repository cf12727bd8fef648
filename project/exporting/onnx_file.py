"""A recognizer as an ONNX file: preprocessing and network in one graph of any length and batch, and its metadata.

It does not check what the graph says: `check` does.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from project import atomic
from project.contract import InputError
from project.exporting.onnx_lstm import with_nodes
from project.exporting.whole import Whole

OPSET = 18  # every runtime of the last years knows it, browsers' included
KEY = "scansion"  # of metadata_props, under which all that is known of the model stands as JSON
_ANY = torch.export.Dim.DYNAMIC


def write_onnx(whole: Whole, inputs: Mapping[str, Tensor], names: list[str], file: Path) -> Any:
    """The file of a recognizer, made along some example inputs; the graph as `onnx` holds it."""
    shapes = tuple({0: _ANY, 1: _ANY} if one.ndim > 1 else {0: _ANY} for one in inputs.values())
    with torch.no_grad(), _quietly():
        program = torch.onnx.export(
            with_nodes(whole.float().eval()),
            tuple(inputs.values()),
            dynamo=True,
            dynamic_shapes=(shapes,),
            input_names=list(inputs),
            output_names=names,
            opset_version=OPSET,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    forget_origin(model)
    save(model, file)
    return model


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
        found = json.loads(properties[KEY])
    except (KeyError, ValueError):
        raise InputError(f"{file}: an ONNX file of somebody else: name one that scansion export wrote") from None
    if found.get("format") != FORMAT:
        raise InputError(f"{file}: of a format that this version does not read: export the run again")
    return dict(found)


FORMAT = 1


def forget_origin(model: Any) -> None:
    """Leave out where in whose source each node comes from: it is of no use elsewhere, and half of a small file."""
    for graph in _graphs(model.graph):
        for node in graph.node:
            scopes = [one.value for one in node.metadata_props if one.key == "pkg.torch.onnx.name_scopes"]
            del node.metadata_props[:]
            node.doc_string = FRONT if scopes and "'front'" in scopes[0] else ""
        for value in (*graph.value_info, *graph.input, *graph.output):
            del value.metadata_props[:]


FRONT = "preprocessing"  # what nodes say that come before the network


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
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
