"""Topics: how near a text's embedding is to those of the tenant's own labels and examples."""

from __future__ import annotations

from pathlib import Path

from models.topics.matcher import TopicMatcher


def load(name: str, folder: Path | None = None) -> TopicMatcher:  # noqa: ARG001
    return TopicMatcher()
