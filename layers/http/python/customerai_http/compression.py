"""Compressed answers, where nobody behind this function compresses them.

The edge compresses what it knows as text. So this is for clients that call the API itself, and for
media types that the edge leaves alone. Never twice, and never what is too small to gain by it.
"""

import base64
import re
import zlib
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from customerai_http.representations import JSON

EDGE_HEADER = "x-origin-verify"
"""Only what came through the edge carries it."""
_LEVELS = ((16_000, 3), (1_000, 6))
"""(bytes, gzip level) for bodies of at least so many bytes, from what `make bench-api` measures:
a higher level costs small bodies next to nothing, and large ones more time than it saves."""
_EDGE_COMPRESSES = (JSON, "text/")
_GZIP = re.compile(r"(?:^|,)\s*(?:gzip|\*)\s*(?:;\s*q=([01](?:\.[0-9]*)?))?\s*(?:,|$)")
_ENCODING = "accept-encoding"
_GZIP_FRAME = 31
"""zlib's window bits for a gzip header."""


def compress(event: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """``answer`` with a gzip body, or as it is; whichever it is, caches are told that it depends.

    What is refused is short, and left alone.
    """
    headers, mine, body = event["headers"], answer["headers"], answer.get("body", "")
    if (
        len(body) < _LEVELS[-1][0]
        or answer["statusCode"] >= HTTPStatus.BAD_REQUEST
        or "content-encoding" in mine
        or (EDGE_HEADER in headers and mine["content-type"].startswith(_EDGE_COMPRESSES))
    ):
        return answer
    if _ENCODING not in mine.get("vary", ""):
        mine = mine | {"vary": ", ".join(filter(None, (mine.get("vary"), _ENCODING)))}
        answer = answer | {"headers": mine}
    if not accepts_gzip(headers.get(_ENCODING, "")):
        return answer
    plain = base64.b64decode(body) if answer["isBase64Encoded"] else body.encode()
    level = next((level for size, level in _LEVELS if len(plain) >= size), None)
    if level is None:
        return answer
    packed = zlib.compress(plain, level, _GZIP_FRAME)
    mine = mine | {"content-encoding": "gzip", "content-length": str(len(packed))}
    if "etag" in mine:  # the same content in other bytes (RFC 9110, section 8.8.3)
        mine["etag"] = "W/" + mine["etag"].removeprefix("W/")
    return answer | {
        "headers": mine,
        "body": base64.b64encode(packed).decode(),
        "isBase64Encoded": True,
    }


@lru_cache(maxsize=64)
def accepts_gzip(accept_encoding: str) -> bool:
    found = _GZIP.search(accept_encoding.lower())
    return found is not None and float(found[1] or 1) > 0
