"""That there is nothing is an answer too: processes that share a real Redis ask the store for it
once, until there is something."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from customerai.adapters.memory.interactions import MemoryIdempotencyKeys
from customerai.adapters.memory.taxonomies import MemoryTaxonomies
from customerai.adapters.redis import CachePools, RedisCache
from customerai.domain.taxonomy import Taxonomy
from customerai.event_loop import run
from customerai_http.app import create_app, lambda_handler
from customerai_http.cursors import Cursors
from customerai_http.response_cache import ResponseCache
from functions.interactions_api import routes
from functions.sentiment_api import taxonomy
from tests.conftest import LambdaContext
from tests.http_events import http_event, json_body
from tests.integration.redis.conftest import primary
from tests.integration.redis.servers import Server
from tests.unit.caching.test_routes import CountingInteractions

__all__ = ["primary"]

PATIENCE = 2.0
TOPIC = {"id": "tents", "label": "Tents", "examples": []}


class CountingTaxonomies(MemoryTaxonomies):
    reads = 0

    async def get(self, tenant: str) -> Taxonomy | None:
        self.reads += 1
        return await super().get(tenant)


class Processes:
    """Two, which share stores and a Redis, and answer by turns."""

    def __init__(self, primary: Server) -> None:
        self.interactions, self.taxonomies = CountingInteractions(), CountingTaxonomies()
        self.pools = [CachePools(primary.url) for _ in range(2)]
        self._handlers = [self._handler(each) for each in self.pools]

    def call(self, method: str, path: str, body: object = None, **more: Any) -> dict[str, Any]:
        self._handlers.reverse()
        event = http_event(method, path, body, **more)
        answer: dict[str, Any] = self._handlers[0](event, LambdaContext())
        return answer

    def _handler(self, pools: CachePools) -> Callable[..., Any]:
        run(pools.warm())
        responses = ResponseCache(RedisCache(pools, timeout=PATIENCE))
        return lambda_handler(
            create_app(
                "test",
                routes.build_router(
                    interactions=self.interactions,
                    keys=MemoryIdempotencyKeys(),
                    cursors=Cursors(_secret),
                    responses=responses,
                ),
                taxonomy.build_router(taxonomies=self.taxonomies, responses=responses),
            )
        )


async def _secret() -> bytes:
    return b"secret"


@pytest.fixture
def processes(primary: Server) -> Iterator[Processes]:
    made = Processes(primary)
    yield made
    for pools in made.pools:
        run(pools.aclose())


def test_a_tenant_without_topics_of_its_own(processes: Processes) -> None:
    answers = [processes.call("GET", "/v1/taxonomy") for _ in range(4)]
    assert all(json_body(each)["is_default"] for each in answers)
    assert processes.taxonomies.reads == 1
    etag = {"if-match": answers[0]["headers"]["etag"]}
    put = processes.call("PUT", "/v1/taxonomy", {"topics": [TOPIC]}, headers=etag)
    assert put["statusCode"] == 200
    assert json_body(processes.call("GET", "/v1/taxonomy"))["topics"] == [TOPIC]


def test_a_customer_who_has_sent_nothing(processes: Processes) -> None:
    path, query = "/v1/interactions", "customer=c-9"
    for _ in range(4):
        assert json_body(processes.call("GET", path, query=query))["items"] == []
    assert processes.interactions.reads == 1
    new = {"customer_id": "c-9", "channel": "email", "text": "Hello."}
    made = json_body(processes.call("POST", path, new))["id"]
    [found] = json_body(processes.call("GET", path, query=query))["items"]
    assert found["id"] == made
