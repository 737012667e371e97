"""How near one set of embeddings is to another."""

from __future__ import annotations

import numpy as np

from models.embeddings.predictor import Vectors


def fidelity(reference: Vectors, measured: Vectors) -> dict[str, float]:
    """Compare two sets of unit vectors (n, d) of the same n > 1 texts.

    Returns:
        `least_cosine` and `mean_cosine` between the two vectors of a text, and `mean_pair_error`
        and `most_pair_error`: how far the cosine of two different texts moves.
    """
    cosine = np.einsum("nd,nd->n", reference, measured)
    moved = np.abs(reference @ reference.T - measured @ measured.T)
    pairs = moved[np.triu_indices(len(reference), k=1)]
    return {
        "least_cosine": round(float(cosine.min()), 4),
        "mean_cosine": round(float(cosine.mean()), 4),
        "mean_pair_error": round(float(pairs.mean()), 4),
        "most_pair_error": round(float(pairs.max()), 4),
    }
