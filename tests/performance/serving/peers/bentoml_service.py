"""BentoML: `bentoml serve tests.performance.serving.peers.bentoml_service:SentimentService`."""

# BentoML reads the annotations of an API at run time, so they are no strings here.

from typing import Any

import bentoml

from tests.performance.serving.peers.sentiment import (
    BATCH,
    HANDLERS,
    WAIT_MS,
    WORKERS,
    Sentiment,
    number,
)

_BATCH = number(BATCH, 1)
_BATCHING: dict[str, Any] = (
    {"batchable": True, "max_batch_size": _BATCH, "max_latency_ms": number(WAIT_MS, 1_000)}
    if _BATCH > 1
    else {}
)


@bentoml.service(
    workers=number(WORKERS, 1),
    threads=number(HANDLERS, 1),
    traffic={"timeout": 60},
    metrics={"enabled": False},
)
class SentimentService:
    """A request's texts, which BentoML joins with those of other requests where batching is on."""

    def __init__(self) -> None:
        self.model = Sentiment.from_environment()

    # It is not installed where types are checked.
    @bentoml.api(route="/invocations", **_BATCHING)  # type: ignore[untyped-decorator]
    def invoke(self, texts: list[str]) -> list[dict[str, Any]]:
        """Answer all texts with one padded run."""
        version = self.model.version
        return [{"model": version, **answer} for answer in self.model.predict(texts)]
