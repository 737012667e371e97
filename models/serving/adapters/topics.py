"""Topics: how near a text's embedding is to those of the tenant's own labels and examples."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from models.topics.matcher import TopicMatcher

MatcherOf = Callable[..., TopicMatcher]


def load(name: str, folder: Path | None = None) -> MatcherOf:  # noqa: ARG001
    """Return what makes a matcher once the server can embed topics' labels and examples."""
    return TopicMatcher
