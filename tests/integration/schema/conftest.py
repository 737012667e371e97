"""The functions of the local stage in this process, with everything real behind them."""

import json
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from customerai.event_loop import run
from functions._runner.application import read_application
from functions._runner.assembly import load_assembly
from functions._runner.routing import Router
from tests.conftest import LambdaContext
from tests.http_events import http_event
from tests.integration.faults.local import composed, running_parts
from tests.integration.schema.front import TENANT, Front

Functions = tuple[Router, dict[str, ModuleType]]
"""The routes, and the handlers' modules by function."""


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory, model_url: str) -> Iterator[Functions]:
    with running_parts(tmp_path_factory.mktemp("schema"), model_url) as settings:
        application = read_application(load_assembly(settings))
        called = {route.function.name: route.function for route in application.routes}
        called["analysis_queue"] = application.functions["analysis_queue"]
        with composed(called, settings) as modules:
            yield Router(application.routes), modules


@pytest.fixture(scope="module")
def front(functions: Functions) -> Front:
    router, modules = functions
    return Front(router, {name: module.handler for name, module in modules.items()})


@pytest.fixture(autouse=True)
def _cache_connections_of_this_test_only(functions: Functions) -> Iterator[None]:
    """They belong to its event loop."""
    yield
    for module in functions[1].values():
        run(module.pools.aclose())


@pytest.fixture
def analysed(front: Front) -> str:
    """The id of an interaction that has its analysis."""
    item = {"customer_id": "cust-1042", "channel": "review", "text": "One pole arrived bent."}

    def invoke(function: str, event: Any) -> Any:
        return front.handlers[function](event, LambdaContext())

    stored = invoke("interactions_api", http_event("POST", "/v1/interactions", item, tenant=TENANT))
    interaction_id: str = json.loads(stored["body"])["id"]
    message = json.dumps({"tenant": TENANT, "id": interaction_id})
    done = invoke("analysis_queue", {"Records": [{"messageId": "1", "body": message}]})
    assert done == {"batchItemFailures": []}
    return interaction_id
