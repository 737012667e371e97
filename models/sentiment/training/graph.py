"""The sentiment network as an ONNX graph."""

from __future__ import annotations

from pathlib import Path

from models.encoder import graph as encoder_graph
from models.sentiment.labels import LABELS
from models.sentiment.tags import TAGS
from models.sentiment.training.classifier import SentimentClassifier


def write_fp32(
    model: SentimentClassifier, window_tokens: int, path: Path, *, token_head: bool = True
) -> None:
    """Write the graph: inputs ids and mask, int32 (batch, tokens), with at most `window_tokens`
    tokens; outputs logits, float32 (batch, 3), and, unless `token_head` is false, token_logits,
    float32 (batch, tokens, 6)."""
    graph, weights, hidden = encoder_graph.encode(model, window_tokens)
    pooled = encoder_graph.mean_over_tokens(graph, hidden)
    biased = graph.linear(pooled, "head", weights, "head.biased")
    head = graph.standard("Tanh", [biased], "head.tanh")
    graph.linear(head, "classes", weights, "logits")
    outputs: dict[str, list[str | int]] = {"logits": ["batch", len(LABELS)]}
    if token_head:
        graph.linear(hidden, "tokens", weights, "token_logits")
        outputs["token_logits"] = ["batch", "tokens", len(TAGS) + len(LABELS)]
    encoder_graph.save(graph, outputs, "sentiment", path)
