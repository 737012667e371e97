"""The embedding network as an ONNX graph; needs the dependency group "train"."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from models.embeddings.predictor import DIMENSIONS, OUTPUT
from models.encoder import graph as encoder_graph
from models.encoder.network import Encoder

_SHORTEST = 1e-12
"""What a vector's length is at least taken for, as in torch.nn.functional.normalize."""


def write_fp32(encoder: Encoder, window_tokens: int, path: Path) -> None:
    """Write the graph: inputs ids and mask, int32 (batch, tokens), with at most `window_tokens`
    tokens; output embedding, float32 (batch, DIMENSIONS): the mean over tokens, of length 1."""
    graph, _, hidden = encoder_graph.encode(encoder, window_tokens)
    pooled = encoder_graph.mean_over_tokens(graph, hidden)
    shortest = graph.constant("shortest", np.array(_SHORTEST, np.float32))
    length = graph.standard("ReduceL2", [pooled], "length", axes=[1], keepdims=1)
    divisor = graph.standard("Max", [length, shortest], "divisor")
    graph.standard("Div", [pooled, divisor], OUTPUT)
    encoder_graph.save(graph, {OUTPUT: ["batch", DIMENSIONS]}, "embeddings", path)
