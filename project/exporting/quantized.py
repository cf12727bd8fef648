"""An ONNX graph with its network's weights in 8 bits; its preprocessing stays as it is."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from project.exporting.onnx_file import FRONT

KINDS = ("MatMul", "Gemm", "LSTM", "Conv")
_EXACT = ("Conv",)  # not worth it: runtimes have slow kernels for them, or none


def quantize(file: Path, model: Any, out: Path) -> None:
    """Write the graph with weights of matrix products and LSTMs in 8 bits, one scale for each column."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    exact = [node.name for node in model.graph.node if node.doc_string == FRONT]
    log = logging.getLogger()
    level = log.level
    log.setLevel(logging.ERROR)  # it advises to preprocess, which the exporter did
    try:
        quantize_dynamic(
            file,
            out,
            op_types_to_quantize=[kind for kind in KINDS if kind not in _EXACT],
            per_channel=True,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=exact,
        )
    finally:
        log.setLevel(level)
