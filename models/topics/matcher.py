"""From embeddings and a taxonomy to the topics of each text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from customerai.domain.analysis import TopicMatch
from customerai.domain.taxonomy import Topic
from models.topics.calibration import Calibration, load
from models.topics.prototypes import Embed, PrototypeCache, Vectors

MOST_KEPT_TOPICS = 4096
"""Prototypes that stay in memory: some 8 MB."""


class TopicMatcher:
    """`prototypes` belongs to one event loop; `match` may be called on any thread."""

    def __init__(
        self,
        *,
        calibration: Calibration | None = None,
        most_kept_topics: int = MOST_KEPT_TOPICS,
    ) -> None:
        """Match by a calibration.

        Args:
            calibration: from cosines to confidences; that of this repository by default.
            most_kept_topics: bound on the prototypes kept.

        Raises:
            ArtifactError: the repository's calibration is not readable.
        """
        self._cache = PrototypeCache(most_kept_topics)
        self._calibration = calibration or load()

    async def prototypes(self, topics: Sequence[Topic], embed: Embed) -> Vectors:
        """Return a point (t, d) for each of t > 0 topics, kept or made of its label and examples.

        Args:
            topics: the taxonomy.
            embed: from texts to unit vectors; the zero vector for a text without a token.
        """
        return await self._cache.prototypes(topics, embed)

    def match(
        self, embeddings: Vectors, topics: Sequence[Topic], prototypes: Vectors
    ) -> list[list[TopicMatch]]:
        """Return the topics of each of n texts, from their embeddings (n, d), surest first.

        A text may be about several topics or none. One whose embedding is zero is about none.
        """
        if not topics or not len(embeddings):
            return [[] for _ in range(len(embeddings))]
        cosines = (embeddings @ prototypes.T).astype(np.float64)
        examples = np.asarray([len(topic.examples) for topic in topics], dtype=np.float64)
        confidence = self._calibration.confidence(cosines, examples)
        matched = confidence >= self._calibration.threshold
        matched[~embeddings.any(axis=1)] = False
        return [
            sorted(
                (
                    TopicMatch(topics[index].id, float(confidence[row, index]))
                    for index in np.flatnonzero(matched[row]).tolist()
                ),
                key=lambda match: -match.confidence,
            )
            for row in range(len(embeddings))
        ]
