"""From embeddings to intent and urgency."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from customerai.domain.analysis import Intent, IntentMatch, Urgency, UrgencyMatch
from models.artifacts import ArtifactError
from models.intents.heads import Head, Matrix
from models.intents.lock import HEADS_FILE, read_lock

ARTIFACT = Path(__file__).parent / "artifact"
"""The artefact that comes with this repository."""

HEADS = {"intent": tuple(Intent), "urgency": tuple(Urgency)}
"""Each head's classes, in the order of its outputs."""

Answer = tuple[IntentMatch | None, UrgencyMatch | None]
"""None: the head is not sure enough to say."""


class IntentPredictor:
    """Two linear heads over frozen embeddings; safe to call from several threads at once."""

    def __init__(self, version: str, embeddings: str, intent: Head, urgency: Head) -> None:
        """Join two heads that read embeddings of the version named `embeddings`."""
        self.version = version
        self.embeddings = embeddings
        self._intent = intent
        self._urgency = urgency

    @classmethod
    def load(cls, folder: Path = ARTIFACT) -> IntentPredictor:
        """Load an artefact after verifying its files against its lock.

        Raises:
            ArtifactError: the artefact is incomplete, altered, or of other classes.
        """
        lock = read_lock(folder)
        heads: dict[str, Head] = {}
        with np.load(folder / HEADS_FILE) as arrays:
            for name, classes in HEADS.items():
                locked = lock.heads.get(name)
                if locked is None or locked.classes != classes:
                    raise ArtifactError(f"{folder}: has no {name} head of {', '.join(classes)}")
                heads[name] = Head(
                    locked.classes,
                    arrays[f"{name}.weights"],
                    arrays[f"{name}.bias"],
                    locked.temperature,
                    locked.threshold,
                )
        return cls(lock.version, lock.embeddings, heads["intent"], heads["urgency"])

    def classify(self, embeddings: Matrix) -> list[Answer]:
        """Return intent and urgency of each of n texts, from their embeddings (n, 384)."""
        return [
            (
                IntentMatch(Intent(intent[0]), intent[1]) if intent else None,
                UrgencyMatch(Urgency(urgency[0]), urgency[1]) if urgency else None,
            )
            for intent, urgency in zip(
                self._intent.answers(embeddings), self._urgency.answers(embeddings), strict=True
            )
        ]
