"""Intent and urgency: linear heads on the embeddings, too cheap for a queue."""

from __future__ import annotations

from pathlib import Path

from models.intents.predictor import IntentPredictor


def load(name: str, folder: Path | None = None) -> IntentPredictor:  # noqa: ARG001
    return IntentPredictor.load(folder) if folder else IntentPredictor.load()
