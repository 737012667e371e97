"""The weights that a run begins with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from models.artifacts import MODEL_FILE
from models.sentiment.lock import read_lock
from models.sentiment.training import checkpoint
from models.sentiment.training.artifact_weights import read_artifact_weights
from models.sentiment.training.classifier import SentimentClassifier


def continue_from(start: Path, model: SentimentClassifier) -> list[dict[str, Any]]:
    """Load the weights of a checkpoint or of an artefact folder; return the runs behind them.

    What they lack (an artefact of before the token head, say) stays as it is in `model`.

    Raises:
        ArtifactError: the artefact is unfit.
    """
    if start.is_dir():
        lock = read_lock(start)
        state = read_artifact_weights(start / MODEL_FILE)
        position = torch.zeros_like(model.position.weight)
        position[: lock.window_tokens] = state["position.weight"]
        zero = torch.zeros_like(model.segment)
        model.load_state_dict(
            model.state_dict() | state | {"position.weight": position, "segment": zero}
        )
        earlier = dict(lock.training)
        return [*earlier.pop("continues", []), earlier]
    saved = checkpoint.read(start)
    model.load_state_dict(model.state_dict() | saved["model"])
    return [*saved["history"], saved["settings"] | {"steps_done": saved["step"]}]
