"""Many interactions at once, with a result for each."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from customerai.adapters.memory.interactions import MemoryIdempotencyKeys, MemoryInteractions
from customerai.domain.errors import UnavailableError
from tests.http_events import json_body
from tests.unit.functions.interactions_api.api import (
    ONE,
    START,
    Answer,
    Api,
    assert_problem,
)


def test_a_batch_answers_item_by_item_in_order(api: Api) -> None:
    items = [ONE, ONE | {"channel": "fax"}, 7, ONE | {"customer_id": "c-2"}]
    answer = api.call("POST", "/v1/interactions/batch", {"items": items})
    assert answer["statusCode"] == 207
    results = json_body(answer)["results"]
    assert [result["status"] for result in results] == [201, 422, 422, 201]
    assert results[1]["error"]["errors"][0]["field"] == "items[1].channel"
    assert results[2]["error"]["errors"][0]["field"] == "items[2]"
    assert results[2]["error"]["errors"][0]["location"] == "body"
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


def test_errors_are_few_and_short_however_many_there_are(api: Api) -> None:
    bad = ONE | {"metadata": {f"{n}-{'k' * 500}": [n] for n in range(60)}} | {"x" * 5_000: 1}
    answer = api.call("POST", "/v1/interactions/batch", {"items": [bad] * 100})
    assert answer["statusCode"] == 207
    assert len(answer["body"]) < 1_000_000
    assert all(len(r["error"]["errors"]) <= 20 for r in json_body(answer)["results"])


@pytest.mark.parametrize(("items", "is_written"), [([7, ONE], True), ([7, {}], False)])
def test_only_what_was_stored_has_a_token(api: Api, items: object, is_written: bool) -> None:
    answer = api.call("POST", "/v1/interactions/batch", {"items": items})
    assert ("consistency" in answer["headers"]) is is_written


def test_only_what_was_deleted_has_a_token(api: Api) -> None:
    made = api.fill(1)
    assert "consistency" in delete(api, [*made, "no-id"])["headers"]
    assert "consistency" not in delete(api, [*made, "no-id"])["headers"]


def get(api: Api, ids: Sequence[str], more: str = "", **options: object) -> Answer:
    query = f"ids={','.join(ids)}{more}"
    return api.call("GET", "/v1/interactions/batch", query=query, **options)


def delete(api: Api, ids: Sequence[str], **options: object) -> Answer:
    return api.call("DELETE", "/v1/interactions/batch", query=f"ids={','.join(ids)}", **options)


def test_each_id_has_its_interaction_in_order(api: Api) -> None:
    made = api.fill(3)
    ids = [made[2], "0" * 26, "no-id", made[0], made[2]]
    answer = get(api, ids)
    assert answer["statusCode"] == 207
    results = json_body(answer)["results"]
    assert [each["id"] for each in results] == ids[:4]
    assert [each["status"] for each in results] == [200, 404, 404, 200]
    for each in (results[0], results[3]):
        alone = api.call("GET", f"/v1/interactions/{each['id']}")
        assert each["interaction"] == json_body(alone)
        assert "error" not in each
    for each in results[1:3]:
        assert each["error"]["type"] == "about:blank"
        assert "interaction" not in each


def test_a_batch_is_read_with_the_fields_that_are_asked_for(api: Api) -> None:
    made = api.fill(2)
    results = json_body(get(api, made, "&fields=channel"))["results"]
    assert [each["interaction"] for each in results] == [
        {"id": each, "channel": "email"} for each in made
    ]
    assert_problem(get(api, made, "&fields=mood"), 400, "fields")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_batch_of_ids_has_1_to_100_of_them(api: Api, method: str) -> None:
    made = api.fill(1)
    path = "/v1/interactions/batch"
    for query in ("", "ids=", "ids=,", f"ids={'x' * 65}", f"ids={'0,' * 5_000}"):
        assert_problem(api.call(method, path, query=query), 422, "ids")
    many = ",".join(f"{n:026}" for n in range(101))
    assert_problem(api.call(method, path, query=f"ids={many}"), 422, "ids")
    assert_problem(api.call(method, path, query="ids=x&colour=red"), 422, "colour")
    assert {ref.id for ref in api.store.stored} == set(made)
    hundred = ",".join([*made, *(f"{n:026}" for n in range(99))])
    assert len(json_body(api.call(method, path, query=f"ids={hundred}"))["results"]) == 100


def test_what_is_deleted_together_is_gone_and_the_rest_is_told(api: Api) -> None:
    made = api.fill(4)
    ids = [made[1], "0" * 26, "no-id", made[3], made[1]]
    answer = delete(api, ids)
    assert answer["statusCode"] == 207
    results = json_body(answer)["results"]
    assert [each["id"] for each in results] == ids[:4]
    assert [each["status"] for each in results] == [204, 404, 404, 204]
    assert ["error" in each for each in results] == [False, True, True, False]
    assert {ref.id for ref in api.store.stored} == {made[0], made[2]}
    assert [each["status"] for each in json_body(delete(api, made))["results"]] == [
        204,
        404,
        204,
        404,
    ]


def test_a_repeat_brings_nothing_back_that_was_deleted_in_a_batch(api: Api) -> None:
    key = {"idempotency-key": "k"}
    body = {"items": [ONE, ONE, ONE]}
    first = api.call("POST", "/v1/interactions/batch", body, headers=key)
    one, two, three = (result["id"] for result in json_body(first)["results"])
    delete(api, [one, three])
    again = api.call("POST", "/v1/interactions/batch", body, headers=key)
    assert again["body"] == first["body"]
    assert {ref.id for ref in api.store.stored} == {two}


class FailingStore(MemoryInteractions):
    """Fails for one id."""

    fails = ""

    async def remove(self, tenant: str, interaction_ids: Sequence[str]) -> list[bool | Exception]:
        removed = await super().remove(tenant, [i for i in interaction_ids if i != self.fails])
        outcomes = iter(removed)
        return [
            UnavailableError("store") if each == self.fails else next(outcomes)
            for each in interaction_ids
        ]


class FailingKeys(MemoryIdempotencyKeys):
    """Fails for one id."""

    fails = ""

    async def bury(
        self, tenant: str, interaction_ids: Sequence[str], deleted_at: datetime
    ) -> list[Exception | None]:
        await super().bury(tenant, [i for i in interaction_ids if i != self.fails], deleted_at)
        return [UnavailableError("store") if i == self.fails else None for i in interaction_ids]


def test_a_failure_of_one_is_its_own_result_and_leaves_it_there() -> None:
    """What could not be remembered as deleted must not be deleted: a repeat would bring it back."""
    store, keys = FailingStore(), FailingKeys()
    api = Api(store, keys)
    gone, unburied, unremoved = api.fill(3)
    store.fails, keys.fails = unremoved, unburied
    results = json_body(delete(api, [gone, unburied, unremoved]))["results"]
    assert [each["status"] for each in results] == [204, 503, 503]
    assert {ref.id for ref in store.stored} == {unburied, unremoved}
    assert_problem(api.call("DELETE", f"/v1/interactions/{unburied}"), 503)
    store.fails = keys.fails = ""
    results = json_body(delete(api, [gone, unburied, unremoved]))["results"]
    assert [each["status"] for each in results] == [404, 204, 204]


def test_a_batch_is_of_the_tenant_alone(api: Api) -> None:
    made = api.fill(2)
    for answer in (get(api, made, tenant="globex"), delete(api, made, tenant="globex")):
        assert [each["status"] for each in json_body(answer)["results"]] == [404, 404]
    assert len(api.store.stored) == 2


def test_a_batch_needs_its_scope(api: Api) -> None:
    made = api.fill(1)
    assert_problem(get(api, made, scopes="interactions:write"), 403)
    assert_problem(delete(api, made, scopes="interactions:read"), 403)
    assert_problem(get(api, made, tenant=None), 401)
    assert len(api.store.stored) == 1


@pytest.mark.parametrize("accept", ["application/json", "application/msgpack"])
def test_what_does_not_fit_into_one_answer_is_told(api: Api, accept: str) -> None:
    """Rather than an answer that Lambda could not return."""
    large = {"text": "\u4f60\n" * 5_000, "metadata": {f"k{n}": "\u4f60" * 500 for n in range(32)}}
    made = [each for n in range(5) for each in api.fill(20, START + timedelta(hours=n), **large)]
    headers = {"accept": accept}
    assert_problem(get(api, made, headers=headers), 422, "ids")
    for ids, fields in ((made[:50], ""), (made, "&fields=channel")):
        answer = get(api, ids, fields, headers=headers)
        assert answer["statusCode"] == 207
        assert len(json.dumps(answer, ensure_ascii=False).encode()) < 6_000_000
