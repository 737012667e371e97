"""A page of 100 stored items, from the bytes of the store's answer to the bytes of ours.

BENCH_PAGE names a file with the answer of Query. Each peer does it the way its library suggests.
Ours is `OURS`, and nothing else in this file stands on our code.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import orjson
from pydantic import BaseModel

from customerai.adapters.dynamodb.stored_interaction import StoredInteraction, view
from customerai.domain.interaction_view import ALL_FIELDS
from customerai_http.representations import JSON, MSGPACK, encode

Serialize = Callable[[bytes], bytes]


class _Page(msgspec.Struct):
    Items: list[StoredInteraction]


_PAGE = msgspec.json.Decoder(_Page)


def _ours(media_type: str, page: bytes) -> bytes:
    items = [view(item, ALL_FIELDS) for item in _PAGE.decode(page).Items]
    return encode({"items": items, "next": None}, media_type)


OURS: dict[str, Serialize] = {
    "ours": partial(_ours, JSON),
    "ours msgpack": partial(_ours, MSGPACK),
}
"""From Query's answer to a response body, by the functions that the request path uses."""


class _Sentiment(BaseModel):
    label: str
    scores: dict[str, float]
    confidence: float
    abstained: bool
    model: str
    tier: str


class _Analysis(BaseModel):
    aspects: list[dict[str, Any]]
    topics: list[dict[str, Any]]
    taxonomy: str
    intent: dict[str, Any]
    urgency: dict[str, Any]
    language: dict[str, Any]


class _Interaction(BaseModel):
    id: str
    customer_id: str
    channel: str
    text: str
    occurred_at: datetime
    received_at: datetime
    product: str | None
    rating: float | None
    language: str | None
    metadata: dict[str, Any]
    sentiment: _Sentiment
    analysis: _Analysis


class _List(BaseModel):
    items: list[_Interaction]
    next: str | None


def operations() -> dict[str, Callable[[], Any]]:
    """Serializers, and the two encodings of what they write."""
    page = Path(os.environ["BENCH_PAGE"]).read_bytes()
    document = {"items": [_content(item) for item in json.loads(page)["Items"]], "next": None}
    peers: dict[str, Serialize] = {"stdlib": stdlib, "pydantic": _pydantic}
    encoders: dict[str, Callable[[Any], bytes]] = {
        "encode json": orjson.dumps,
        "encode msgpack": msgspec.msgpack.Encoder().encode,
    }
    return {
        **{name: partial(_size, each, page) for name, each in {**peers, **OURS}.items()},
        **{name: partial(_size, each, document) for name, each in encoders.items()},
        "names": lambda: list(OURS),
        "same": lambda: all(
            json.loads(each(page))["items"] == json.loads(stdlib(page))["items"]
            for each in (_pydantic, OURS["ours"])
        ),
    }


def _size(serialize: Callable[[Any], bytes], content: Any) -> int:
    return len(serialize(content))


def stdlib(page: bytes) -> bytes:
    """The response body for Query's answer."""
    items = [_content(item) for item in json.loads(page)["Items"]]
    return json.dumps({"items": items, "next": None}).encode()


def _pydantic(page: bytes) -> bytes:
    items = [_Interaction.model_validate(_content(item)) for item in json.loads(page)["Items"]]
    return _List(items=items, next=None).model_dump_json().encode()


def _content(item: dict[str, Any]) -> dict[str, Any]:
    plain = {name: next(iter(value.values())) for name, value in item.items()}
    found = json.loads(plain["analysis"])
    labels = ("negative", "neutral", "positive")
    scores = dict(zip(labels, json.loads(plain["scores"]), strict=True))
    text = plain["text"]
    return {
        "id": plain["id"],
        "customer_id": plain["customer_id"],
        "channel": plain["channel"],
        "text": text,
        "occurred_at": _instant(plain["occurred_at"]),
        "received_at": _instant(plain["received_at"]),
        "product": plain["product"],
        "rating": float(plain["rating"]),
        "language": plain["language"],
        "metadata": json.loads(plain["metadata"]),
        "sentiment": {
            "label": plain["sentiment"],
            "scores": scores,
            "confidence": scores[plain["sentiment"]],
            "abstained": found.get("abstained", False),
            "model": plain["model"],
            "tier": found["tier"],
        },
        "analysis": {
            "aspects": [
                {
                    "words": text[start:end],
                    "start": start,
                    "end": end,
                    "label": label,
                    "confidence": confidence,
                }
                for start, end, label, confidence in found["aspects"]
            ],
            "topics": [{"id": topic, "confidence": sure} for topic, sure in found["topics"]],
            "taxonomy": found["taxonomy"],
            "intent": dict(zip(("label", "confidence"), found["intent"], strict=True)),
            "urgency": dict(zip(("label", "confidence"), found["urgency"], strict=True)),
            "language": dict(
                zip(("code", "confidence", "supported"), found["language"], strict=True)
            ),
        },
    }


def _instant(text: str) -> str:
    return datetime.fromisoformat(text).isoformat().replace("+00:00", "Z")
