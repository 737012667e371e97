"""From an FP32 graph to the INT8 graph that is served."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from models.encoder.graph import FUSED
from models.encoder.network import Encoder
from models.encoder.rounding import projections

_QUANTISED = ["MatMul", "Attention", "EmbedLayerNormalization"]
_SCALE, _ZERO = "_scale", "_zero_point"

Ranges = Mapping[str, tuple[float, int]]
"""By the name of a tensor in the graph: what a step between levels is worth, the level of zero."""


def input_ranges(encoder: Encoder) -> dict[str, tuple[float, int]]:
    """Return the ranges of a calibrated encoder's projections, by their inputs' names."""
    found = {}
    for name, projection in projections(encoder):
        scale, zero = projection.input_scale()
        found[input_name(name)] = (float(scale), int(zero))
    return found


def input_name(projection: str) -> str:
    """Return what the graph calls the input of `layers.{index}.{part}`."""
    layer, _, part = projection.rpartition(".")
    index = int(layer.rpartition(".")[2])
    before = f"layers.{index - 1}.outer.normed" if index else "embedded"
    return {
        "qkv": before,
        "attended": f"{layer}.attention",
        "inner": f"{layer}.attended.normed",
        "outer": f"{layer}.gelu",
    }[part]


def read_ranges(constants: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, tuple[float, int]]:
    """Return the ranges that an INT8 graph has among its constants; none where it takes them from
    each batch."""
    return {
        name.removesuffix(_ZERO): (float(constants[name.removesuffix(_ZERO) + _SCALE]), int(zero))
        for name, zero in constants.items()
        if name.endswith(_ZERO) and zero.dtype == np.uint8
    }


def write_int8(
    fp32: Path, path: Path, *, reduce_range: bool = False, ranges: Ranges | None = None
) -> None:
    """Quantise weights to INT8, per output channel.

    Args:
        fp32: the graph to quantise.
        path: the file to write.
        reduce_range: keep matrices within 7 bits, so that no CPU can saturate: without VNNI, x86
            adds two products of an unsigned and a signed byte in 16 bits. Embeddings are looked up,
            never multiplied, and keep their 8 bits. See
            https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html
        ranges: what activations are quantised by; matrices whose input has none stay FP32. Without
            any, every run quantises by the range of its own batch.
    """
    skipped = []
    if ranges is not None:
        nodes = onnx.load(fp32).graph.node
        matrices = (node for node in nodes if node.op_type in ("MatMul", "Attention"))
        skipped = [node.name for node in matrices if node.input[0] not in ranges]
    quantize_dynamic(
        fp32,
        path,
        op_types_to_quantize=_QUANTISED,
        per_channel=True,
        reduce_range=reduce_range,
        weight_type=QuantType.QInt8,
        nodes_to_exclude=skipped,
        extra_options={"MatMulConstBOnly": True, "DefaultTensorType": TensorProto.FLOAT},
    )
    if ranges is not None:
        model = onnx.load(path)
        _fix_ranges(model.graph, ranges)
        onnx.save(model, path)


def _fix_ranges(graph: onnx.GraphProto, ranges: Ranges) -> None:
    """Quantise by constants what was quantised by each batch's own range.

    An integer product and its scaling become the one operator that ONNX Runtime has for both
    (MatMulIntegerToFloat), as its own fusion would if the scales were not constant.
    """
    products: dict[str, onnx.NodeProto] = {}
    scales: dict[str, list[str]] = {}
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        if node.op_type == "DynamicQuantizeLinear":
            source, (quantised, *names) = node.input[0], node.output
            constants = np.float32(ranges[source][0]), np.uint8(ranges[source][1])
            graph.initializer.extend(map(numpy_helper.from_array, constants, names))
            inputs = [source, *names]
            nodes.append(helper.make_node("QuantizeLinear", inputs, [quantised], node.name))
        elif node.op_type == "MatMulInteger":
            products[node.output[0]] = node
        elif node.op_type == "Cast" and node.input[0] in products:
            products[node.output[0]] = products[node.input[0]]
        elif node.op_type == "Mul" and node.input[0].removesuffix(_SCALE) in ranges:
            scales[node.output[0]] = list(node.input)
        elif node.op_type == "Mul" and node.input[0] in products:
            left, right, *zeros = products[node.input[0]].input
            nodes.append(
                helper.make_node(
                    "MatMulIntegerToFloat",
                    [left, right, *scales[node.input[1]], *zeros],
                    node.output,
                    node.name,
                    domain=FUSED,
                )
            )
        else:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
