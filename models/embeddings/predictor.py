"""From texts to unit vectors, with the quantised encoder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.artifacts import MODEL_FILE, TOKENIZER_FILE
from models.embeddings.lock import read_lock
from models.encoder.sessions import SessionPool
from models.encoder.tokens import WindowTokenizer

ARTIFACT = Path(__file__).parent / "artifact"
"""The artefact that comes with this repository."""

DIMENSIONS = 384
OUTPUT = "embedding"
"""The graph's output, float32 (batch, DIMENSIONS), each row of length 1."""

Vectors = npt.NDArray[np.float32]


def pool(window_vectors: Vectors, lengths: Sequence[int] | npt.NDArray[np.int64]) -> Vectors:
    """Join a text's windows, unit vectors (w, DIMENSIONS), into its vector (DIMENSIONS,).

    That is their mean weighted by `lengths` (tokens, specials not counted), scaled to length 1. A
    text of one window keeps that window's vector; one without a window has the zero vector, whose
    cosine with everything is 0.
    """
    if len(window_vectors) == 1:
        alone: Vectors = window_vectors[0]
        return alone
    mean: Vectors = np.asarray(lengths, dtype=np.float32) @ window_vectors
    norm = float(np.linalg.norm(mean))
    unit: Vectors = mean / norm if norm else np.zeros(DIMENSIONS, dtype=np.float32)
    return unit


class EmbeddingPredictor:
    """The quantised encoder behind a pool of threads, each with a single-threaded session.

    Safe to call from several threads at once. Because activations are quantised per micro-batch, a
    text's vector differs slightly with the texts beside it: the model card says by how much.
    """

    output = OUTPUT
    pool = staticmethod(pool)

    def __init__(
        self,
        model: Path,
        tokenizer: Path,
        *,
        version: str,
        window_tokens: int,
        workers: int | None = None,
    ) -> None:
        """Load a graph and a tokenizer.

        Args:
            model: ONNX graph with inputs ids and mask, int32 (batch, tokens), and output
                embedding, float32 (batch, DIMENSIONS).
            tokenizer: `tokenizer.json`.
            version: what the model is called.
            window_tokens: the longest sequence that the graph takes.
            workers: threads and sessions; one for each CPU by default.
        """
        self.version = version
        self.graph = model
        self.tokenizer = WindowTokenizer(tokenizer, window_tokens)
        self._sessions = SessionPool(model, workers or os.cpu_count() or 1, "embeddings", [OUTPUT])

    @classmethod
    def load(cls, folder: Path = ARTIFACT, *, workers: int | None = None) -> EmbeddingPredictor:
        """Load an artefact after verifying its files against its lock.

        Raises:
            ArtifactError: the artefact is incomplete or altered.
        """
        lock = read_lock(folder)
        return cls(
            folder / MODEL_FILE,
            folder / TOKENIZER_FILE,
            version=lock.version,
            window_tokens=lock.window_tokens,
            workers=workers,
        )

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return a unit vector for each of n texts, float32 (n, DIMENSIONS), in their order.

        A text of any length is embedded whole, in overlapping windows that `pool` joins. One
        without a single token has the zero vector.
        """
        windows = self.tokenizer.encode(texts)
        sequences = [sequence for cuts in windows for sequence in cuts]
        of_window = np.zeros((len(sequences), DIMENSIONS), dtype=np.float32)
        for rows, (answer,) in self._sessions.run(sequences):
            of_window[rows] = answer
        vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        first = 0
        for row, cuts in enumerate(windows):
            after = first + len(cuts)
            vectors[row] = pool(of_window[first:after], [len(cut) - 2 for cut in cuts])
            first = after
        return vectors

    def close(self) -> None:
        """Finish what is running and stop the threads."""
        self._sessions.close()
