from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions._runner.application import Function, Route
from functions._runner.http_events import (
    MalformedAnswerError,
    Request,
    authorizer_event,
    http_response,
    identity_values,
    proxy_event,
)
from functions._runner.routing import Match

_ROUTE = Route("ANY /v1/{proxy+}", Function("f", "f", "f.handler", {}, 3, 128), None, 30)
_MATCH = Match(_ROUTE, {"proxy": "a b"})


def request(**changes: Any) -> Request:
    given_ = {
        "method": "POST",
        "path": "/v1/a%20b",
        "query": "tag=x&tag=y&q=%C3%A9&empty=",
        "headers": [
            ("host", "127.0.0.1:8000"),
            ("user-agent", "curl"),
            ("accept", "a"),
            ("accept", "b"),
            ("cookie", "one=1; two=2"),
            ("content-type", "application/json"),
        ],
        "body": b'{"a": 1}',
        "client": "10.0.0.1",
    }
    return Request(**(given_ | changes))


def test_the_event_has_the_shape_of_payload_2() -> None:
    event = proxy_event(request(), _MATCH, {"tenant": "t"})
    context = event["requestContext"]
    assert event["version"] == "2.0"
    assert event["routeKey"] == context["routeKey"] == "ANY /v1/{proxy+}"
    assert event["rawPath"] == context["http"]["path"] == "/v1/a b"
    assert event["rawQueryString"] == "tag=x&tag=y&q=%C3%A9&empty="
    assert event["queryStringParameters"] == {"tag": "x,y", "q": "é", "empty": ""}
    assert event["pathParameters"] == {"proxy": "a b"}
    assert event["cookies"] == ["one=1", "two=2"]
    assert "cookie" not in event["headers"]
    assert event["headers"]["accept"] == "a,b"
    assert event["headers"]["x-forwarded-for"] == "10.0.0.1"
    assert event["headers"]["x-forwarded-port"] == "8000"
    assert (event["body"], event["isBase64Encoded"]) == ('{"a": 1}', False)
    assert context["authorizer"] == {"lambda": {"tenant": "t"}}
    assert context["http"]["method"] == "POST"
    assert context["http"]["sourceIp"] == "10.0.0.1"
    assert context["stage"] == "$default"
    assert isinstance(context["timeEpoch"], int)
    json.dumps(event)


def test_what_is_absent_is_left_out() -> None:
    event = proxy_event(request(query="", headers=[], body=b""), Match(_ROUTE, {}), None)
    absent = {"body", "cookies", "queryStringParameters", "pathParameters"}
    assert absent.isdisjoint(event)
    assert "authorizer" not in event["requestContext"]


@given(
    body=st.binary(min_size=1),
    content_type=st.sampled_from(
        ["application/json", "text/plain; charset=utf-8", "application/problem+json", "image/png"]
    ),
)
def test_any_body_arrives_as_it_was_sent(body: bytes, content_type: str) -> None:
    event = proxy_event(request(headers=[("content-type", content_type)], body=body), _MATCH, None)
    decoded = (
        base64.b64decode(event["body"]) if event["isBase64Encoded"] else event["body"].encode()
    )
    assert decoded == body
    if content_type == "image/png":
        assert event["isBase64Encoded"]


def test_a_compressed_body_is_binary() -> None:
    headers = [("content-type", "application/json"), ("content-encoding", "gzip")]
    assert proxy_event(request(headers=headers), _MATCH, None)["isBase64Encoded"]


@given(
    path=st.text(st.characters(codec="utf-8"), min_size=1),
    query=st.dictionaries(
        st.text(st.characters(codec="utf-8"), min_size=1), st.text(st.characters(codec="utf-8"))
    ),
)
def test_paths_and_queries_arrive_decoded(path: str, query: dict[str, str]) -> None:
    sent = request(path="/" + quote(path), query=urlencode(query))
    event = proxy_event(sent, _MATCH, None)
    assert event["rawPath"] == "/" + path
    assert event.get("queryStringParameters", {}) == query


def test_the_authorizers_event() -> None:
    event = authorizer_event(request(), _MATCH, ["Bearer x"])
    assert (event["version"], event["type"]) == ("2.0", "REQUEST")
    assert event["identitySource"] == ["Bearer x"]
    assert event["routeArn"].endswith(":local/$default/POST/v1/a b")
    assert "body" not in event


def test_identity_sources() -> None:
    sent = request(headers=[("authorization", "Bearer x")])
    sources = ["$request.header.Authorization", "$request.querystring.q"]
    assert identity_values(sent, sources) == ["Bearer x", "é"]
    assert identity_values(request(), sources) is None
    assert identity_values(sent, ["$request.querystring.empty"]) is None


@given(
    status=st.integers(200, 599),
    body=st.binary(),
    headers=st.dictionaries(st.sampled_from(["X-One", "Location", "Content-Type"]), st.just("v")),
    cookies=st.lists(st.sampled_from(["a=1", "b=2; Secure"])),
)
def test_an_answer_becomes_the_response_it_describes(
    status: int, body: bytes, headers: dict[str, str], cookies: list[str]
) -> None:
    response = http_response(
        {
            "statusCode": status,
            "headers": headers,
            "cookies": cookies,
            "body": base64.b64encode(body).decode(),
            "isBase64Encoded": True,
        }
    )
    assert (response.status, response.body) == (status, body)
    assert [value for name, value in response.headers if name == "set-cookie"] == cookies
    assert {name.lower() for name in headers} <= {name for name, _ in response.headers}


def test_an_answer_without_a_status_is_the_body_of_a_200() -> None:
    assert http_response({"a": 1}).body == b'{"a": 1}'
    assert http_response("text").body == b"text"
    assert http_response(None).status == 200


@pytest.mark.parametrize(
    "answer",
    [
        {"statusCode": "many"},
        {"statusCode": 1},
        {"statusCode": 200, "body": {"not": "text"}},
        {"statusCode": 200, "body": "?", "isBase64Encoded": True},
        {"statusCode": 200, "headers": ["not", "a", "map"]},
    ],
)
def test_a_malformed_answer_is_refused(answer: Any) -> None:
    with pytest.raises(MalformedAnswerError):
        http_response(answer)
