"""The interactions API through its Lambda handler, over the memory adapters."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from fastapi import APIRouter
from hypothesis import given, settings
from hypothesis import strategies as st

from customerai.adapters.memory.interactions import MemoryIdempotencyKeys, MemoryInteractions
from customerai.domain.analysis import (
    Analysis,
    Aspect,
    Feature,
    Language,
    Tier,
    TopicMatch,
    Urgency,
    UrgencyMatch,
)
from customerai.domain.errors import UnavailableError
from customerai.domain.ids import instant_of, is_id
from customerai.domain.interaction import Interaction
from customerai.domain.sentiment import Scores, Sentiment, SentimentLabel
from customerai_http.app import create_app, lambda_handler
from customerai_http.cursors import Cursors
from functions.interactions_api import documents, routes
from tests.conftest import LambdaContext
from tests.http_events import http_event, json_body

ONE = {"customer_id": "c-1", "channel": "email", "text": "Thank you for the quick answer."}
Answer = dict[str, Any]


class Api:
    def __init__(self, interactions: MemoryInteractions | None = None) -> None:
        self.store = interactions or MemoryInteractions()
        self.broken: set[str] = set()
        router = APIRouter()
        router.include_router(
            documents.build_router({"store": self._probe("store"), "model": self._probe("model")})
        )
        router.include_router(
            routes.build_router(
                interactions=self.store,
                keys=MemoryIdempotencyKeys(),
                cursors=Cursors(lambda: b"secret"),
            )
        )
        self._handler = lambda_handler(create_app("test", router))

    def call(self, method: str, path: str, body: object = None, **more: Any) -> Answer:
        return self._handler(http_event(method, path, body, **more), LambdaContext())  # type: ignore[arg-type]

    def _probe(self, part: str) -> Callable[[], None]:
        def probe() -> None:
            if part in self.broken:
                raise UnavailableError(part)

        return probe


@pytest.fixture
def api() -> Api:
    return Api()


def assert_problem(answer: Answer, status: int, *fields: str) -> None:
    assert answer["statusCode"] == status
    assert answer["headers"]["content-type"] == "application/problem+json"
    problem = json_body(answer)
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert [each["field"] for each in problem.get("errors", [])] == list(fields)


def test_what_is_posted_can_be_read(api: Api) -> None:
    full = ONE | {
        "occurred_at": "2026-11-20T10:30:00+01:00",
        "product": "Tent",
        "rating": 4.5,
        "language": "en-GB",
        "metadata": {"order": 7, "vip": True, "note": None},
    }
    created = api.call("POST", "/v1/interactions", full)
    assert created["statusCode"] == 201
    body = json_body(created)
    assert is_id(body["id"])
    assert created["headers"]["location"] == f"/v1/interactions/{body['id']}"
    expected = full | {"occurred_at": "2026-11-20T09:30:00Z", "sentiment": None}
    assert {key: body[key] for key in expected} == expected
    assert instant_of(body["id"]) == datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
    read = api.call("GET", f"/v1/interactions/{body['id']}")
    assert (read["statusCode"], json_body(read)) == (200, body)


def test_the_analysis_is_shown(api: Api) -> None:
    made = json_body(api.call("POST", "/v1/interactions", ONE))
    ref, stored = next(iter(api.store.stored.items()))
    sentiment = Sentiment(SentimentLabel.POSITIVE, Scores(0.1, 0.2, 0.7), "model-1")
    analysis = Analysis(
        sentiment,
        Tier.FULL,
        features=frozenset(Feature),
        aspects=(Aspect("answer", 24, 30, SentimentLabel.POSITIVE, 0.9),),
        topics=(TopicMatch("support", 0.8),),
        taxonomy="v1",
        intent=None,
        urgency=UrgencyMatch(Urgency.LOW, 0.7),
        language=Language("en", 0.99, True),
    )
    api.store.stored[ref] = replace(stored, analysis=analysis)
    read = json_body(api.call("GET", f"/v1/interactions/{made['id']}"))
    assert read["sentiment"] == {
        "label": "positive",
        "scores": {"negative": 0.1, "neutral": 0.2, "positive": 0.7},
        "confidence": 0.7,
        "abstained": False,
        "model": "model-1",
        "tier": "full",
    }
    assert read["analysis"] == {
        "aspects": [
            {"words": "answer", "start": 24, "end": 30, "label": "positive", "confidence": 0.9}
        ],
        "topics": [{"id": "support", "confidence": 0.8}],
        "taxonomy": "v1",
        "intent": None,
        "urgency": {"label": "low", "confidence": 0.7},
        "language": {"code": "en", "confidence": 0.99, "supported": True},
    }
    (listed,) = json_body(api.call("GET", "/v1/interactions"))["items"]
    assert listed == read


def test_what_is_not_analysed_yet_shows_nothing(api: Api) -> None:
    made = json_body(api.call("POST", "/v1/interactions", ONE))
    assert (made["sentiment"], made["analysis"]) == (None, None)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["customer_id", "channel", "text"]),
        (ONE | {"channel": "fax"}, ["channel"]),
        (ONE | {"text": "x" * 10_001}, ["text"]),
        (ONE | {"metadata": {"a": {"b": 1}}}, ["metadata.a"]),
        (ONE | {"occurred_at": "0001-01-01T00:00:00+10:00"}, ["occurred_at"]),
        (ONE | {"mood": "fine"}, ["mood"]),
        ([], ["body"]),
        ("{not json", ["body"]),
        ("[" * 100_000, ["body"]),
        (None, ["body"]),
    ],
)
def test_bad_input_is_refused_by_field_and_nothing_is_stored(
    api: Api, body: object, fields: list[str]
) -> None:
    assert_problem(api.call("POST", "/v1/interactions", body), 422, *fields)
    assert api.store.stored == {}


def test_a_batch_answers_item_by_item_in_order(api: Api) -> None:
    items = [ONE, ONE | {"channel": "fax"}, 7, ONE | {"customer_id": "c-2"}]
    answer = api.call("POST", "/v1/interactions/batch", {"items": items})
    assert answer["statusCode"] == 207
    results = json_body(answer)["results"]
    assert [result["status"] for result in results] == [201, 422, 422, 201]
    assert results[1]["error"]["errors"][0]["field"] == "items[1].channel"
    assert results[2]["error"]["errors"][0]["field"] == "items[2]"
    assert {results[0]["id"], results[3]["id"]} == {ref.id for ref in api.store.stored}
    assert [set(result) for result in results[:2]] == [{"status", "id"}, {"status", "error"}]


@pytest.mark.parametrize(
    "body", [{"items": []}, {"items": [ONE] * 101}, {"items": ONE}, {"interactions": [ONE]}]
)
def test_a_batch_has_1_to_100_items(api: Api, body: object) -> None:
    answer = api.call("POST", "/v1/interactions/batch", body)
    assert answer["statusCode"] == 422
    assert json_body(answer)["errors"][0]["field"] == "items"
    assert api.store.stored == {}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/interactions", ONE),
        ("/v1/interactions/batch", {"items": [ONE, ONE, {"bad": 1}]}),
    ],
)
def test_a_repeat_with_its_key_gives_the_same_answer(api: Api, path: str, body: object) -> None:
    key = {"idempotency-key": "k-1"}
    first, again = (api.call("POST", path, body, headers=key) for _ in range(2))
    assert first["body"] == again["body"]
    stored = len(api.store.stored)
    assert stored == (1 if path == "/v1/interactions" else 2)
    other = api.call("POST", "/v1/interactions", ONE | {"text": "Else"}, headers=key)
    assert_problem(other, 422, "Idempotency-Key")
    assert len(api.store.stored) == stored


@pytest.mark.parametrize("key", ["", "k" * 256, "with space"])
def test_a_key_is_1_to_255_visible_characters(api: Api, key: str) -> None:
    answer = api.call("POST", "/v1/interactions", ONE, headers={"idempotency-key": key})
    assert_problem(answer, 422, "Idempotency-Key")
    assert api.store.stored == {}


def test_one_failed_write_of_a_batch_is_its_own_result() -> None:
    class Half(MemoryInteractions):
        def add(self, interactions: Sequence[Interaction]) -> list[Exception | None]:
            super().add(interactions[1:])
            return [UnavailableError("store"), *[None] * (len(interactions) - 1)]

    api = Api(Half())
    answer = api.call("POST", "/v1/interactions/batch", {"items": [ONE, ONE]})
    assert [result["status"] for result in json_body(answer)["results"]] == [503, 201]
    single = api.call("POST", "/v1/interactions", ONE)
    assert_problem(single, 503)
    assert single["headers"]["retry-after"] == "1"


def test_a_repeat_brings_nothing_deleted_back(api: Api) -> None:
    key = {"idempotency-key": "k"}
    body = {"items": [ONE, ONE]}
    first = api.call("POST", "/v1/interactions/batch", body, headers=key)
    deleted, kept = (result["id"] for result in json_body(first)["results"])
    assert api.call("DELETE", f"/v1/interactions/{deleted}")["statusCode"] == 204
    again = api.call("POST", "/v1/interactions/batch", body, headers=key)
    assert again["body"] == first["body"]
    assert {ref.id for ref in api.store.stored} == {kept}


def test_deleting_once_is_enough(api: Api) -> None:
    made = json_body(api.call("POST", "/v1/interactions", ONE))
    path = f"/v1/interactions/{made['id']}"
    assert api.call("DELETE", path)["statusCode"] == 204
    assert_problem(api.call("GET", path), 404)
    assert_problem(api.call("DELETE", path), 404)


@pytest.mark.parametrize(
    "interaction_id", ["nope", "0" * 26, "01KAGFMZ40S3X9Q4T7V0B8ZC2U", "7" + "Z" * 25]
)
def test_what_is_not_there_is_not_found(api: Api, interaction_id: str) -> None:
    assert_problem(api.call("GET", f"/v1/interactions/{interaction_id}"), 404)


def test_tenants_do_not_see_each_other(api: Api) -> None:
    made = json_body(api.call("POST", "/v1/interactions", ONE))
    path = f"/v1/interactions/{made['id']}"
    assert_problem(api.call("GET", path, tenant="globex"), 404)
    assert_problem(api.call("DELETE", path, tenant="globex"), 404)
    assert json_body(api.call("GET", "/v1/interactions", tenant="globex"))["items"] == []
    assert api.call("GET", path)["statusCode"] == 200


def test_no_token_no_answer(api: Api) -> None:
    answer = api.call("GET", "/v1/interactions", tenant=None)
    assert_problem(answer, 401)
    assert answer["headers"]["www-authenticate"].startswith("Bearer")
    assert_problem(api.call("GET", "/v1/interactions", expires_at=1), 401)


def test_each_route_needs_its_scope(api: Api) -> None:
    calls = [
        ("POST", "/v1/interactions", ONE, "interactions:write"),
        ("POST", "/v1/interactions/batch", {"items": [ONE]}, "interactions:write"),
        ("GET", "/v1/interactions", None, "interactions:read"),
        ("GET", f"/v1/interactions/{'0' * 26}", None, "interactions:read"),
        ("DELETE", f"/v1/interactions/{'0' * 26}", None, "interactions:write"),
    ]
    for method, path, body, scope in calls:
        others = " ".join({"interactions:read", "interactions:write"} - {scope})
        answer = api.call(method, path, body, scopes=others)
        assert_problem(answer, 403)
        assert scope in json_body(answer)["detail"]
    assert api.store.stored == {}


def _fill(api: Api, count: int, start: datetime) -> list[str]:
    items = [
        ONE | {"occurred_at": (start + timedelta(minutes=n)).isoformat()} for n in range(count)
    ]
    answer = api.call("POST", "/v1/interactions/batch", {"items": items})
    return [result["id"] for result in json_body(answer)["results"]]


START = datetime(2026, 11, 1, tzinfo=UTC)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 7), st.integers(0, 25), st.lists(st.integers(0, 60), max_size=8))
def test_inserts_while_paging_neither_lose_nor_repeat(
    limit: int, count: int, inserted_minutes: list[int]
) -> None:
    api = Api()
    before = _fill(api, count, START) if count else []
    seen: list[str] = []
    query = f"limit={limit}"
    inserts = iter(inserted_minutes)
    while True:
        page = json_body(api.call("GET", "/v1/interactions", query=query))
        seen += [item["id"] for item in page["items"]]
        if (minute := next(inserts, None)) is not None:
            _fill(api, 1, START + timedelta(minutes=minute))
        if page["next"] is None:
            break
        query = f"limit={limit}&cursor={page['next']}"
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == len(set(seen))
    assert set(before) <= set(seen)


def test_filters_narrow_and_bind_the_cursor(api: Api) -> None:
    _fill(api, 5, START)
    api.call("POST", "/v1/interactions", ONE | {"channel": "chat", "customer_id": "c-2"})
    page = json_body(api.call("GET", "/v1/interactions", query="channel=email&limit=2"))
    assert [item["channel"] for item in page["items"]] == ["email", "email"]
    elsewhere = f"channel=chat&limit=2&cursor={page['next']}"
    assert_problem(api.call("GET", "/v1/interactions", query=elsewhere), 422, "cursor")
    same = f"channel=email&limit=2&cursor={page['next']}"
    assert_problem(api.call("GET", "/v1/interactions", query=same, tenant="globex"), 422, "cursor")
    assert len(json_body(api.call("GET", "/v1/interactions", query=same))["items"]) == 2
    chat = json_body(api.call("GET", "/v1/interactions", query="customer=c-2&sentiment=pending"))
    assert [item["customer_id"] for item in chat["items"]] == ["c-2"]
    assert chat["next"] is None


@pytest.mark.parametrize("offset", ["Z", "+00:00", quote("+00:00"), ""])
def test_from_and_to_are_half_open(api: Api, offset: str) -> None:
    made = _fill(api, 5, START)
    query = f"from=2026-11-01T00:01:00{offset}&to=2026-11-01T00:03:00{offset}"
    page = json_body(api.call("GET", "/v1/interactions", query=query))
    assert [item["id"] for item in page["items"]] == [made[2], made[1]]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("channel=fax", "channel"),
        ("sentiment=angry", "sentiment"),
        ("from=yesterday", "from"),
        ("to=0001-01-01T00:00:00%2B10:00", "to"),
        ("cursor=forged", "cursor"),
        ("colour=red", "colour"),
        ("start=2026-01-01", "start"),
        ("cursor=", "cursor"),
        ("from=1700000000", "from"),
        ("from=2026-01-02&to=2026-01-01", "from"),
    ],
)
def test_bad_parameters_are_named(api: Api, query: str, field: str) -> None:
    assert_problem(api.call("GET", "/v1/interactions", query=query), 422, field)


@pytest.mark.parametrize("headers", [{}, {"content-length": "10"}])
def test_a_body_has_a_limit_whatever_its_length_is_said_to_be(
    api: Api, headers: dict[str, str]
) -> None:
    huge = {"items": [ONE | {"text": "x" * 60_000}] * 100}
    assert_problem(api.call("POST", "/v1/interactions/batch", huge, headers=headers), 413)
    assert api.store.stored == {}


def test_errors_are_few_and_short_however_many_there_are(api: Api) -> None:
    bad = ONE | {"metadata": {f"{n}-{'k' * 500}": [n] for n in range(60)}} | {"x" * 5_000: 1}
    answer = api.call("POST", "/v1/interactions/batch", {"items": [bad] * 100})
    assert answer["statusCode"] == 207
    assert len(answer["body"]) < 1_000_000
    assert all(len(r["error"]["errors"]) <= 20 for r in json_body(answer)["results"])


def test_a_page_fits_into_what_lambda_returns_and_the_next_one_goes_on(api: Api) -> None:
    metadata = {f"key-{n}": "\u4f60" * 500 for n in range(32)}
    items = [ONE | {"text": "\u4f60\n" * 5_000, "metadata": metadata} for _ in range(25)]
    for _ in range(4):
        api.call("POST", "/v1/interactions/batch", {"items": items})
    aspects = tuple(
        Aspect("\u4f60\n" * 5, 0, 10, SentimentLabel.NEUTRAL, 0.1234) for _ in range(1_000)
    )
    sentiment = Sentiment(SentimentLabel.NEUTRAL, Scores(0, 1, 0), "m")
    for ref, stored in api.store.stored.items():
        analysis = Analysis(
            sentiment, Tier.FULL, features=frozenset({Feature.ASPECTS}), aspects=aspects
        )
        api.store.stored[ref] = replace(stored, analysis=analysis)
    seen, query = [], "limit=100"
    while True:
        answer = api.call("GET", "/v1/interactions", query=query)
        assert len(json.dumps(answer, ensure_ascii=False).encode()) < 6_000_000
        page = json_body(answer)
        seen += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        query = f"limit=100&cursor={page['next']}"
    assert len(seen) == len(set(seen)) == 100


def test_a_key_says_what_it_was_used_for(api: Api) -> None:
    """A batch of one is another request than the one alone."""
    key = {"idempotency-key": "k"}
    api.call("POST", "/v1/interactions", ONE, headers=key)
    batch = api.call("POST", "/v1/interactions/batch", {"items": [ONE]}, headers=key)
    assert_problem(batch, 422, "Idempotency-Key")


def test_unknown_paths_and_methods_are_problems_too(api: Api) -> None:
    assert_problem(api.call("GET", "/v1/nothing"), 404)
    assert_problem(api.call("PATCH", "/v1/interactions", ONE), 405)


def test_what_nobody_foresaw_tells_nothing() -> None:
    class Broken(MemoryInteractions):
        def get(self, tenant: str, interaction_id: str) -> Interaction | None:
            raise RuntimeError("secret detail")

    answer = Api(Broken()).call("GET", f"/v1/interactions/{'0' * 26}")
    assert_problem(answer, 500)
    assert "secret" not in answer["body"]


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
