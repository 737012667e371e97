"""Answers as bytes: JSON, or MessagePack where the client prefers that, encoded in one pass."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from customerai.observability.plan import current_plan

JSON = "application/json"
MSGPACK = "application/msgpack"
_ENCODERS: Mapping[str, Any] = {
    JSON: msgspec.json.Encoder().encode,
    MSGPACK: msgspec.msgpack.Encoder().encode,
}
_MSGPACK_NAMES = frozenset({MSGPACK, "application/x-msgpack", "application/vnd.msgpack"})
_JSON_NAMES = frozenset({JSON, "application/*", "*/*"})
_VARY = "accept, accept-encoding"
"""Of what is plain and small too: the same answer may be large, and packed, the next time."""


@lru_cache(maxsize=64)
def preferred(accept: str | None) -> str:
    """What an ``Accept`` header prefers (RFC 9110, section 12.5.1); JSON in doubt."""
    best, quality = JSON, 0.0
    for part in (accept or "").lower().split(","):
        name, *parameters = (each.strip() for each in part.split(";"))
        weight = _weight(parameters)
        if name in _MSGPACK_NAMES and weight > quality:
            best, quality = MSGPACK, weight
        if name in _JSON_NAMES and weight >= quality:
            best, quality = JSON, weight
    return best


def encode(content: Any, media_type: str = JSON) -> bytes:
    """Structs, dataclasses and whatever they are made of; pydantic models too."""
    if isinstance(content, BaseModel):
        content = content.model_dump(mode="json", by_alias=True)
    body: bytes = _ENCODERS[media_type](content)
    return body


def respond(
    content: Any,
    request: Request,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """``content`` as the client prefers it, with the plan where one was asked for."""
    media_type = preferred(request.headers.get("accept"))
    plan = current_plan()
    if plan is not None:
        content = {**_members(content), "explain": plan}
    return Response(
        encode(content, media_type), status, {"vary": _VARY, **(headers or {})}, media_type
    )


def negotiated(model: type[BaseModel], status: int = 200) -> dict[int | str, Any]:
    """OpenAPI's ``responses`` for an answer in either media type."""
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {status: {"model": model, "content": {MSGPACK: {"schema": schema}}}}


def _members(content: Any) -> Mapping[str, Any]:
    if isinstance(content, BaseModel):
        return content.model_dump(mode="json", by_alias=True)
    if isinstance(content, Mapping):
        return content
    members = {name: getattr(content, name) for name in content.__struct_fields__}
    return {name: value for name, value in members.items() if value is not msgspec.UNSET}


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0
