"""Interactions as clients see them."""

import json
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.config import JsonDict

from customerai.domain.analysis import Feature
from customerai.domain.interaction import MAX_BATCH, Channel, Interaction
from customerai_http.analyses import (
    FEATURES_EXAMPLE,
    SENTIMENT_EXAMPLE,
    FeaturesOut,
    SentimentOut,
    feature_fields,
    sentiment_fields,
)
from customerai_http.parameters import Instant
from customerai_http.problems import Problem

_MOST_BYTES = 5_000_000
_MOST_BYTES_A_CHARACTER = 7
"""A control character, escaped twice."""
_FIELDS = 2_000
_VALUE = 600
"""Characters that the other fields, and one value of the metadata, have at the most."""
_MATCH = 200
"""Characters that an aspect without its words, or a topic, has at the most."""
_EXAMPLE: JsonDict = {
    "id": "01M7W4N5E0924WVJVAVMCY5BXV",
    "customer_id": "cust-1042",
    "channel": "review",
    "text": "The tent kept us dry all week, but one pole arrived bent.",
    "occurred_at": "2026-11-20T09:30:00Z",
    "received_at": "2026-11-20T09:30:02.114Z",
    "product": "Ridgeline 2 tent",
    "rating": 4,
    "language": "en",
    "metadata": {"order": "A-7781", "verified": True},
    "sentiment": SENTIMENT_EXAMPLE,
    "analysis": FEATURES_EXAMPLE,
}


class InteractionOut(BaseModel):
    """An interaction as it is stored; ``sentiment`` and ``analysis`` are null until it is analysed.

    A POST answers with the interaction as it was received, a repeated one too.
    """

    model_config = ConfigDict(title="Interaction", json_schema_extra={"examples": [_EXAMPLE]})

    id: str
    customer_id: str
    channel: Channel
    text: str
    occurred_at: datetime
    received_at: datetime
    product: str | None
    rating: float | None
    language: str | None
    metadata: dict[str, str | bool | int | float | None]
    sentiment: SentimentOut | None
    analysis: FeaturesOut | None

    @classmethod
    def of(cls, interaction: Interaction) -> "InteractionOut":
        found = interaction.analysis
        return cls(
            id=interaction.id,
            customer_id=interaction.customer_id,
            channel=interaction.channel,
            text=interaction.text,
            occurred_at=interaction.occurred_at,
            received_at=interaction.received_at,
            product=interaction.product,
            rating=interaction.rating,
            language=interaction.language,
            metadata=interaction.metadata or {},
            sentiment=SentimentOut(**sentiment_fields(found)) if found else None,
            analysis=FeaturesOut(**feature_fields(found, frozenset(Feature))) if found else None,
        )

    def characters(self) -> int:
        """What it has in JSON at the most, before anything is escaped."""
        characters = _FIELDS + len(self.text) + _VALUE * len(self.metadata)
        if self.analysis:
            aspects, topics = self.analysis.aspects or (), self.analysis.topics or ()
            characters += _MATCH * (len(aspects) + len(topics))
            characters += sum(len(aspect.words) for aspect in aspects)
        return characters


class InteractionList(BaseModel):
    """A page, newest first; ``next`` is the cursor of the next page, null on the last one."""

    items: list[InteractionOut]
    next: str | None


def fitting(items: list[InteractionOut]) -> list[InteractionOut]:
    """As many from the front as fit into one answer, but one at least.

    Lambda returns up to 6 MB of JSON, in which the answer is a string, so escaped once more.
    """
    if sum(item.characters() for item in items) * _MOST_BYTES_A_CHARACTER < _MOST_BYTES:
        return items
    size = 0
    for place, item in enumerate(items):
        size += len(json.dumps(item.model_dump_json(), ensure_ascii=False).encode())
        if size > _MOST_BYTES and place:
            return items[:place]
    return items


class InteractionBatch(BaseModel):
    """Each item stands on its own: one that is not valid keeps none of the others out."""

    model_config = ConfigDict(extra="forbid")

    items: Annotated[
        list[Annotated[Any, WithJsonSchema({"$ref": "#/components/schemas/NewInteraction"})]],
        Field(min_length=1, max_length=MAX_BATCH),
    ]


class BatchResult(BaseModel):
    """What became of one item: ``id`` where it is stored, else ``error``."""

    status: int
    id: str | None = None
    error: Problem | None = None


class BatchResults(BaseModel):
    """One result an item, in the order of the request."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "results": [
                        {"status": 201, "id": "01M7W4N5E0924WVJVAVMCY5BXV"},
                        {
                            "status": 422,
                            "error": {
                                "type": "urn:customerai:problem:invalid-request",
                                "title": "The request is not valid",
                                "status": 422,
                                "detail": "items[1].text: Field required",
                                "errors": [{"field": "items[1].text", "message": "Field required"}],
                            },
                        },
                    ]
                }
            ]
        }
    )

    results: list[BatchResult]


class ListParameters(BaseModel):
    """Filters; all that are given must hold."""

    model_config = ConfigDict(extra="forbid")

    channel: Channel | None = None
    sentiment: str | None = Field(default=None, pattern="^(negative|neutral|positive|pending)$")
    customer: str | None = Field(
        default=None, min_length=1, max_length=200, description="A `customer_id`."
    )
    start: Instant | None = Field(default=None, alias="from", description="Occurred at or after.")
    end: Instant | None = Field(default=None, alias="to", description="Occurred before.")
    cursor: str | None = Field(
        default=None, max_length=200, description="`next` of the page before, with its filters."
    )
    limit: int = Field(default=50, ge=1, le=MAX_BATCH)


class Health(BaseModel):
    """``ok`` only when every part serves."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"status": "ok", "parts": {"store": "ok", "queue": "ok", "model": "ok"}}]
        }
    )

    status: str
    parts: dict[str, str]
