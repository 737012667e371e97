"""The interactions API as its handler composes it, over the memory adapters."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from customerai.adapters.memory.cache import MemoryCache
from customerai.adapters.memory.interactions import MemoryIdempotencyKeys, MemoryInteractions
from customerai.domain.errors import UnavailableError
from customerai.ports import Probe
from customerai_http.app import create_app, lambda_handler
from customerai_http.cursors import Cursors
from customerai_http.response_cache import ResponseCache
from functions.interactions_api import batches, documents, routes
from tests.conftest import LambdaContext
from tests.http_events import http_event, json_body

ONE = {"customer_id": "c-1", "channel": "email", "text": "Thank you for the quick answer."}
START = datetime(2026, 11, 1, tzinfo=UTC)
Answer = dict[str, Any]


class Api:
    def __init__(
        self,
        interactions: MemoryInteractions | None = None,
        keys: MemoryIdempotencyKeys | None = None,
    ) -> None:
        self.store = interactions or MemoryInteractions()
        self.keys = keys or MemoryIdempotencyKeys()
        self.broken: set[str] = set()
        responses = ResponseCache(MemoryCache(0))
        app = create_app(
            "test",
            batches.build_router(interactions=self.store, keys=self.keys, responses=responses),
            routes.build_router(
                interactions=self.store,
                keys=self.keys,
                cursors=Cursors(_cursor_secret),
                responses=responses,
            ),
            documents.build_router({"store": self._probe("store"), "model": self._probe("model")}),
        )
        self._handler = lambda_handler(app)

    def call(self, method: str, path: str, body: object = None, **more: Any) -> Answer:
        return self._handler(http_event(method, path, body, **more), LambdaContext())  # type: ignore[arg-type]

    def create(self, **fields: Any) -> str:
        """The id of a new interaction."""
        made = self.call("POST", "/v1/interactions", ONE | fields)
        assert made["statusCode"] == 201
        return str(json_body(made)["id"])

    def fill(self, count: int, start: datetime = START, **fields: Any) -> list[str]:
        """So many interactions, a minute apart; their ids."""
        items = [
            ONE | {"occurred_at": (start + timedelta(minutes=n)).isoformat()} | fields
            for n in range(count)
        ]
        answer = self.call("POST", "/v1/interactions/batch", {"items": items})
        return [result["id"] for result in json_body(answer)["results"]]

    def page(self, query: str = "", **more: Any) -> Any:
        answer = self.call("GET", "/v1/interactions", query=query, **more)
        assert answer["statusCode"] == 200, answer
        return json_body(answer)

    def _probe(self, part: str) -> Probe:
        async def probe() -> None:
            if part in self.broken:
                raise UnavailableError(part)

        return probe


async def _cursor_secret() -> bytes:
    return b"secret"


def msgpack_body(answer: Answer) -> Any:
    assert answer["headers"]["content-type"] == "application/msgpack"
    assert answer["isBase64Encoded"]
    return msgspec.msgpack.decode(base64.b64decode(answer["body"]))


def assert_problem(answer: Answer, status: int, *fields: str) -> None:
    assert answer["statusCode"] == status, answer
    assert answer["headers"]["content-type"] == "application/problem+json"
    problem = json_body(answer)
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert [each["field"] for each in problem.get("errors", [])] == list(fields)
