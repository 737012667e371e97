"""The real static tier, loaded once."""

from __future__ import annotations

import pytest

from customerai_static import StaticSentiment


@pytest.fixture(scope="session")
def static() -> StaticSentiment:
    return StaticSentiment.load()
