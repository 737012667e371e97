"""Parameters that several functions take."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from customerai.domain.errors import InvalidParameterError
from customerai.domain.new_interaction import as_utc, iso_8601

_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime(2200, 1, 1, tzinfo=UTC)


class InvalidHeaderError(InvalidParameterError):
    """A parameter that comes in a header; all others come in the query."""


def _plus_sign(value: object) -> object:
    """In a query string an unescaped + of an offset arrives as a space."""
    if isinstance(value, str) and len(value) > 6 and value[-6] == " ":
        value = value[:-6] + "+" + value[-5:]
    return iso_8601(value)


def _in_range(instant: datetime) -> datetime:
    instant = as_utc(instant)
    if not _FIRST <= instant <= _LAST:
        raise ValueError("lies outside 1970 to 2200")
    return instant


Instant = Annotated[datetime, BeforeValidator(_plus_sign), AfterValidator(_in_range)]
"""An ISO 8601 date or time; UTC where it has no offset."""


def _local(instant: datetime) -> datetime:
    _in_range(instant)
    return instant


LocalInstant = Annotated[datetime, BeforeValidator(_plus_sign), AfterValidator(_local)]
"""The same, left naive where it has no offset: it is then in the tenant's time zone."""
