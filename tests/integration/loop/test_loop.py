"""Nothing that a handler waits for keeps its event loop from running.

No clock decides: a part holds its answer back until the loop has had turns for something else. A
handler that blocks the loop is never answered, and so it can't answer well.
"""

import json
import os
import urllib.request
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any
from uuid import uuid4

import pytest
from fastapi import APIRouter

from customerai.adapters.dynamodb.blocking import off_the_loop
from customerai_http.app import create_app, lambda_handler
from functions._runner.clients import queues
from functions._runner.settings import Settings
from tests.conftest import ROOT, LambdaContext
from tests.http_events import http_event
from tests.integration.loop.gates import Turns

NEW = {"customer_id": "cust-1", "channel": "email", "text": "One pole arrived bent."}
TOPICS = {"topics": [{"id": "poles", "label": "Tent poles", "examples": []}]}
QUEUE = "000000000000/customerai-local-analysis"
BLOCKED_SECONDS = 0.5
"""How long the one that blocks waits for an answer that can't come."""

Functions = dict[str, ModuleType]


class Api:
    """A tenant of its own; each call is a whole event, through the real handler."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions
        self._tenant = f"tenant-{uuid4().hex}"

    def __call__(
        self, method: str, path: str, body: object = None, query: str = "", **headers: str
    ) -> Any:
        event = http_event(
            method,
            path,
            body,
            query=query,
            tenant=self._tenant,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )
        return self.invoke(FUNCTIONS[path.removeprefix("/v1").split("/")[1]], event)

    def invoke(self, function: str, event: Any) -> Any:
        return self._functions[function].handler(event, LambdaContext())

    def stored(self, count: int = 2) -> list[str]:
        answer = self("POST", "/v1/interactions/batch", {"items": [NEW] * count})
        return [each["id"] for each in json.loads(answer["body"])["results"]]

    def messages(self) -> Any:
        bodies = [{"tenant": self._tenant, "id": each} for each in self.stored()]
        return {"Records": [{"messageId": each["id"], "body": json.dumps(each)} for each in bodies]}


FUNCTIONS: Mapping[str, str] = {
    "interactions": "interactions_api",
    "health": "interactions_api",
    "openapi.json": "interactions_api",
    "docs": "interactions_api",
    "sentiment": "sentiment_api",
    "taxonomy": "sentiment_api",
    "analytics": "analytics_api",
}
ROUTES: Mapping[tuple[str, str], tuple[int, Callable[[Api], Any]]] = {
    ("GET", "/v1/interactions/{interaction_id}"): (
        200,
        lambda api: api("GET", f"/v1/interactions/{api.stored()[0]}"),
    ),
    # A page that has a next one signs its cursor, for which a secret is read.
    ("GET", "/v1/interactions"): (
        200,
        lambda api: (api.stored(), api("GET", "/v1/interactions", query="limit=1"))[1],
    ),
    ("POST", "/v1/interactions"): (
        201,
        lambda api: api("POST", "/v1/interactions", NEW, idempotency_key="once"),
    ),
    ("DELETE", "/v1/interactions/{interaction_id}"): (
        204,
        lambda api: api("DELETE", f"/v1/interactions/{api.stored()[0]}"),
    ),
    ("POST", "/v1/interactions/batch"): (
        207,
        lambda api: api("POST", "/v1/interactions/batch", {"items": [NEW] * 40}),
    ),
    ("GET", "/v1/interactions/batch"): (
        207,
        lambda api: api("GET", "/v1/interactions/batch", query=f"ids={','.join(api.stored())}"),
    ),
    ("DELETE", "/v1/interactions/batch"): (
        207,
        lambda api: api("DELETE", "/v1/interactions/batch", query=f"ids={','.join(api.stored())}"),
    ),
    ("GET", "/health"): (200, lambda api: api("GET", "/health")),
    ("POST", "/v1/sentiment"): (
        200,
        lambda api: api("POST", "/v1/sentiment", {"text": f"It broke {uuid4()} times."}),
    ),
    ("POST", "/v1/sentiment/batch"): (
        200,
        lambda api: api(
            "POST", "/v1/sentiment/batch", {"texts": [f"{uuid4()} broke."], "include": ["topics"]}
        ),
    ),
    ("GET", "/v1/taxonomy"): (200, lambda api: api("GET", "/v1/taxonomy")),
    ("PUT", "/v1/taxonomy"): (
        200,
        lambda api: api("PUT", "/v1/taxonomy", TOPICS, if_match=_entity_tag(api)),
    ),
    ("GET", "/v1/analytics/summary"): (200, lambda api: api("GET", "/v1/analytics/summary")),
    ("GET", "/v1/analytics/timeseries"): (200, lambda api: api("GET", "/v1/analytics/timeseries")),
}
"""What is asked, and the status of its answer."""
WAIT_FOR_NOTHING = {("GET", "/openapi.json"), ("GET", "/docs")}
"""They are made of what lies beside the code."""


def _entity_tag(api: Api) -> str:
    return str(api("GET", "/v1/taxonomy")["headers"]["etag"])


def test_all_routes_are_watched(functions: Functions) -> None:
    served = {
        (method, route.path_format)
        for name in set(FUNCTIONS.values())
        for route in functions[name].app.routes
        for method in route.methods
    }
    assert served == set(ROUTES) | WAIT_FOR_NOTHING


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
def test_no_route_blocks_the_loop(
    route: tuple[str, str], functions: Functions, watched: Turns
) -> None:
    status, ask = ROUTES[route]
    answer = ask(Api(functions))
    assert answer["statusCode"] == status, answer
    for result in json.loads(answer.get("body") or "{}").get("results", []):
        assert result.get("status", 200) < 300, result
        assert result.get("tier", "full") == "full", result
    assert watched.requests > 0


def test_the_analysis_of_what_is_stored_does_not_block_the_loop(
    functions: Functions, watched: Turns
) -> None:
    api = Api(functions)
    messages = api.messages()
    before = watched.requests
    assert api.invoke("analysis_queue", messages) == {"batchItemFailures": []}
    assert watched.requests > before


@pytest.mark.parametrize("name", ["stored", "analysed", "deleted", "poison"])
def test_what_follows_the_stream_does_not_block_the_loop(
    name: str, functions: Functions, watched: Turns
) -> None:
    """A record that nobody can read goes to a bucket, by a client that blocks a thread."""
    event = json.loads((ROOT / "events" / "rollup_stream" / f"{name}.json").read_text())
    answer = Api(functions).invoke("rollup_stream", event)
    assert answer == {"batchItemFailures": [], "state": {}}
    assert watched.requests > 0


def test_the_sweep_does_not_block_the_loop(
    parts: Settings, functions: Functions, watched: Turns
) -> None:
    # Nothing is sent again while the queue holds something; this goes round the gates.
    queues(parts).purge_queue(QueueUrl=f"{parts.emulator_url}/{QUEUE}")
    api = Api(functions)
    api.stored()
    event = json.loads((ROOT / "events" / "maintenance" / "schedule.json").read_text())
    assert api.invoke("maintenance", event)["swept"] >= 2
    assert watched.requests > 0


@pytest.mark.parametrize("is_blocking", [False, True], ids=["on a thread", "on the loop"])
def test_a_route_that_blocks_the_loop_is_found(
    is_blocking: bool, functions: Functions, watched: Turns
) -> None:
    """The same call of the same part, made in one way and the other."""
    url = f"{os.environ['AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME']}/ping"

    def ask() -> int:
        with urllib.request.urlopen(url, timeout=BLOCKED_SECONDS) as answer:  # noqa: S310 - of loopback
            return int(answer.status)

    router = APIRouter()

    @router.get("/asked")
    async def asked() -> int:
        return ask() if is_blocking else await off_the_loop(ask)

    handler: Any = lambda_handler(create_app("Asks", router))
    answer = handler(http_event("GET", "/asked"), LambdaContext())
    assert answer["statusCode"] == (500 if is_blocking else 200)
