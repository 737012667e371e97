"""The encoder as an ONNX graph of ONNX Runtime's fused operators, in FP32 and FP16.

Writing the graph by hand rather than tracing it gives the fused operators (domain com.microsoft:
EmbedLayerNormalization, Attention, SkipLayerNormalization, BiasGelu) directly; their definitions
are in https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.transformers.float16 import convert_float_to_float16

from models.encoder.network import EPSILON, HEADS, Encoder

FUSED = "com.microsoft"
_OPSET = 17
_IR_VERSION = 9

Weights = dict[str, npt.NDArray[np.float32]]


class Graph:
    """Nodes and initialisers under construction; every method returns the name of its result."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initialisers: list[onnx.TensorProto] = []

    def constant(self, name: str, value: npt.NDArray[np.generic]) -> str:
        self.initialisers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def standard(self, op: str, inputs: list[str], output: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(op, inputs, [output], output, **attributes))
        return output

    def fused(self, op: str, inputs: list[str], output: str, **attributes: object) -> str:
        self.nodes.append(
            helper.make_node(op, inputs, [output], output, domain=FUSED, **attributes)
        )
        return output

    def project(self, hidden: str, name: str, weights: Weights) -> str:
        """hidden @ weight.T, the bias left to the next operator."""
        matrix = self.constant(f"{name}.matrix", weights[f"{name}.weight"].T)
        return self.standard("MatMul", [hidden, matrix], f"{name}.product")

    def linear(self, hidden: str, name: str, weights: Weights, output: str) -> str:
        """hidden @ weight.T + bias."""
        product = self.project(hidden, name, weights)
        return self.standard("Add", [product, *self.constants(name, weights, "bias")], output)

    def constants(self, name: str, weights: Weights, *kinds: str) -> list[str]:
        return [self.constant(f"{name}.{kind}", weights[f"{name}.{kind}"]) for kind in kinds]


def encode(encoder: Encoder, window_tokens: int) -> tuple[Graph, Weights, str]:
    """Begin a graph with inputs ids and mask, int32 (batch, tokens), of at most `window_tokens`.

    Returns:
        The graph, every weight of `encoder` by name, and the name of the last layer's states,
        float32 (batch, tokens, width).
    """
    weights: Weights = {
        name: value.detach().float().numpy() for name, value in encoder.state_dict().items()
    }
    graph = Graph()
    hidden = _embed(graph, weights, window_tokens)
    for index in range(len(encoder.layers)):
        hidden = _layer(graph, weights, f"layers.{index}", hidden)
    return graph, weights, hidden


def save(graph: Graph, outputs: dict[str, list[str | int]], name: str, path: Path) -> None:
    """Write the graph; `outputs` gives the shape of each float32 output by name."""
    shape = ["batch", "tokens"]
    proto = helper.make_graph(
        graph.nodes,
        name,
        [helper.make_tensor_value_info(put, TensorProto.INT32, shape) for put in ("ids", "mask")],
        [
            helper.make_tensor_value_info(output, TensorProto.FLOAT, dimensions)
            for output, dimensions in outputs.items()
        ],
        graph.initialisers,
    )
    opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(FUSED, 1)]
    onnx.save(helper.make_model(proto, opset_imports=opsets, ir_version=_IR_VERSION), path)


def write_fp16(fp32: Path, path: Path) -> None:
    """Write the graph in FP16, for a GPU; inputs and outputs keep their types.

    On a CPU, ONNX Runtime computes most of it in FP32 between casts: smaller, but no faster.
    """
    half = convert_float_to_float16(onnx.load(fp32), keep_io_types=True)
    onnx.save(half, path)


def _embed(graph: Graph, weights: Weights, window_tokens: int) -> str:
    position = weights["position.weight"][:window_tokens] + weights["segment"]
    graph.nodes.append(
        helper.make_node(
            "EmbedLayerNormalization",
            [
                "ids",
                "",
                graph.constant("word", weights["word.weight"]),
                graph.constant("position", position),
                "",
                *graph.constants("embedded_norm", weights, "weight", "bias"),
                "mask",
            ],
            ["embedded", "lengths"],
            "embed",
            domain=FUSED,
            epsilon=EPSILON,
        )
    )
    return "embedded"


def _layer(graph: Graph, weights: Weights, name: str, hidden: str) -> str:
    matrix = graph.constant(f"{name}.qkv.matrix", weights[f"{name}.qkv.weight"].T)
    bias = graph.constants(f"{name}.qkv", weights, "bias")
    attention = graph.fused(
        "Attention", [hidden, matrix, *bias, "mask"], f"{name}.attention", num_heads=HEADS
    )
    attended = graph.project(attention, f"{name}.attended", weights)
    hidden = _skip_norm(graph, weights, name, "attended", attended, hidden)
    inner = graph.project(hidden, f"{name}.inner", weights)
    activated = graph.fused(
        "BiasGelu", [inner, *graph.constants(f"{name}.inner", weights, "bias")], f"{name}.gelu"
    )
    outer = graph.project(activated, f"{name}.outer", weights)
    return _skip_norm(graph, weights, name, "outer", outer, hidden)


def _skip_norm(
    graph: Graph, weights: Weights, layer: str, part: str, product: str, skipped: str
) -> str:
    """LayerNorm(product + bias + skipped)."""
    norm = graph.constants(f"{layer}.{part}_norm", weights, "weight", "bias")
    bias = graph.constants(f"{layer}.{part}", weights, "bias")
    return graph.fused(
        "SkipLayerNormalization",
        [product, skipped, *norm, *bias],
        f"{layer}.{part}.normed",
        epsilon=EPSILON,
    )


def mean_over_tokens(graph: Graph, hidden: str) -> str:
    """The mean of the states that the mask keeps, (batch, width)."""
    token_axis = graph.constant("token_axis", np.array([1], np.int64))
    last_axis = graph.constant("last_axis", np.array([2], np.int64))
    weight = graph.standard("Cast", ["mask"], "weight", to=TensorProto.FLOAT)
    column = graph.standard("Unsqueeze", [weight, last_axis], "weight_column")
    kept = graph.standard("Mul", [hidden, column], "kept")
    total = graph.standard("ReduceSum", [kept, token_axis], "total", keepdims=0)
    count = graph.standard("ReduceSum", [weight, token_axis], "count", keepdims=1)
    return graph.standard("Div", [total, count], "pooled")
