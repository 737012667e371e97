"""Each kind of request once more, and what the client sees of its answer.

No request repeats an earlier one, so that no cache has its answer, unless that is what it is about.
"""

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import uuid4

from tests.http_events import http_event
from tests.integration.faults.stack import Stack

TIMEOUT_MS = 1_500
"""What clients say that they wait for."""
_UNAVAILABLE = "urn:customerai:problem:unavailable"
_EXCEEDED = "urn:customerai:problem:deadline-exceeded"
_SEEDED = 100


class Kind(StrEnum):
    """Of request."""

    KEPT = "GET a list that was asked for shortly before"
    GET = "GET one"
    LIST = "GET a list"
    POST = "POST one"
    BATCH = "POST a batch"
    DELETE = "DELETE one"
    DELETED = "GET a list without what one has deleted, with the token of that"
    SUMMARY = "GET the analytics summary"
    TAXONOMY = "GET the taxonomy"
    SENTIMENT = "POST a text for its sentiment"
    TOPICS = "POST texts for their topics"
    ANALYSIS = "Analysis of what is stored"


class Outcome(StrEnum):
    WELL = "as ever"
    UNAVAILABLE = "503"
    EACH_UNAVAILABLE = "207, each item 503"
    EXCEEDED = "504"
    EACH_EXCEEDED = "207, each item 504"
    DEGRADED = "200, tier `static`"
    NAMED_AS_FAILED = "all in `batchItemFailures`"


Asked = Callable[["Client"], Awaitable[tuple[str, float]]]


class Client:
    """A tenant of its own, which has some interactions, and waits for ``timeout_ms``."""

    def __init__(self, stack: Stack, timeout_ms: int = TIMEOUT_MS) -> None:
        self._stack = stack
        self.timeout_ms = timeout_ms
        self._tenant = f"tenant-{uuid4().hex}"
        self._numbers = itertools.count(1)
        self._unread: list[str] = []
        self._customers: dict[str, str] = {}
        """By id; each has one interaction."""
        self._unchanged = f"{self._tenant}-unchanged"
        """A tenant whose lists nothing makes go."""

    async def store_some(self) -> None:
        """What is read, deleted and analysed later."""
        batch = self._batch(_SEEDED)
        answer, _ = await self._send("POST", "/v1/interactions/batch", batch)
        self._unread = [each["id"] for each in json.loads(answer["body"])["results"]]
        customers = [each["customer_id"] for each in batch["items"]]
        self._customers = dict(zip(self._unread, customers, strict=True))
        await self._send("POST", "/v1/interactions", self._new(), tenant=self._unchanged)

    async def outcomes(self) -> dict[Kind, tuple[str, float]]:
        """What is seen of each kind, and after how many seconds.

        A worker takes one request at a time, and all workers have theirs at once.
        """
        by_worker = await asyncio.gather(*(self._in_turn(kinds) for kinds in _WORKERS))
        return {kind: seen for part in by_worker for kind, seen in part.items()}

    async def outcome(self, kind: Kind) -> str:
        return (await _REQUESTS[kind](self))[0]

    async def _in_turn(self, kinds: Iterable[Kind]) -> dict[Kind, tuple[str, float]]:
        return {kind: await _REQUESTS[kind](self) for kind in kinds}

    async def get_kept(self) -> tuple[str, float]:
        answer, seconds = await self._send("GET", "/v1/interactions", tenant=self._unchanged)
        return _seen(answer, 200, lambda body: len(body["items"]) == 1), seconds

    async def get(self) -> tuple[str, float]:
        interaction_id = self._unread.pop()
        answer, seconds = await self._send("GET", f"/v1/interactions/{interaction_id}")
        return _seen(answer, 200, lambda body: body["id"] == interaction_id), seconds

    async def list(self) -> tuple[str, float]:
        limit = 10 + next(self._numbers) % 90
        answer, seconds = await self._send("GET", "/v1/interactions", query=f"limit={limit}")
        return _seen(answer, 200, lambda body: len(body["items"]) > 0), seconds

    async def post(self) -> tuple[str, float]:
        item = self._new()
        answer, seconds = await self._send("POST", "/v1/interactions", item)
        return _seen(answer, 201, lambda body: body["text"] == item["text"]), seconds

    async def post_batch(self) -> tuple[str, float]:
        answer, seconds = await self._send("POST", "/v1/interactions/batch", self._batch(20))
        return _seen_batch(answer, 201, 20), seconds

    async def delete(self) -> tuple[str, float]:
        answer, seconds = await self._send("DELETE", f"/v1/interactions/{self._unread.pop()}")
        return _seen(answer, 204, lambda body: body is None), seconds

    async def get_deleted(self) -> tuple[str, float]:
        """After the list was kept in which it is still there. The seconds are of the slowest."""
        deleted, token, slowest = self._unread.pop(), "eventual", 0.0
        listed = "/v1/interactions", f"customer={self._customers[deleted]}"
        for method, (path, query), status, ids in (
            ("GET", listed, 200, [deleted]),
            ("DELETE", (f"/v1/interactions/{deleted}", ""), 204, None),
            ("GET", listed, 200, []),
        ):
            answer, seconds = await self._send(method, path, query=query, consistency=token)
            slowest = max(slowest, seconds)
            outcome = _seen(answer, status, _is_list_of(ids))
            if outcome != Outcome.WELL:
                return outcome, slowest
            token = answer["headers"].get("consistency", token)
        return Outcome.WELL, slowest

    async def summarise(self) -> tuple[str, float]:
        start = datetime.now(UTC) - timedelta(days=2, seconds=next(self._numbers))
        query = f"from={start:%Y-%m-%dT%H:%M:%SZ}"
        answer, seconds = await self._send("GET", "/v1/analytics/summary", query=query)
        return _seen(answer, 200, lambda body: "total" in body), seconds

    async def get_taxonomy(self) -> tuple[str, float]:
        # There are no parameters, so somebody else asks.
        answer, seconds = await self._send("GET", "/v1/taxonomy", tenant=uuid4().hex)
        return _seen(answer, 200, lambda body: body["is_default"]), seconds

    async def analyse(self) -> tuple[str, float]:
        body = {"text": self._text(), "include": ["aspects"]}
        answer, seconds = await self._send("POST", "/v1/sentiment", body)
        if _is(answer, 200, lambda body: _is_static(body, "aspects")):
            return Outcome.DEGRADED, seconds
        return _seen(answer, 200, lambda body: body["tier"] == "full"), seconds

    async def analyse_topics(self) -> tuple[str, float]:
        body = {"texts": [self._text() for _ in range(3)], "include": ["topics"]}
        answer, seconds = await self._send("POST", "/v1/sentiment/batch", body)

        def every(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
            return lambda body: len(body["results"]) == 3 and all(map(holds, body["results"]))

        if _is(answer, 200, every(lambda each: _is_static(each, "topics"))):
            return Outcome.DEGRADED, seconds
        return _seen(answer, 200, every(lambda each: each["tier"] == "full")), seconds

    async def analyse_stored(self) -> tuple[str, float]:
        bodies = [{"tenant": self._tenant, "id": self._unread.pop()} for _ in range(2)]
        records = [{"messageId": each["id"], "body": json.dumps(each)} for each in bodies]
        answer, seconds = await self._stack.invoke("analysis_queue", {"Records": records})
        failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        if failed == {each["id"] for each in bodies}:
            return Outcome.NAMED_AS_FAILED, seconds
        return str(answer) if failed else Outcome.WELL, seconds

    async def _send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: str = "",
        tenant: str = "",
        consistency: str = "eventual",
    ) -> tuple[Any, float]:
        function = next(name for prefix, name in _FUNCTIONS.items() if path.startswith(prefix))
        headers = {"x-timeout-ms": str(self.timeout_ms), "consistency": consistency}
        event = http_event(
            method, path, body, query=query, tenant=tenant or self._tenant, headers=headers
        )
        return await self._stack.invoke(function, event)

    def _text(self) -> str:
        return f"Tent {next(self._numbers)} of {self._tenant} kept us dry, but its pole is bent."

    def _new(self) -> dict[str, Any]:
        customer = f"cust-{next(self._numbers)}"
        return {"customer_id": customer, "channel": "email", "text": self._text()}

    def _batch(self, size: int) -> dict[str, Any]:
        return {"items": [self._new() for _ in range(size)]}


_FUNCTIONS: Mapping[str, str] = {
    "/v1/interactions": "interactions_api",
    "/v1/analytics": "analytics_api",
    "/v1/sentiment": "sentiment_api",
    "/v1/taxonomy": "sentiment_api",
}
_REQUESTS: Mapping[Kind, Asked] = {
    Kind.KEPT: Client.get_kept,
    Kind.GET: Client.get,
    Kind.LIST: Client.list,
    Kind.POST: Client.post,
    Kind.BATCH: Client.post_batch,
    Kind.DELETE: Client.delete,
    Kind.DELETED: Client.get_deleted,
    Kind.SUMMARY: Client.summarise,
    Kind.TAXONOMY: Client.get_taxonomy,
    Kind.SENTIMENT: Client.analyse,
    Kind.TOPICS: Client.analyse_topics,
    Kind.ANALYSIS: Client.analyse_stored,
}
_WORKERS = (
    (Kind.KEPT, Kind.GET, Kind.LIST, Kind.POST, Kind.BATCH, Kind.DELETE, Kind.DELETED),
    (Kind.TAXONOMY, Kind.SENTIMENT, Kind.TOPICS),
    (Kind.SUMMARY,),
    (Kind.ANALYSIS,),
)


def _is_list_of(ids: list[str] | None) -> Callable[[Any], bool]:
    """None: there is no list."""
    return lambda body: (body and [each["id"] for each in body["items"]]) == ids


def _seen(answer: Any, status: int, holds: Callable[[Any], bool]) -> str:
    """An ``Outcome``, or the whole answer where it is none of those."""
    if _is(answer, status, holds):
        return Outcome.WELL
    headers = answer["headers"]
    if headers.get("content-type") == "application/problem+json":
        retry_after = headers.get("retry-after", "")
        if _is(answer, 503, _is_problem(503, _UNAVAILABLE)) and retry_after.isdigit():
            return Outcome.UNAVAILABLE
        if _is(answer, 504, _is_problem(504, _EXCEEDED)) and not retry_after:
            return Outcome.EXCEEDED
    return str(answer)


def _seen_batch(answer: Any, status: int, size: int) -> str:
    if answer["statusCode"] == 207:
        results = json.loads(answer["body"])["results"]
        if [each["status"] for each in results] == [status] * size:
            return Outcome.WELL
        errors = [each.get("error", {}) for each in results]
        if all(map(_is_problem(503, _UNAVAILABLE), errors)):
            return Outcome.EACH_UNAVAILABLE
        if all(map(_is_problem(504, _EXCEEDED), errors)):
            return Outcome.EACH_EXCEEDED
    return _seen(answer, status, lambda _: False)


def _is_problem(status: int, kind: str) -> Callable[[Any], bool]:
    return lambda body: (body.get("status"), body.get("type")) == (status, kind)


def _is(answer: Any, status: int, holds: Callable[[Any], bool]) -> bool:
    body = answer.get("body")
    return bool(answer["statusCode"] == status and holds(json.loads(body) if body else None))


def _is_static(body: Any, feature: str) -> bool:
    """Whether it is what the static tier has, and says of the ``feature`` why it is not there."""
    omitted = {"features": [feature], "reason": "model_unavailable"}
    return bool(body["tier"] == "static" and body[feature] is None and body["omitted"] == omitted)
