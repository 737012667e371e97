"""API Gateway events (payload 2.0) for tests, and what their answers hold."""

import json
from typing import Any

ALL_SCOPES = (
    "interactions:read interactions:write sentiment:analyse "
    "taxonomy:read taxonomy:write analytics:read"
)
NEVER = 4_102_444_800


def http_event(
    method: str,
    path: str,
    body: object = None,
    *,
    query: str = "",
    tenant: str | None = "acme",
    scopes: str = ALL_SCOPES,
    expires_at: int = NEVER,
    headers: dict[str, str] | None = None,
) -> dict[str, Any]:
    """``body`` is sent as JSON, or as it is where it is a string; no tenant means no token."""
    text = body if isinstance(body, str) or body is None else json.dumps(body)
    context: dict[str, Any] = {
        "accountId": "123456789012",
        "apiId": "api",
        "domainName": "api.example.com",
        "domainPrefix": "api",
        "http": {
            "method": method,
            "path": path,
            "protocol": "HTTP/1.1",
            "sourceIp": "203.0.113.17",
            "userAgent": "test",
        },
        "requestId": "request",
        "routeKey": "$default",
        "stage": "$default",
        "time": "23/Nov/2026:12:00:01 +0000",
        "timeEpoch": 1_795_435_201_342,
    }
    if tenant:
        context["authorizer"] = {
            "lambda": {
                "tenant": tenant,
                "subject": "client",
                "scopes": scopes,
                "expires_at": str(expires_at),
            }
        }
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {
            "host": "api.example.com",
            "content-type": "application/json",
            "content-length": str(len((text or "").encode())),
        }
        | (headers or {}),
        "requestContext": context,
        "isBase64Encoded": False,
    }
    if text is not None:
        event["body"] = text
    return event


def json_body(answer: dict[str, Any]) -> Any:
    return json.loads(answer["body"])
