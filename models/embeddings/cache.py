"""Embeddings kept on disk, so that what is trained on them need not wait for them twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from models.embeddings.predictor import DIMENSIONS, EmbeddingPredictor, Vectors

_CHUNK = 512


def cached(
    texts: Sequence[str],
    predictor: EmbeddingPredictor,
    work: Path,
    log: Callable[[str], None] = lambda _: None,
) -> Vectors:
    """Return the embeddings of n texts, float32 (n, DIMENSIONS), memory-mapped from `work`.

    They are made once for the same texts, order and model version.
    """
    content = json.dumps([predictor.version, *texts]).encode()
    path = work / f"{hashlib.sha256(content).hexdigest()[:16]}.npy"
    if not path.exists():
        work.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        shape = (len(texts), DIMENSIONS)
        vectors = np.lib.format.open_memmap(unfinished, "w+", np.float32, shape)
        for start in range(0, len(texts), _CHUNK):
            vectors[start : start + _CHUNK] = predictor.embed(texts[start : start + _CHUNK])
            log(f"embedded {min(start + _CHUNK, len(texts))} of {len(texts)} texts")
        vectors.flush()
        unfinished.rename(path)
    stored: Vectors = np.load(path, mmap_mode="r")
    return stored
