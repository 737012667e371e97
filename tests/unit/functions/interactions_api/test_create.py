"""One interaction is taken in, once however often it is sent."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from customerai.adapters.memory.interactions import MemoryInteractions
from customerai.domain.errors import UnavailableError
from customerai.domain.ids import instant_of, is_id
from customerai.domain.interaction import Interaction
from tests.http_events import json_body
from tests.unit.functions.interactions_api.api import ONE, Api, assert_problem


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
        async def add(self, interactions: Sequence[Interaction]) -> list[Exception | None]:
            await super().add(interactions[1:])
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


def test_a_key_says_what_it_was_used_for(api: Api) -> None:
    """A batch of one is another request than the one alone."""
    key = {"idempotency-key": "k"}
    api.call("POST", "/v1/interactions", ONE, headers=key)
    batch = api.call("POST", "/v1/interactions/batch", {"items": [ONE]}, headers=key)
    assert_problem(batch, 422, "Idempotency-Key")


@pytest.mark.parametrize("headers", [{}, {"content-length": "10"}])
def test_a_body_has_a_limit_whatever_its_length_is_said_to_be(
    api: Api, headers: dict[str, str]
) -> None:
    huge = {"items": [ONE | {"text": "x" * 60_000}] * 100}
    assert_problem(api.call("POST", "/v1/interactions/batch", huge, headers=headers), 413)
    assert api.store.stored == {}
