"""An artefact as a network again."""

from __future__ import annotations

from pathlib import Path

from models.artifacts import MODEL_FILE
from models.sentiment.training.artifact_weights import read_artifact_weights
from models.sentiment.training.classifier import SentimentClassifier, classifier_of
from models.sentiment.training.start import continue_from


def dequantised(artifact: Path) -> SentimentClassifier:
    """Return the network of an artefact, its weights the INT8 ones times their scales.

    Position embeddings beyond the artefact's window are zero. An artefact without a token head
    gets a random one.

    Raises:
        ArtifactError: the artefact is unfit.
    """
    model = classifier_of(read_artifact_weights(artifact / MODEL_FILE))
    continue_from(artifact, model)
    model.eval()
    return model


def has_token_head(artifact: Path) -> bool:
    """Whether an artefact's graph says anything of single tokens."""
    return "tokens.weight" in read_artifact_weights(artifact / MODEL_FILE)


def student_of(
    teacher: SentimentClassifier, layers: tuple[int, ...], inner: int, dropout: float
) -> SentimentClassifier:
    """Return a network of the teacher's embeddings, heads, and those of its layers that `layers`
    names, each with the `inner` units of its feed-forward part that weigh most.

    Raises:
        ValueError: the teacher has no such layer, or fewer units.
    """
    if not layers or not all(0 <= layer < len(teacher.layers) for layer in layers):
        raise ValueError(f"layers {layers}: the teacher has layers 0 to {len(teacher.layers) - 1}")
    theirs = teacher.state_dict()
    if not 0 < inner <= len(theirs["layers.0.inner.weight"]):
        raise ValueError(f"inner {inner}: the teacher has {len(theirs['layers.0.inner.weight'])}")
    state = {name: value for name, value in theirs.items() if not name.startswith("layers.")}
    for ours, layer in enumerate(layers):
        prefix = f"layers.{layer}."
        part = {
            name.removeprefix(prefix): value
            for name, value in theirs.items()
            if name.startswith(prefix)
        }
        weights = part["inner.weight"].norm(dim=1) * part["outer.weight"].norm(dim=0)
        kept = weights.topk(inner).indices.sort().values
        for name in ("inner.weight", "inner.bias"):
            part[name] = part[name][kept]
        part["outer.weight"] = part["outer.weight"][:, kept]
        state |= {f"layers.{ours}.{name}": value for name, value in part.items()}
    student = classifier_of(state, dropout)
    student.load_state_dict(state)
    return student
