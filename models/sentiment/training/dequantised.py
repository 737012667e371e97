"""An artefact as a network again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from models.artifacts import MODEL_FILE
from models.sentiment.training.artifact_weights import read_artifact_weights
from models.sentiment.training.classifier import SentimentClassifier
from models.sentiment.training.start import continue_from


def dequantised(artifact: Path) -> SentimentClassifier:
    """Return the network of an artefact, its weights the INT8 ones times their scales.

    Position embeddings beyond the artefact's window are zero. An artefact without a token head
    gets a random one.

    Raises:
        ArtifactError: the artefact is unfit.
    """
    layers = count_layers(read_artifact_weights(artifact / MODEL_FILE))
    model = SentimentClassifier(layers=layers, dropout=0.0)
    continue_from(artifact, model)
    model.eval()
    return model


def has_token_head(artifact: Path) -> bool:
    """Whether an artefact's graph says anything of single tokens."""
    return "tokens.weight" in read_artifact_weights(artifact / MODEL_FILE)


def count_layers(state: Mapping[str, torch.Tensor]) -> int:
    """Return how many layers the network has whose weights these are."""
    return sum(name.endswith(".qkv.weight") for name in state)


def student_of(
    teacher: SentimentClassifier, layers: tuple[int, ...], dropout: float
) -> SentimentClassifier:
    """Return a network of the teacher's embeddings, heads, and those of its layers that `layers`
    names.

    Raises:
        ValueError: the teacher has no such layer.
    """
    if not layers or not all(0 <= layer < len(teacher.layers) for layer in layers):
        raise ValueError(f"layers {layers}: the teacher has layers 0 to {len(teacher.layers) - 1}")
    theirs = teacher.state_dict()
    state = {name: value for name, value in theirs.items() if not name.startswith("layers.")}
    for ours, layer in enumerate(layers):
        prefix = f"layers.{layer}."
        state |= {
            f"layers.{ours}.{name.removeprefix(prefix)}": value
            for name, value in theirs.items()
            if name.startswith(prefix)
        }
    student = SentimentClassifier(layers=len(layers), dropout=dropout)
    student.load_state_dict(state)
    return student
