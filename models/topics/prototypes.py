"""A point for each topic, made of its label and its examples; kept, because taxonomies change
seldom and texts come all the time."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence

import numpy as np
import numpy.typing as npt

from customerai.domain.taxonomy import Topic

Vectors = npt.NDArray[np.float32]
Embed = Callable[[Sequence[str]], Awaitable[Vectors]]
"""From n texts to unit vectors (n, d)."""

LABEL_WEIGHT = 2.0
"""How many examples the label counts for."""


def prototype(label: Vectors, examples: Vectors) -> Vectors:
    """Return the unit vector of a topic from its label's (d,) and its k examples' (k, d).

    The label counts for LABEL_WEIGHT examples. Alone it gives the direction; three or five
    examples already outweigh it, but a single odd one does not.
    """
    total = LABEL_WEIGHT * label + examples.sum(axis=0)
    norm = float(np.linalg.norm(total))
    unit: Vectors = total / norm if norm else np.zeros_like(label)
    return unit


class PrototypeCache:
    """Prototypes of the topics used last, by their content. To be used from one event loop."""

    def __init__(self, most_topics: int) -> None:
        """Keep at most `most_topics` (about 2 KB each)."""
        self._most = most_topics
        self._kept: OrderedDict[bytes, Vectors] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    async def prototypes(self, topics: Sequence[Topic], embed: Embed) -> Vectors:
        """Return the prototypes (t, d) of t > 0 topics; `embed` is awaited once for all new ones.

        Two requests with the same new topics at once both embed them: each within its own
        deadline, and neither waits for one that is given up.
        """
        keys = [_key(topic) for topic in topics]
        found: dict[bytes, Vectors] = {}
        for key in keys:
            if key in self._kept:
                self._kept.move_to_end(key)
                found[key] = self._kept[key]
        new = {key: topic for key, topic in zip(keys, topics, strict=True) if key not in found}
        if new:
            found |= await self._made(new, embed)
        return np.stack([found[key] for key in keys])

    async def _made(self, new: dict[bytes, Topic], embed: Embed) -> dict[bytes, Vectors]:
        vectors = await embed(
            [text for topic in new.values() for text in (topic.label, *topic.examples)]
        )
        made: dict[bytes, Vectors] = {}
        first = 0
        for key, topic in new.items():
            after = first + 1 + len(topic.examples)
            made[key] = prototype(vectors[first], vectors[first + 1 : after])
            first = after
        self._kept |= made
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return made


def _key(topic: Topic) -> bytes:
    """The id plays no part: what a topic is called in a tenant's system changes no meaning."""
    content = json.dumps([topic.label, *topic.examples]).encode()
    return hashlib.sha256(content).digest()
