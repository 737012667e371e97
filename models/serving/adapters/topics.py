"""Topics: how near a text's embedding is to those of the tenant's own labels and examples."""

from __future__ import annotations

from pathlib import Path

from models.artifacts import lock_file
from models.topics.calibration import ARTIFACT
from models.topics.matcher import TopicMatcher


class Topics(TopicMatcher):
    """The matcher, whose version is that of its calibration: the rest of it learns nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.version = f"topics-{lock_file(ARTIFACT).sha256[:8]}"


def load(name: str, folder: Path | None = None) -> Topics:  # noqa: ARG001
    return Topics()
