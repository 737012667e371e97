"""Routes of reads: what they solve themselves, what FastAPI does, and what is documented."""

import asyncio
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from customerai_http.app import create_app, lambda_handler
from customerai_http.queries import described, query
from customerai_http.reads import ReadRoute
from tests.conftest import LambdaContext
from tests.http_events import http_event, json_body


class Parameters(BaseModel):
    """What the test's route takes."""

    model_config = {"extra": "forbid"}

    size: int = Field(default=3, ge=1, description="How many.")
    start: str | None = Field(default=None, alias="from")


class Needed(BaseModel):
    name: str


async def caller(request: Request) -> str:
    return request.headers.get("x-caller", "nobody")


async def nested(found: Annotated[str, Depends(caller)]) -> str:
    return found.upper()


router = APIRouter(route_class=ReadRoute)


@router.get("/simple/{name}", openapi_extra=described(Parameters))
async def simple(
    request: Request,
    name: str,
    who: Annotated[str, Depends(caller)],
    parameters: Annotated[Parameters, query(Parameters)],
) -> Response:
    return Response(f"{request.method} {name} {who} {parameters.size} {parameters.start}")


@router.get("/needed")
async def needed(parameters: Annotated[Needed, query(Needed)]) -> Response:
    return Response(parameters.name)


@router.get("/number/{number}")
async def number(number: int) -> dict[str, int]:
    return {"number": number}


@router.get("/nested")
async def nested_dependency(
    who: Annotated[str, Depends(nested)], limit: Annotated[int, Query()]
) -> str:
    return f"{who} {limit}"


app = create_app("test", router)


def get(path: str, query: str = "", **headers: str) -> dict[str, Any]:
    event = http_event("GET", path, query=query, headers=headers)
    return lambda_handler(app)(event, LambdaContext())  # type: ignore[arg-type]


def solved_by_itself(path: str) -> bool:
    route = next(each for each in router.routes if getattr(each, "path", "") == path)
    assert isinstance(route, ReadRoute)
    return "ReadRoute" in route.get_route_handler().__qualname__


def test_request_path_query_and_dependencies_arrive() -> None:
    answer = get("/simple/tent", "size=7&from=now", **{"x-caller": "ann"})
    assert answer["body"] == "GET tent ann 7 now"
    assert get("/simple/tent")["body"] == "GET tent nobody 3 None"
    assert solved_by_itself("/simple/{name}")


@pytest.mark.parametrize("path", ["/number/{number}", "/nested"])
def test_what_needs_more_is_solved_by_fastapi(path: str) -> None:
    assert not solved_by_itself(path)


def test_fastapis_own_solving_goes_on_working() -> None:
    assert json_body(get("/number/12")) == {"number": 12}
    assert get("/number/x")["statusCode"] == 422
    assert json_body(get("/nested", "limit=2", **{"x-caller": "ann"})) == "ANN 2"


@pytest.mark.parametrize(
    ("parameters", "field"),
    [("size=0", "size"), ("size=x", "size"), ("unknown=1", "unknown"), ("size=1&size=2", "size")],
)
def test_a_wrong_parameter_is_named(parameters: str, field: str) -> None:
    answer = get("/simple/tent", parameters)
    assert answer["statusCode"] == 422
    assert [each["field"] for each in json_body(answer)["errors"]] == [field]


def test_a_parameter_that_is_needed_is_asked_for() -> None:
    answer = get("/needed")
    assert answer["statusCode"] == 422
    assert [each["field"] for each in json_body(answer)["errors"]] == ["name"]
    assert get("/needed", "name=ann")["body"] == "ann"


def test_the_query_is_documented_from_its_model() -> None:
    parameters = app.openapi()["paths"]["/simple/{name}"]["get"]["parameters"]
    by_name = {each["name"]: each for each in parameters if "name" in each}
    assert set(by_name) == {"name", "size", "from"}
    assert by_name["size"]["description"] == "How many."
    assert by_name["size"]["schema"]["minimum"] == 1
    assert by_name["size"]["in"] == by_name["from"]["in"] == "query"
    assert "required" not in by_name["size"]
    assert described(Needed)["parameters"][0]["required"] is True


def test_the_application_runs_on_the_loop_of_the_process() -> None:
    loops: list[object] = []

    async def see() -> Response:
        loops.append(asyncio.get_running_loop())
        return Response()

    seen = APIRouter()
    seen.add_api_route("/", see)
    mine = lambda_handler(create_app("test", seen))
    for _ in range(2):
        mine(http_event("GET", "/"), LambdaContext())  # type: ignore[arg-type]
    assert loops == [asyncio.get_event_loop()] * 2
