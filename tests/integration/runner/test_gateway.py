"""The gateway over real worker processes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx
import pytest

from functions._runner.application import Application
from functions._runner.gateway import Gateway
from functions._runner.pool import Pool
from functions._runner.settings import Settings
from tests.integration.runner.conftest import Notes


@pytest.fixture
async def client(application: Application, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with contextlib.AsyncExitStack() as stack:
        pools = {
            name: await stack.enter_async_context(Pool(application.functions[name], settings, 2))
            for name in ("http_api", "slow_api", "guard", "broken")
        }
        transport = httpx.ASGITransport(Gateway(application, pools))
        yield await stack.enter_async_context(
            httpx.AsyncClient(transport=transport, base_url="http://shop.local:8000", timeout=30)
        )


async def test_a_request_reaches_the_handler_and_its_answer_comes_back(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    response = await client.post("/open/a%20b?x=1&x=2", json={"q": 1}, headers={"cookie": "c=1"})
    assert response.status_code == 200
    assert response.headers.get_list("set-cookie") == ["a=1", "b=2"]
    seen = response.json()
    assert seen["event"]["rawPath"] == "/open/a b"
    assert seen["event"]["queryStringParameters"] == {"x": "1,2"}
    assert seen["event"]["pathParameters"] == {"proxy": "a b"}
    assert seen["event"]["body"] == '{"q":1}'
    assert seen["event"]["cookies"] == ["c=1"]
    assert seen["event"]["requestContext"]["domainName"] == "shop.local"
    assert seen["function"] == "tiny-http_api"
    assert 0 < seen["remaining"] <= 1000
    assert seen["environment"]["AWS_ENDPOINT_URL_DYNAMODB"] == settings.database_url
    assert "PYTEST_CURRENT_TEST" not in seen["environment"]


async def test_what_no_route_takes(client: httpx.AsyncClient) -> None:
    response = await client.get("/nowhere")
    assert (response.status_code, response.json()) == (404, {"message": "Not Found"})
    assert (await client.post("/guarded")).status_code == 404


async def test_the_authorizer_decides(client: httpx.AsyncClient, notes: Notes) -> None:
    missing = await client.get("/guarded")
    assert (missing.status_code, missing.json()) == (401, {"message": "Unauthorized"})
    refused = await client.get("/guarded", headers={"authorization": "Bearer bad"})
    assert (refused.status_code, refused.json()) == (403, {"message": "Forbidden"})
    for tenant in ("x", "y", "x"):
        given = await client.get("/guarded", headers={"authorization": f"Bearer good {tenant}"})
        context = given.json()["event"]["requestContext"]["authorizer"]
        assert context == {"lambda": {"tenant": tenant}}
    # The third was answered from the decisions kept: the mapping keeps them for a minute.
    assert notes.of("guard") == ["Bearer bad", "Bearer good x", "Bearer good y"]


async def test_a_body_over_the_limit(client: httpx.AsyncClient) -> None:
    assert (await client.post("/open/x", content=b"x" * 10 * 2**20)).status_code == 200
    response = await client.post("/open/x", content=b"x" * (10 * 2**20 + 1))
    assert (response.status_code, response.json()) == (413, {"message": "Request Entity Too Large"})


@pytest.mark.parametrize("how", ["raise", "exit", "malformed", "sleep"])
async def test_a_function_that_fails_costs_one_request(client: httpx.AsyncClient, how: str) -> None:
    before = (await client.get("/open/x")).json()["process"]
    response = await client.get(f"/open/{how}")
    assert (response.status_code, response.json()) == (500, {"message": "Internal Server Error"})
    after = (await client.get("/open/x")).json()["process"]
    assert (after == before) == (how in ("raise", "malformed"))


async def test_a_function_that_does_not_import_answers_at_once(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(15):
        assert (await client.get("/broken")).status_code == 500


async def test_the_gateway_stops_waiting_before_the_function_does(
    client: httpx.AsyncClient,
) -> None:
    for _ in range(3):
        try:
            async with asyncio.timeout(10):
                while (await client.get("/slow/x")).status_code != 200:
                    pass  # its worker is still starting
        except TimeoutError:
            pytest.fail("the worker did not start")
        break
    response = await client.get("/slow/sleep")
    assert (response.status_code, response.json()) == (503, {"message": "Service Unavailable"})
