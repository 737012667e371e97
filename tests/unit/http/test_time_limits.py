"""Whose time is up decides what is answered and counted: the client's own, or the function's."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import APIRouter
from starlette.responses import Response

from customerai.domain.errors import UnavailableError
from customerai.resilience import deadline
from customerai_http.app import HEALTH_PATH, create_app, lambda_handler
from customerai_http.problems import problem_of
from tests.conftest import LambdaContext
from tests.http_events import http_event, json_body

SHORT = 20
"""Milliseconds."""
router = APIRouter()


@dataclass(frozen=True)
class Ending(LambdaContext):
    """The function may run for this long, of which it keeps half a second for the answer."""

    milliseconds: int = 120_000

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


@router.get("/hanging")
async def hang() -> Response:
    async with deadline.timeout("store"):
        await asyncio.Event().wait()
    return Response()


@router.get("/failing")
async def fail() -> Response:
    raise UnavailableError("store", retry_after=7)


@router.get(HEALTH_PATH)
async def health() -> dict[str, float]:
    return {"remaining": deadline.remaining()}


def ask(path: str, theirs: str | None = None, mine: int = 120_000, **more: Any) -> Any:
    headers = {} if theirs is None else {"x-timeout-ms": theirs}
    handler = lambda_handler(create_app("test", router))
    return handler(http_event("GET", path, headers=headers, **more), Ending(milliseconds=mine))  # type: ignore[arg-type]


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The request's line."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    [line] = [line for line in lines if "Requests" in line]
    assert isinstance(line, dict)
    return line


@pytest.mark.parametrize("theirs", ["0", str(SHORT)])
def test_a_client_whose_time_is_up_is_told_so(
    theirs: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = ask("/hanging", theirs)
    assert answer["statusCode"] == 504
    assert answer["headers"]["content-type"] == "application/problem+json"
    assert "retry-after" not in answer["headers"]
    problem = json_body(answer)
    assert problem["type"] == "urn:customerai:problem:deadline-exceeded"
    assert problem["title"] == "Deadline exceeded"
    assert "X-Timeout-Ms" in problem["detail"]
    line = told(capsys)
    assert line["DeadlinesExceeded"] == 1
    assert "ServerErrors" not in line


@pytest.mark.parametrize("theirs", [None, "60000"])
@pytest.mark.parametrize("mine", [400, 500 + SHORT])
def test_where_the_functions_time_is_up_it_is_the_services_error(
    theirs: str | None, mine: int, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = ask("/hanging", theirs, mine)
    assert answer["statusCode"] == 503
    assert answer["headers"]["retry-after"] == "1"
    assert json_body(answer)["type"] == "urn:customerai:problem:unavailable"
    line = told(capsys)
    assert line["ServerErrors"] == 1
    assert "DeadlinesExceeded" not in line


def test_a_part_that_fails_in_the_clients_time_has_failed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer = ask("/failing", "60000")
    assert answer["statusCode"] == 503
    assert answer["headers"]["retry-after"] == "7"
    assert told(capsys)["ServerErrors"] == 1


def test_each_item_of_a_batch_is_told_the_same() -> None:
    with deadline.within(0, of_client=True):
        assert problem_of(UnavailableError("store")).status == 504
    with deadline.within(0):
        assert problem_of(UnavailableError("store")).status == 503
    with deadline.within(0, of_client=True), deadline.within(9):
        assert problem_of(UnavailableError("store")).status == 504
    assert problem_of(UnavailableError("store")).status == 503


@pytest.mark.parametrize("theirs", ["0", "1", "nonsense"])
def test_health_is_not_hurried(theirs: str) -> None:
    answer = ask(HEALTH_PATH, theirs)
    assert answer["statusCode"] == 200
    assert json_body(answer)["remaining"] > 60


@pytest.mark.parametrize("theirs", ["", "-1", "1.5", "1e3", "soon", "9" * 10, "9" * 5_000])
def test_what_is_no_number_is_named(theirs: str) -> None:
    answer = ask("/failing", theirs)
    assert answer["statusCode"] == 422
    [error] = json_body(answer)["errors"]
    assert (error["field"], error["location"]) == ("X-Timeout-Ms", "header")


@pytest.mark.parametrize("tenant", ["acme", None])
def test_the_line_names_the_tenant_but_counts_nothing_by_it(
    tenant: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(HEALTH_PATH, tenant=tenant)
    line = told(capsys)
    assert line["tenant"] == tenant
    [described] = line["_aws"]["CloudWatchMetrics"]
    assert described["Dimensions"] == [["service"]]
