"""What the API's document says of the headers of answers."""

import json
from collections.abc import Iterable
from typing import Any

from functions._runner.openapi import DOCUMENT

OF_ANY_BODY = {"content-type", "content-length"}
"""The content of an answer describes these."""
_document: dict[str, Any] = json.loads(DOCUMENT.read_text())


def described() -> dict[tuple[str, str, int], set[str]]:
    """Method, path and status to the headers, in lower case."""
    return {
        (method.upper(), path, int(status)): {name.lower() for name in answer.get("headers", {})}
        for path, operations in _document["paths"].items()
        for method, operation in operations.items()
        for status, answer in operation["responses"].items()
    }


_DESCRIBED = described()


def undocumented(method: str, path: str, status: int, headers: Iterable[str]) -> set[str]:
    """Those of the ``headers`` that no reader of the document would expect.

    None of an answer that is not there at all: that is for others to find fault with.
    """
    expected = _DESCRIBED.get((method.upper(), path, status))
    if expected is None:
        return set()
    return {name.lower() for name in headers} - expected - OF_ANY_BODY
