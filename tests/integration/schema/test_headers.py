"""Headers of answers, both ways: all that are given are described, all that are described given.

The real functions are brought to give each answer that the document knows of.
"""

import itertools
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest

from customerai.event_loop import run
from tests.conftest import LambdaContext
from tests.http_events import ALL_SCOPES, http_event
from tests.integration.schema.conftest import Functions
from tests.integration.schema.described import OF_ANY_BODY, described
from tests.integration.schema.front import Front

TENANT = "headers"
SCOPES = f"{ALL_SCOPES} platform:explain"
GZIP = {"accept-encoding": "gzip"}
MISSING = "0" * 26
MANY = ",".join(f"{number:026}" for number in range(100))
ITEM = {"customer_id": "c-1", "channel": "email", "text": "One pole arrived bent. " * 100}
TOPIC = {"id": "tent-poles", "label": "Tent poles", "examples": ["A pole arrived bent. " * 20] * 3}
THINGS = ("tent", "pole", "bag", "zip", "floor", "stove", "lamp", "rope", "mat", "chair", "table")
TEXT = {
    "text": " ".join(f"The {thing} is great, but the colour is awful." for thing in THINGS),
    "include": ["aspects", "topics", "intent", "urgency", "language"],
}
TEXTS = {"texts": [f"Parcel {number} is late." for number in range(20)], "include": ["topics"]}
TOO_LARGE = "x" * (4 * 1024 * 1024 + 1)

NOT_GIVEN: Mapping[tuple[str, str, int], str] = {
    ("GET", "/health", 503): "a part would have to be gone",
    ("DELETE", "/v1/interactions/batch", 503): "each item has its own, while schedules are known",
    ("DELETE", "/v1/interactions/batch", 504): "the same",
}
"""Answers that the functions are not brought to give here, and why."""
SMALL = {("GET", "/v1/analytics/summary", 200)}
"""What is never large while the tenant has one shard."""


@dataclass(frozen=True)
class Ending(LambdaContext):
    """Nothing is left of the function's time but what the answer needs."""

    def get_remaining_time_in_millis(self) -> int:
        return 500


@dataclass(frozen=True)
class Operation:
    """A request that works, to vary; ``large`` makes its answer one that is worth compressing."""

    method: str
    path: str
    body: object = None
    query: str = ""
    large: str = ""
    headers: Mapping[str, str] | None = None


SUMMARY = Operation("GET", "/v1/analytics/summary", large="explain=true")
SERIES = Operation("GET", "/v1/analytics/timeseries", large="interval=hour")
LIST = Operation("GET", "/v1/interactions", query="limit=1", large="limit=9")
CREATE = Operation("POST", "/v1/interactions", ITEM, headers={"idempotency-key": "one"})
CREATE_MANY = Operation(
    "POST", "/v1/interactions/batch", {"items": [ITEM] + [{}] * 9}, headers={"idempotency-key": "2"}
)
READ_MANY = Operation("GET", "/v1/interactions/batch", query=f"ids={MANY}")
DELETE_MANY = Operation("DELETE", "/v1/interactions/batch", query="ids={id}," + MANY[27:])
READ = Operation("GET", "/v1/interactions/{id}")
DELETE = Operation("DELETE", "/v1/interactions/{id}")
ANALYSE = Operation("POST", "/v1/sentiment", TEXT)
ANALYSE_MANY = Operation("POST", "/v1/sentiment/batch", TEXTS)
TAXONOMY = Operation("GET", "/v1/taxonomy")
REPLACE = Operation("PUT", "/v1/taxonomy", {"topics": [TOPIC]}, headers={"if-match": "*"})
GUARDED = (
    *(CREATE, CREATE_MANY, LIST, READ_MANY, READ, DELETE_MANY, DELETE, SUMMARY, SERIES),
    *(ANALYSE, ANALYSE_MANY, TAXONOMY, REPLACE),
)


class Asked:
    """Remembers the headers of each answer."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._keys = itertools.count()
        self.seen: dict[tuple[str, str, int], set[str]] = defaultdict(set)

    def __call__(
        self,
        operation: Operation,
        *,
        method: str = "",
        context: LambdaContext | None = None,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        """``more`` goes into the event; an ``id`` is that of an interaction, else of a new one."""
        options = {"query": operation.query, "tenant": TENANT, "scopes": SCOPES, **more}
        if "{id}" in operation.path + options["query"] and "id" not in more:
            options["id"] = self.new()
        found = options.pop("id", "")
        match = self._front.router.match(operation.method, operation.path.format(id="x"))
        assert match is not None
        event = http_event(
            method or operation.method,
            operation.path.format(id=found),
            options.pop("body", operation.body),
            query=quote(options.pop("query").format(id=found), safe="=&,[]"),
            headers={**(operation.headers or {}), **(headers or {})},
            **options,
        )
        handler = self._front.handlers[match.route.function.name]
        answer: dict[str, Any] = handler(event, context or LambdaContext())
        path = operation.path.format(id="{interaction_id}")
        self.seen[operation.method, path, answer["statusCode"]] |= set(answer["headers"])
        return answer

    def new(self) -> str:
        """The id of an interaction that is there."""
        made = self(CREATE, headers={"idempotency-key": f"new-{next(self._keys)}"})
        return str(json.loads(made["body"])["id"])


@pytest.fixture
def asked(functions: Functions, front: Front) -> Asked:
    for module in functions[1].values():
        run(module.pools.warm())  # or the first answers would be kept by nobody
    return Asked(front)


def vary(asked: Asked, operation: Operation) -> None:
    """Every answer that all operations have in common."""
    asked(operation)
    asked(operation)  # from the cache, if ever
    asked(operation, headers=GZIP, query=operation.large or operation.query)
    asked(operation, tenant=None)
    asked(operation, scopes="none")
    asked(operation, method="PATCH")
    asked(operation, headers={"x-timeout-ms": "soon"})
    asked(operation, headers={"x-timeout-ms": "0", "consistency": "strong"})
    asked(operation, headers={"consistency": "strong"}, context=Ending())
    if operation.body is not None:
        asked(operation, body=TOO_LARGE)
    elif operation.method == "GET":
        asked(operation, query=f"{operation.query}&fields=nonsense")
    if "{id}" in operation.path:
        asked(operation, id=MISSING)


def test_headers_are_those_that_the_document_describes(asked: Asked) -> None:
    asked(Operation("GET", "/health"))
    for operation in GUARDED:
        vary(asked, operation)
    asked(ANALYSE_MANY, body={**TEXTS, "texts": ["", *TEXTS["texts"]]}, headers=GZIP)
    asked(TAXONOMY, headers={"if-none-match": "*"})
    asked(TAXONOMY, headers={"if-none-match": "*"})
    asked(REPLACE, headers={"if-match": '"stale"'})
    asked(Operation("PUT", "/v1/taxonomy", REPLACE.body))
    given = {key: names - OF_ANY_BODY for key, names in asked.seen.items()}
    for key in SMALL:
        given[key].add("content-encoding")
    expected = {key: names for key, names in described().items() if key not in NOT_GIVEN}
    assert given.keys() == expected.keys()
    differing = {key: names ^ expected[key] for key, names in given.items()}
    assert {key: names for key, names in differing.items() if names} == {}
