"""The real embeddings, loaded once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from models.embeddings.predictor import EmbeddingPredictor


@pytest.fixture(scope="session")
def embeddings() -> Iterator[EmbeddingPredictor]:
    loaded = EmbeddingPredictor.load(workers=2)
    yield loaded
    loaded.close()
