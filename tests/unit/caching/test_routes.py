"""The functions over one cache, through their handlers: what is kept, and what changes it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from customerai.adapters.memory.analysis_queue import MemoryAnalysisQueue
from customerai.adapters.memory.cache import MemoryCache
from customerai.adapters.memory.interactions import (
    MemoryIdempotencyKeys,
    MemoryInteractions,
    state_of,
)
from customerai.adapters.memory.rollups import MemoryRollups
from customerai.adapters.memory.taxonomies import MemoryTaxonomies
from customerai.adapters.memory.text_analyser import LexiconTextAnalyser
from customerai.domain.analysis import AnalysisOptions
from customerai.domain.interaction_view import InteractionView
from customerai.event_loop import run
from customerai.observability import cache_layers
from customerai.ports import WHOLE, InteractionFilter, Page, Reading
from customerai.usecases.invalidate_answers import invalidate_answers
from customerai.usecases.roll_up import InteractionChange, roll_up
from customerai_http.app import create_app, lambda_handler
from customerai_http.cursors import Cursors
from customerai_http.response_cache import ResponseCache
from functions.analytics_api import routes as analytics
from functions.interactions_api import batches, routes
from functions.rollup_stream.records import read_batch
from functions.sentiment_api import taxonomy
from tests.conftest import LambdaContext
from tests.http_events import http_event, json_body

ONE = {"customer_id": "c-1", "channel": "email", "text": "Thank you."}
TOPIC = {"id": "tents", "label": "Tents", "examples": []}
LIST = "/v1/interactions"
Answer = dict[str, Any]


class CountingInteractions(MemoryInteractions):
    reads = 0

    async def get(
        self, tenant: str, interaction_id: str, reading: Reading = WHOLE
    ) -> InteractionView | None:
        self.reads += 1
        return await super().get(tenant, interaction_id, reading)

    async def get_many(
        self, tenant: str, interaction_ids: Sequence[str], reading: Reading = WHOLE
    ) -> dict[str, InteractionView]:
        self.reads += 1
        return await super().get_many(tenant, interaction_ids, reading)

    async def page(
        self,
        tenant: str,
        where: InteractionFilter,
        after: str | None,
        limit: int,
        reading: Reading = WHOLE,
    ) -> Page:
        self.reads += 1
        return await super().page(tenant, where, after, limit, reading)


async def _secret() -> bytes:
    return b"secret"


class Api:
    """All three functions, each in two processes, over one cache and one store."""

    def __init__(self) -> None:
        self.cache = MemoryCache()
        self.store, self.rollups = CountingInteractions(), MemoryRollups()
        self.taxonomies = MemoryTaxonomies()
        self._handlers = [self._process() for _ in range(2)]

    def call(self, method: str, path: str, body: object = None, **more: Any) -> Answer:
        """By turns by one process and the other."""
        self._handlers.reverse()
        answer: Answer = self._handlers[0](http_event(method, path, body, **more), LambdaContext())
        return answer

    def get(self, path: str, query: str = "", **more: Any) -> Answer:
        return self.call("GET", path, query=query, **more)

    def create(self, **fields: Any) -> str:
        return str(json_body(self.call("POST", LIST, ONE | fields))["id"])

    def ids(self, query: str = "", **more: Any) -> list[str]:
        return [each["id"] for each in json_body(self.get(LIST, query, **more))["items"]]

    def _process(self) -> Any:
        responses = ResponseCache(self.cache)
        keys = MemoryIdempotencyKeys()
        app = create_app(
            "test",
            routes.build_router(
                interactions=self.store,
                keys=keys,
                cursors=Cursors(_secret),
                responses=responses,
            ),
            batches.build_router(interactions=self.store, keys=keys, responses=responses),
            analytics.build_router(rollups=self.rollups, states=self.store, responses=responses),
            taxonomy.build_router(taxonomies=self.taxonomies, responses=responses),
        )
        return lambda_handler(app)


@pytest.fixture
def api() -> Api:
    return Api()


def cached(answer: Answer) -> str:
    return str(answer["headers"]["server-timing"]).removeprefix("cache;desc=")


QUERIES = ["", "limit=1", "channel=email", "customer=c-1", "sentiment=pending", "fields=text"]


@pytest.mark.parametrize("query", QUERIES)
def test_a_list_is_kept_until_something_comes_in(api: Api, query: str) -> None:
    api.create()
    first, again = api.get(LIST, query), api.get(LIST, query)
    assert (cached(first), cached(again)) == ("miss", "hit")
    assert (first["body"], first["headers"]["link"]) == (again["body"], again["headers"]["link"])
    made = api.create()
    anew = api.get(LIST, query)
    assert cached(anew) == "miss"
    assert json_body(anew)["items"][0]["id"] == made


@pytest.mark.parametrize("query", QUERIES)
def test_what_is_deleted_shows_nowhere(api: Api, query: str) -> None:
    made = api.create()
    for remove in (f"/{made}", None):
        api.get(LIST, query)
        api.get(f"{LIST}/{made}")
        if remove:
            assert api.call("DELETE", LIST + remove)["statusCode"] == 204
        else:
            api.call("DELETE", f"{LIST}/batch", query=f"ids={made}")
        assert made not in api.ids(query)
        assert api.get(f"{LIST}/{made}")["statusCode"] == 404
        made = api.create()


def test_other_customers_lists_stay(api: Api) -> None:
    api.create()
    api.get(LIST, "customer=c-1")
    api.create(customer_id="c-2")
    assert cached(api.get(LIST, "customer=c-1")) == "hit"
    assert cached(api.get(LIST, "customer=c-2")) == "miss"


def test_another_tenant_never_sees_it(api: Api) -> None:
    made = api.create()
    for path in (LIST, "/v1/taxonomy"):
        api.get(path)
        assert cached(api.get(path)) == "hit"
    assert api.ids(tenant="globex") == []
    assert api.get(f"{LIST}/{made}", tenant="globex")["statusCode"] == 404
    batch = json_body(api.get(f"{LIST}/batch", f"ids={made}", tenant="globex"))
    assert batch["results"][0]["status"] == 404
    assert cached(api.get("/v1/taxonomy", tenant="globex")) == "miss"


def test_each_way_of_asking_has_its_own_answer(api: Api) -> None:
    made = api.create()
    whole = json_body(api.get(LIST))["items"]
    texts = json_body(api.get(LIST, "fields=text"))["items"]
    assert texts == [{"id": made, "text": whole[0]["text"]}]
    packed = api.get(LIST, headers={"accept": "application/msgpack"})
    assert cached(packed) == "miss"
    assert packed["headers"]["content-type"] == "application/msgpack"
    again = api.get(LIST, headers={"accept": "application/msgpack"})
    assert (cached(again), again["body"]) == ("hit", packed["body"])
    assert cached(api.get(LIST, "fields=text,id")) == "hit"
    assert json_body(api.get(LIST))["items"] == whole


def test_what_is_read_by_its_id_comes_from_the_store(api: Api) -> None:
    """Asking the cache first would cost more than it saves."""
    made = api.create()
    for path, query in ((f"{LIST}/{made}", ""), (f"{LIST}/batch", f"ids={made}")):
        for read in range(1, 4):
            before, kept = api.store.reads, len(api.cache)
            headers = api.get(path, query)["headers"]
            assert (api.store.reads, len(api.cache)) == (before + 1, kept), read
            assert headers["cache-control"] == "private, no-store"
            assert "server-timing" not in headers


def test_that_a_customer_has_sent_nothing_is_kept_until_one_does(api: Api) -> None:
    for _ in range(3):
        assert api.ids("customer=c-9") == []
    assert api.store.reads == 1
    made = api.create(customer_id="c-9")
    assert api.ids("customer=c-9") == [made]


def test_a_strong_read_asks_the_store(api: Api) -> None:
    api.create()
    token = api.call("POST", LIST, ONE)["headers"]["consistency"]
    for consistency in ("strong", token):
        api.get(LIST)
        before = api.store.reads
        answer = api.get(LIST, headers={"consistency": consistency})
        assert cached(answer) == "bypass"
        assert api.store.reads > before


def test_an_explanation_tells_of_the_cache_and_asks_the_store(api: Api) -> None:
    api.create()
    scopes = "interactions:read platform:explain"
    for outcome in ("miss", "hit"):
        plan = json_body(api.get(LIST, "explain=true", scopes=scopes))["explain"]
        assert plan["caches"] == {"responses.shared": {outcome: 1}}
        api.get(LIST)
    assert api.store.reads == 3


def test_who_may_not_read_gets_nothing_that_is_kept(api: Api) -> None:
    api.create()
    api.get(LIST)
    assert api.get(LIST, scopes="taxonomy:read")["statusCode"] == 403
    assert api.get(LIST, expires_at=1)["statusCode"] == 401


def test_a_forged_cursor_finds_no_answer(api: Api) -> None:
    for _ in range(3):
        api.create()
    cursor = json_body(api.get(LIST, "limit=1"))["next"]
    second = api.get(LIST, f"limit=1&cursor={cursor}")
    assert second["statusCode"] == 200
    assert api.get(LIST, f"limit=1&cursor=A{cursor[1:]}")["statusCode"] == 422
    assert api.get(LIST, f"limit=1&cursor={cursor}", tenant="globex")["statusCode"] == 422


def test_a_batch_of_new_ones_shows_at_once(api: Api) -> None:
    api.ids()
    results = json_body(api.call("POST", f"{LIST}/batch", {"items": [ONE, ONE, 7]}))["results"]
    assert set(api.ids()) == {each["id"] for each in results if "id" in each}


def test_analytics_is_kept_until_the_tenants_numbers_change(api: Api) -> None:
    at = datetime.now(UTC) - timedelta(days=1)
    paths = ("/v1/analytics/summary", "/v1/analytics/timeseries")
    before = [api.get(path) for path in paths]
    assert [cached(api.get(path)) for path in paths] == ["hit", "hit"]
    for answer, path in zip(before, paths, strict=True):
        packed = api.get(path, headers={"accept": "application/msgpack"})
        assert cached(packed) == "miss"
        assert packed["isBase64Encoded"]
        assert set(json_body(answer)) == set(json_body(api.get(path)))
    api.create(occurred_at=at.isoformat())
    [stored] = api.store.stored.values()
    change = InteractionChange("1".zfill(40), stored.ref, None, state_of(stored))
    run(roll_up("s", [change], rollups=api.rollups, queue=MemoryAnalysisQueue()))
    run(ResponseCache(api.cache).invalidate(["tag:acme:analytics:"]))
    assert json_body(api.get(paths[0]))["total"] == 1
    assert cached(api.get(paths[0], headers={"consistency": "strong"})) == "bypass"
    assert cached(api.get(paths[0], "channel=chat")) == "miss"


def test_a_taxonomy_is_kept_until_it_is_replaced(api: Api) -> None:
    etag = api.get("/v1/taxonomy")["headers"]["etag"]
    again = api.get("/v1/taxonomy")
    assert (cached(again), again["headers"]["etag"]) == ("hit", etag)
    put = api.call("PUT", "/v1/taxonomy", {"topics": [TOPIC]}, headers={"if-match": etag})
    assert put["statusCode"] == 200
    anew = api.get("/v1/taxonomy")
    assert (cached(anew), anew["headers"]["etag"]) == ("miss", put["headers"]["etag"])
    assert json_body(anew)["topics"] == [TOPIC]
    token = {"consistency": put["headers"]["consistency"]}
    assert cached(api.get("/v1/taxonomy", headers=token)) == "bypass"


def test_what_the_stream_tells_of_shows_at_once(api: Api) -> None:
    """An analysis, which no API has written."""
    made = api.create()
    queries = ("sentiment=pending", "sentiment=positive", "channel=email", "")
    for query in queries:
        api.get(LIST, query)
    api.get(LIST, "customer=c-2")
    [ref] = api.store.stored
    [analysis] = run(LexiconTextAnalyser().analyse(["great"], AnalysisOptions(), 1))
    run(api.store.save({ref: analysis}))
    key = {"pk": {"S": "acme#0"}, "id": {"S": made}}
    image = key | {"channel": {"S": "email"}, "customer_id": {"S": "c-1"}}
    told = {
        "SequenceNumber": "1",
        "Keys": key,
        "OldImage": image,
        "NewImage": image | {"sentiment": {"S": "positive"}, "score": {"N": "750000"}},
    }
    batch = read_batch({"Records": [{"dynamodb": told}]})
    run(invalidate_answers(batch.tags, cache=api.cache))
    assert [api.ids(query) for query in queries] == [[], [made], [made], [made]]
    assert json_body(api.get(f"{LIST}/{made}"))["sentiment"]["label"] == "positive"
    assert cached(api.get(LIST, "customer=c-2")) == "hit"


def test_what_was_not_stored_changes_nothing(api: Api) -> None:
    api.get(LIST)
    assert api.call("POST", LIST, ONE | {"channel": "fax"})["statusCode"] == 422
    assert api.call("DELETE", f"{LIST}/01M7W4N5E0924WVJVAVMCY5BXV")["statusCode"] == 404
    assert cached(api.get(LIST)) == "hit"


def test_lookups_are_in_the_requests_own_line(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    cache_layers.drained()
    api.get(LIST)
    api.get(LIST)
    lines = [msgspec.json.decode(line) for line in capsys.readouterr().out.splitlines()]
    requests = [line for line in lines if "Requests" in line]
    assert [line.get("ResponsesSharedMiss") for line in requests] == [1, None]
    assert [line.get("ResponsesSharedHit") for line in requests] == [None, 1]
    assert len(lines) == 2
