"""Health and documents, which need no token."""

from tests.http_events import json_body
from tests.unit.functions.interactions_api.api import Api


def test_health_is_good_only_when_every_part_serves(api: Api) -> None:
    answer = api.call("GET", "/health", tenant=None)
    assert answer["statusCode"] == 200
    assert json_body(answer) == {"status": "ok", "parts": {"store": "ok", "model": "ok"}}
    other = Api()
    other.broken.add("model")
    answer = other.call("GET", "/health", tenant=None)
    assert answer["statusCode"] == 503
    assert json_body(answer)["parts"] == {"store": "ok", "model": "unavailable"}


def test_documents_need_no_token(api: Api) -> None:
    document = json_body(api.call("GET", "/openapi.json", tenant=None))
    assert "/v1/analytics/summary" in document["paths"]
    page = api.call("GET", "/docs", tenant=None)
    assert page["headers"]["content-type"].startswith("text/html")
    assert "/openapi.json" in page["body"]
