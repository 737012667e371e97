"""The real predictor, loaded once for all tests of the models."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from models.sentiment.predictor import SentimentPredictor


@pytest.fixture(scope="session")
def predictor() -> Iterator[SentimentPredictor]:
    loaded = SentimentPredictor.load(workers=2)
    yield loaded
    loaded.close()
