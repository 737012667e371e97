"""What the gateway makes of an authorizer's answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import httpx
import pytest

from functions._runner.application import read_application
from functions._runner.assembly import Assembly
from functions._runner.gateway import Gateway
from functions._runner.pool import FunctionError, Pool


class Called:
    """Stands for the workers of one function."""

    def __init__(self, answer: Callable[[], Any]) -> None:
        self.answer = answer
        self.events: list[Mapping[str, Any]] = []

    async def invoke(self, event: Mapping[str, Any]) -> Any:
        self.events.append(event)
        return self.answer()


async def get(
    assembly: Assembly, decide: Callable[[], Any], status: int = 200
) -> tuple[httpx.Response, Called]:
    """The answer to a request that `decide` decides on, and the function behind the route."""
    orders = Called(lambda: {"statusCode": status})
    pools = cast("Mapping[str, Pool]", {"orders_api": orders, "guard": Called(decide)})
    transport = httpx.ASGITransport(Gateway(read_application(assembly), pools))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        return await client.get("/orders/1", headers={"authorization": "Bearer x"}), orders


async def test_true_lets_the_request_in_with_its_context(assembly: Assembly) -> None:
    granted = {"isAuthorized": True, "context": {"tenant": "acme"}}
    response, orders = await get(assembly, lambda: granted)
    assert response.status_code == 200
    (event,) = orders.events
    assert event["requestContext"]["authorizer"] == {"lambda": {"tenant": "acme"}}


@pytest.mark.parametrize(
    "decision",
    [
        {"isAuthorized": False},
        *({"isAuthorized": value} for value in (None, 1, 1.0, "true", "True", [True], {"a": 1})),
        {"context": {"tenant": "acme"}},
        {"policyDocument": {"Statement": [{"Effect": "Allow"}]}},
        *({}, None, True, "isAuthorized", [{"isAuthorized": True}]),
    ],
    ids=str,
)
async def test_nothing_but_true_lets_a_request_in(assembly: Assembly, decision: Any) -> None:
    response, orders = await get(assembly, lambda: decision)
    assert (response.status_code, response.json()) == (403, {"message": "Forbidden"})
    assert orders.events == []


async def test_an_authorizer_that_fails_lets_nothing_in(assembly: Assembly) -> None:
    def fail() -> Any:
        raise FunctionError({"errorType": "ValueError", "errorMessage": "no key"})

    response, orders = await get(assembly, fail)
    assert response.status_code == 500
    assert orders.events == []


@pytest.mark.parametrize(("status", "length"), [(200, "0"), (204, None), (304, None)])
async def test_what_never_has_a_body_has_no_length(
    assembly: Assembly, status: int, length: str | None
) -> None:
    response, _ = await get(assembly, lambda: {"isAuthorized": True}, status)
    assert response.status_code == status
    assert response.headers.get("content-length") == length
