"""Sentence embeddings: what topics, intents and urgency are read from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.artifacts import TOKENIZER_FILE
from models.embeddings.lock import read_lock
from models.embeddings.predictor import ARTIFACT, DIMENSIONS, OUTPUT, pool
from models.encoder.sessions import EncoderSession, LoneSession, graph_in
from models.encoder.tokens import WindowTokenizer
from models.serving.adapters.encoder_lanes import EncoderLanes
from models.serving.model import Lane


class Embeddings:
    """The embedding model behind the server's workers."""

    field = "embeddings"

    def __init__(self, name: str, folder: Path) -> None:
        """Load and verify the artefact in `folder`.

        Raises:
            ArtifactError: it is incomplete or altered.
        """
        lock = read_lock(folder)
        self.name = name
        self.version = lock.version
        self._tokenizer = WindowTokenizer(folder / TOKENIZER_FILE, lock.window_tokens)
        encoder = EncoderLanes(graph_in(folder), (OUTPUT,))
        self.lanes: Mapping[str, Lane] = {name: encoder.lane(_vectors)}
        self.later_bytes = encoder.later_bytes

    def units(self, texts: Sequence[str]) -> list[list[Sequence[int]]]:
        """Return each text's windows; a text without a token has none."""
        return [list(windows) for windows in self._tokenizer.encode(texts)]

    def vector(
        self, units: Sequence[Sequence[int]], answers: Sequence[Any]
    ) -> npt.NDArray[np.float32]:
        """Return a text's embedding, float32 (384,), from those of its windows."""
        vectors = np.stack(answers) if answers else np.zeros((0, DIMENSIONS), dtype=np.float32)
        return pool(vectors, [len(unit) - 2 for unit in units])

    def join(self, units: Sequence[Sequence[int]], answers: Sequence[Any]) -> list[float]:
        """Return a text's embedding as responses have it."""
        vector: list[float] = self.vector(units, answers).tolist()
        return vector


def _vectors(session: EncoderSession | LoneSession, windows: Sequence[Sequence[int]]) -> list[Any]:
    (vectors,) = session.run(windows)
    return list(vectors)


def load(name: str, folder: Path | None = None) -> Embeddings:
    return Embeddings(name, folder or ARTIFACT)
