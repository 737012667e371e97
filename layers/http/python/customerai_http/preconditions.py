"""Entity tags, ``If-Match`` and ``If-None-Match`` (RFC 9110, section 13.1).

Nobody's change gets lost, and nobody is sent what he has.
"""

import re
from collections.abc import Container, Mapping
from typing import Annotated, Any

from fastapi import Header
from starlette.responses import Response

from customerai_http.parameters import InvalidHeaderError

_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_TAGS = re.compile(rf"\s*{_TAG}\s*(?:,\s*{_TAG}\s*)*")

IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=1_000,
        description="The `ETag` of what is to be replaced, as it was read; `*` replaces whatever "
        "is there.",
    ),
]

IF_NONE_MATCH: Mapping[str, Any] = {
    "name": "If-None-Match",
    "in": "header",
    "schema": {"type": "string"},
    "description": "The `ETag` of what you have, or several; where it is still that, the answer is "
    "a 304 without a body. An explanation is given in any case.",
}


class PreconditionRequiredError(Exception):
    """Without ``If-Match`` somebody else's change could get lost (RFC 6585, section 3)."""


class _Any:
    """Every version there is."""

    def __contains__(self, version: object) -> bool:
        return True


def entity_tag(version: str) -> str:
    return f'"{version}"'


def versions_in(if_match: str | None) -> Container[str]:
    """The versions that ``If-Match`` names.

    Raises ``PreconditionRequiredError`` where there is none, ``InvalidHeaderError`` for anything
    that is not entity tags.
    """
    if if_match is None:
        raise PreconditionRequiredError("If-Match is needed; it names the ETag that was read.")
    return _versions("If-Match", if_match)


def versions_known(if_none_match: str | None) -> Container[str]:
    """The versions that a client has, as ``If-None-Match`` names them; none where it is not there.

    Raises ``InvalidHeaderError`` for anything that is not entity tags.
    """
    return () if if_none_match is None else _versions("If-None-Match", if_none_match)


def unless_known(answer: Response, known: Container[str]) -> Response:
    """``answer``, or that it is one whose version the client has."""
    if answer.headers["etag"].removeprefix("W/")[1:-1] not in known:
        return answer
    headers = {name: v for name, v in answer.headers.items() if name != "content-length"}
    return Response(status_code=304, headers=headers)


def _versions(header: str, value: str) -> Container[str]:
    """A weak tag counts as well: whoever compresses an answer on its way weakens its tag, and what
    is compared here is a digest of the content."""
    if value.strip() == "*":
        return _Any()
    if not _TAGS.fullmatch(value):
        raise InvalidHeaderError(header, "is neither * nor a list of entity tags")
    return [tag.removeprefix("W/")[1:-1] for tag in re.findall(_TAG, value)]
