"""HTTP requests as payload-2.0 events, and a function's answer as an HTTP response.

Reference: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import base64
import binascii
import json
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

from functions._runner.routing import Match
from functions._runner.settings import ACCOUNT, REGION

API_ID = "local"
_TEXT = ("text/", "application/json", "application/xml", "application/javascript")


@dataclass(frozen=True)
class Request:
    """What came in. `path` as it was sent, headers lower-cased and in order."""

    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    client: str
    protocol: str = "HTTP/1.1"

    @property
    def decoded_path(self) -> str:
        return unquote(self.path)


@dataclass(frozen=True)
class Response:
    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


class MalformedAnswerError(Exception):
    """The function's answer is no HTTP response."""


def message(status: int, text: str) -> Response:
    """An answer of the gateway itself."""
    return Response(
        status, [("content-type", "application/json")], json.dumps({"message": text}).encode()
    )


def proxy_event(request: Request, match: Match, authorizer: Mapping[str, Any] | None) -> Any:
    """The event for the integration; `authorizer` is the context that the authorizer gave."""
    event = _common(request, match)
    if authorizer is not None:
        event["requestContext"]["authorizer"] = {"lambda": dict(authorizer)}
    if request.body:
        event["body"], event["isBase64Encoded"] = _event_body(request)
    else:
        event["isBase64Encoded"] = False
    return event


def authorizer_event(request: Request, match: Match, identity: Sequence[str]) -> Any:
    """The event for a REQUEST authorizer; `identity` are the values of its identity sources."""
    api = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{API_ID}/$default"
    return {
        **_common(request, match),
        "type": "REQUEST",
        "routeArn": f"{api}/{request.method}{request.decoded_path}",
        "identitySource": list(identity),
    }


def identity_values(request: Request, sources: Sequence[str]) -> list[str] | None:
    """The values of `$request.header.X` and `$request.querystring.x`; None where one is missing."""
    headers, query = _headers(request), _query(request)
    values = []
    for source in sources:
        kind, _, name = source.removeprefix("$request.").partition(".")
        value = headers.get(name.lower()) if kind == "header" else query.get(name)
        if not value:
            return None
        values.append(value)
    return values


def http_response(answer: Any) -> Response:
    """A function's answer, format 2.0; raises MalformedAnswerError."""
    if not isinstance(answer, dict) or "statusCode" not in answer:
        # Format 2.0 takes any JSON for the body of a 200.
        body = answer if isinstance(answer, str) else json.dumps(answer)
        return Response(200, [("content-type", "application/json")], body.encode())
    try:
        status = int(answer["statusCode"])
        body = answer.get("body") or ""
        content = (
            base64.b64decode(body, validate=True)
            if answer.get("isBase64Encoded")
            else body.encode()
        )
        headers = [(k.lower(), _text(v)) for k, v in (answer.get("headers") or {}).items()]
        headers += [("set-cookie", cookie) for cookie in answer.get("cookies") or ()]
    except (AttributeError, TypeError, ValueError, binascii.Error) as error:
        raise MalformedAnswerError(str(error)) from error
    if not 100 <= status <= 599:
        raise MalformedAnswerError(f"status {status}")
    headers = [(name, value) for name, value in headers if name != "content-length"]
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", "text/plain;charset=utf-8"))
    return Response(status, headers, content)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _common(request: Request, match: Match) -> dict[str, Any]:
    headers, query = _headers(request), _query(request)
    cookies = [
        cookie.strip()
        for name, value in request.headers
        if name == "cookie"
        for cookie in value.split(";")
    ]
    now = time.time()
    domain = headers.get("host", "localhost").partition(":")[0]
    key, path = match.route.key, request.decoded_path
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": key,
        "rawPath": path,
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": API_ID,
            "domainName": domain,
            "domainPrefix": domain.partition(".")[0],
            "http": {
                "method": request.method,
                "path": path,
                "protocol": request.protocol,
                "sourceIp": request.client,
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": uuid.uuid4().hex,
            "routeKey": key,
            "stage": "$default",
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "timeEpoch": int(now * 1000),
        },
    }
    optional = {
        "cookies": cookies,
        "queryStringParameters": query,
        "pathParameters": match.path_parameters,
    }
    return event | {name: value for name, value in optional.items() if value}


def _headers(request: Request) -> dict[str, str]:
    """Repeated headers joined by a comma, cookies left out, the forwarding ones added."""
    joined: dict[str, str] = {}
    for name, value in request.headers:
        if name != "cookie":
            joined[name] = f"{joined[name]},{value}" if name in joined else value
    forwarded = joined.get("x-forwarded-for")
    port = joined.get("host", "").partition(":")[2] or "80"
    return joined | {
        "x-forwarded-for": f"{forwarded}, {request.client}" if forwarded else request.client,
        "x-forwarded-port": port,
        "x-forwarded-proto": "http",
    }


def _query(request: Request) -> dict[str, str]:
    """Decoded parameters; repeated ones joined by a comma."""
    joined: dict[str, str] = {}
    for name, value in parse_qsl(request.query, keep_blank_values=True):
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _event_body(request: Request) -> tuple[str, bool]:
    """Text stays text; anything else, and what only claims to be text, goes as base64."""
    headers = dict(request.headers)
    content_type = headers.get("content-type", "text/plain").lower()
    media_type = content_type.partition(";")[0].strip()
    if "content-encoding" not in headers and (
        media_type.startswith(_TEXT) or media_type.endswith(("+json", "+xml"))
    ):
        try:
            return request.body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(request.body).decode("ascii"), True
