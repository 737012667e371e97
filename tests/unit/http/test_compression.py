"""Which answers are compressed, and that they can be read."""

import base64
import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customerai_http.compression import EDGE_HEADER, accepts_gzip, compress
from customerai_http.representations import JSON, MSGPACK

LARGE = json.dumps([{"text": "The strap broke.", "number": number} for number in range(500)])


def event(accept: str | None = "br, gzip;q=0.9", **more: str) -> dict[str, Any]:
    headers = {"accept-encoding": accept} if accept is not None else {}
    return {"headers": headers | more}


def answer(body: str = LARGE, media_type: str = JSON, **headers: str) -> dict[str, Any]:
    return {
        "statusCode": 200,
        "headers": {"content-type": media_type} | headers,
        "body": body,
        "isBase64Encoded": False,
    }


def binary(content: bytes) -> dict[str, Any]:
    made = answer(base64.b64encode(content).decode(), MSGPACK)
    return made | {"isBase64Encoded": True}


def unpacked(compressed: dict[str, Any]) -> bytes:
    assert compressed["isBase64Encoded"] is True
    packed = base64.b64decode(compressed["body"])
    assert compressed["headers"]["content-length"] == str(len(packed))
    assert compressed["headers"]["content-encoding"] == "gzip"
    return gzip.decompress(packed)


@given(st.text(min_size=1_000))
def test_what_was_compressed_is_the_same_again(body: str) -> None:
    plain = body.encode()
    assert unpacked(compress(event(), answer(body))) == plain
    assert unpacked(compress(event(), binary(plain))) == plain


@pytest.mark.parametrize(
    "accept",
    [
        *(None, "", "identity", "br", "gzip;q=0", "gzip;q=0.000", "xgzip", "deflate, br"),
        *("gzip;q=", "gzip;q=.", "gzip;q=1.2.3", "gzip;q=much"),
    ],
)
def test_a_client_that_does_not_want_it_gets_it_plain(accept: str | None) -> None:
    assert compress(event(accept), answer()) == answer(vary="accept-encoding")


@pytest.mark.parametrize("accept", ["gzip", "GZIP", "br;q=1, gzip;q=0.5", "*", "deflate,gzip ;q=1"])
def test_a_client_that_wants_it_gets_it(accept: str) -> None:
    assert accepts_gzip(accept)


def test_small_bodies_are_left_alone() -> None:
    small = answer("x" * 999)
    assert compress(event(), small) == small
    packed = compress(event(), binary(b"x" * 999))
    assert (packed["body"], packed["isBase64Encoded"]) == (binary(b"x" * 999)["body"], True)
    assert "content-encoding" not in packed["headers"]


def test_what_is_refused_is_left_alone() -> None:
    refused = answer() | {"statusCode": 422}
    assert compress(event(), refused) == refused


def test_nothing_is_compressed_twice() -> None:
    once = compress(event(), answer())
    assert compress(event(), once) == once


def test_the_edge_compresses_text_itself_and_nothing_else() -> None:
    through_the_edge = event(**{EDGE_HEADER: "secret"})
    assert compress(through_the_edge, answer()) == answer()
    assert unpacked(compress(through_the_edge, binary(LARGE.encode()))) == LARGE.encode()


@pytest.mark.parametrize("accept", ["gzip", "identity", None])
def test_caches_are_told_what_the_answer_depends_on(accept: str | None) -> None:
    def vary(**headers: str) -> str:
        compressed = compress(event(accept), answer(**headers))
        return str(compressed["headers"]["vary"])

    assert vary() == "accept-encoding"
    assert vary(vary="accept") == "accept, accept-encoding"
    assert vary(vary="accept, accept-encoding") == "accept, accept-encoding"


def test_a_compressed_answer_has_a_weak_entity_tag() -> None:
    assert compress(event(), answer(etag='"1"'))["headers"]["etag"] == 'W/"1"'
    assert compress(event(), answer(etag='W/"1"'))["headers"]["etag"] == 'W/"1"'
