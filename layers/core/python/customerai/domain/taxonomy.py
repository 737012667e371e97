"""What a tenant wants its customers' texts to be sorted by.

Nothing but the standard library: the model server, which has no pydantic, imports it too. What a
client sends is checked in ``customerai.domain.new_taxonomy``.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

MAX_TOPICS = 100
MAX_EXAMPLES = 20
MAX_EXAMPLE = 500
MAX_LABEL = 100
MAX_TOPIC_ID = 64
MAX_CHARACTERS = 90_000
"""In all labels and examples together: in any script it fits into one stored item (400 KB)."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A subject, told to the model by its label and by sentences that are about it."""

    id: str
    label: str
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """All topics of a tenant, and the version that this very content has."""

    version: str
    topics: tuple[Topic, ...]

    @classmethod
    def of(cls, topics: Iterable[Topic]) -> "Taxonomy":
        """The taxonomy of these topics. The same content has the same version, wherever made."""
        topics = tuple(topics)
        content = json.dumps([asdict(topic) for topic in topics], sort_keys=True).encode()
        return cls(hashlib.sha256(content).hexdigest()[:16], topics)
