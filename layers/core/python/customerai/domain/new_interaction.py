"""A customer interaction as clients send it.

Apart from what the platform keeps: the functions that take nothing in need no pydantic.
"""

import re
from datetime import UTC, datetime
from math import isfinite
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    WrapValidator,
)

from customerai.domain.ids import MOST_AHEAD, truncate
from customerai.domain.interaction import Channel

MAX_TEXT = 10_000
_METADATA_TEXT = 500
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso_8601(value: object) -> object:
    """Neither numbers nor their text are times, though pydantic takes them for Unix seconds."""
    if isinstance(value, datetime) or (isinstance(value, str) and _DATE.match(value)):
        return value
    raise ValueError("is not an ISO 8601 date or time")


def as_utc(instant: datetime) -> datetime:
    """Times without an offset are UTC. Raises ValueError where UTC leaves the calendar."""
    if instant.tzinfo is None:
        return instant.replace(tzinfo=UTC)
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError("lies outside the calendar") from None


def _occurred(instant: datetime) -> datetime:
    instant = as_utc(instant)
    if instant < _EPOCH:
        raise ValueError("lies before 1970")
    if instant > datetime.now(UTC) + MOST_AHEAD:
        raise ValueError("lies more than a day in the future")
    return truncate(instant)


def not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("holds nothing but white space")
    return text


def _metadata_value(value: object) -> object:
    """One check for all types: a union would name its members in its errors."""
    match value:
        case None | bool():
            return value
        case str():
            if len(value) > _METADATA_TEXT:
                raise ValueError(f"is longer than {_METADATA_TEXT} characters")
            if any("\ud800" <= character <= "\udfff" for character in value):
                raise ValueError("holds half a surrogate pair")
        case int():
            # Where every JSON reader keeps it exact (RFC 8259, section 6).
            if abs(value) > 2**53:
                raise ValueError("is an integer beyond 2**53; send it as a string")
        case float():
            if not isfinite(value):
                raise ValueError("is not a finite number")
        case _:
            raise ValueError("is neither text, number, boolean nor null")
    return value


def _rounded(rating: float) -> float:
    """As many digits as a rating has; fewer than a store may refuse."""
    return round(rating, 6)


MetadataKey = Annotated[str, StringConstraints(min_length=1, max_length=64)]
MetadataValue = Annotated[
    str | bool | int | float | None,
    WrapValidator(lambda value, _: _metadata_value(value)),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "maxLength": _METADATA_TEXT},
                {"type": "boolean"},
                {"type": "number"},
                {"type": "null"},
            ]
        }
    ),
]
Metadata = Annotated[dict[MetadataKey, MetadataValue], Field(max_length=32)]
Rating = Annotated[
    float, Field(strict=True, ge=0, le=10, allow_inf_nan=False), AfterValidator(_rounded)
]
CustomerId = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Text = Annotated[
    str, StringConstraints(min_length=1, max_length=MAX_TEXT), AfterValidator(not_blank)
]


class NewInteraction(BaseModel):
    """An interaction as a client sends it."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "customer_id": "cust-1042",
                    "channel": "review",
                    "text": "The tent kept us dry all week, but one pole arrived bent.",
                    "occurred_at": "2026-11-20T09:30:00Z",
                    "product": "Ridgeline 2 tent",
                    "rating": 4,
                    "language": "en",
                    "metadata": {"order": "A-7781", "verified": True},
                }
            ]
        },
    )

    customer_id: CustomerId
    channel: Channel
    text: Text
    occurred_at: (
        Annotated[datetime, BeforeValidator(iso_8601), AfterValidator(_occurred)] | None
    ) = Field(
        default=None,
        description="When it happened (ISO 8601, UTC where no offset is given). "
        "Default: when it was received.",
    )
    product: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    rating: Rating | None = Field(
        default=None, description="The customer's own mark, on whatever scale up to 10 was asked."
    )
    language: (
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")] | None
    ) = Field(default=None, description="BCP 47 tag of the text's language.")
    metadata: Metadata | None = Field(
        default_factory=dict, description="Up to 32 values of the client's own."
    )
