"""Optimistic concurrency in HTTP's terms: entity tags and ``If-Match`` (RFC 9110, section 13.1)."""

import re
from collections.abc import Container
from typing import Annotated

from fastapi import Header

from customerai.domain.errors import InvalidParameterError

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


class PreconditionRequiredError(Exception):
    """Without ``If-Match`` somebody else's change could get lost (RFC 6585, section 3)."""


class _Any:
    """Every version there is."""

    def __contains__(self, version: object) -> bool:
        return True


def entity_tag(version: str) -> str:
    return f'"{version}"'


def versions_in(if_match: str | None) -> Container[str]:
    """The versions that the header names.

    A weak tag counts as well: whoever compresses an answer on its way weakens its tag, and what
    is compared here is a digest of the content.

    Raises ``PreconditionRequiredError`` where there is none, ``InvalidParameterError`` for anything
    that is not entity tags.
    """
    if if_match is None:
        raise PreconditionRequiredError("If-Match is needed; it names the ETag that was read.")
    if if_match.strip() == "*":
        return _Any()
    if not _TAGS.fullmatch(if_match):
        raise InvalidParameterError("If-Match", "is neither * nor a list of entity tags")
    return [tag.removeprefix("W/")[1:-1] for tag in re.findall(_TAG, if_match)]
