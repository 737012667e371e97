"""Interactions as clients see them."""

from datetime import datetime
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.config import JsonDict

from customerai.domain.interaction import MAX_BATCH, Channel
from customerai_http.analyses import (
    FEATURES_EXAMPLE,
    SENTIMENT_EXAMPLE,
    FeaturesOut,
    SentimentOut,
)
from customerai_http.problems import Problem
from customerai_http.readings import told_sparsely

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

    model_config = ConfigDict(
        title="Interaction", json_schema_extra=told_sparsely("id", examples=[_EXAMPLE])
    )

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


class Count(BaseModel):
    """How many there are: ``value``, or at least so many where that is not ``exact``.

    Counting them all would read them all: it becomes exact on the last page, and then counts those
    that the pages have shown, whatever was stored or deleted meanwhile.
    """

    value: int
    exact: bool


class InteractionList(BaseModel):
    """A page, newest first; ``next`` is the cursor of the next page, null on the last one."""

    headers: ClassVar = ("Link",)

    items: list[InteractionOut]
    next: str | None
    has_more: bool
    count: Count


class InteractionBatch(BaseModel):
    """Each item stands on its own: one that is not valid keeps none of the others out."""

    model_config = ConfigDict(extra="forbid")

    items: Annotated[
        list[Annotated[Any, WithJsonSchema({"$ref": "#/components/schemas/NewInteraction"})]],
        Field(min_length=1, max_length=MAX_BATCH),
    ]


class BatchResult(BaseModel):
    """What became of one item: ``error`` where it failed; ``interaction`` where one is read.

    What is not there at all has no member.
    """

    status: int
    id: str | None = None
    interaction: InteractionOut | None = None
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
                                "errors": [
                                    {
                                        "field": "items[1].text",
                                        "location": "body",
                                        "message": "Field required",
                                    }
                                ],
                            },
                        },
                    ]
                }
            ]
        }
    )

    results: list[BatchResult]


class Health(BaseModel):
    """``ok`` only when every part serves."""

    headers: ClassVar = ("Cache-Control",)

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"status": "ok", "parts": {"store": "ok", "queue": "ok", "model": "ok"}}]
        }
    )

    status: str
    parts: dict[str, str]
