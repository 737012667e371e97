"""Problem documents: one convention for their types, and fields that can be found."""

import json
from http import HTTPStatus
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Header, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from customerai_http.app import MAX_BODY_BYTES, create_app, lambda_handler
from customerai_http.problems import KINDS, invalid, problem_of
from tests.conftest import ROOT, LambdaContext
from tests.http_events import http_event, json_body

RENAMED = {413: "Content Too Large"}
"""RFC 9110 has a new name for it, which Python learns later."""


class Item(BaseModel):
    name: str = Field(min_length=1)


class Body(BaseModel):
    items: list[Item]


router = APIRouter()


@router.post("/things/{number}")
async def change(
    number: int,
    body: Body,
    limit: Annotated[int, Query(le=9)] = 1,
    key: Annotated[str, Header(alias="X-Key", max_length=3)] = "",
) -> Response:
    return Response(f"{number} {body} {limit} {key}")


def post(
    path: str = "/things/1", body: object = None, method: str = "POST", **more: Any
) -> dict[str, Any]:
    event = http_event(method, path, {"items": []} if body is None else body, **more)
    return lambda_handler(create_app("test", router))(event, LambdaContext())  # type: ignore[arg-type]


def test_a_type_says_more_than_the_status_or_is_blank() -> None:
    names = [kind.name for kind in KINDS.values() if kind.name]
    assert len(names) == len(set(names))
    for kind in KINDS.values():
        if kind.name:
            assert kind.type == f"urn:customerai:problem:{kind.name}"
        else:
            assert kind.type == "about:blank"
            assert kind.title == RENAMED.get(kind.status, HTTPStatus(kind.status).phrase)


def test_what_is_not_in_the_table_tells_nothing_of_itself() -> None:
    problem = problem_of(RuntimeError("the password is"))
    assert (problem.status, problem.type) == (500, "about:blank")
    assert "password" not in problem.model_dump_json()


def test_the_documented_table_is_this_one() -> None:
    lines = (ROOT / "docs" / "problems.md").read_text().splitlines()
    start = lines.index("| Exception | Status | Type | Title |") + 2
    rows = [line for line in lines[start:] if line.startswith("|")]
    documented = [[cell.strip(" `") for cell in row.strip("|").split("|")] for row in rows]
    assert documented == [
        [error.__name__, str(kind.status), kind.type, kind.title] for error, kind in KINDS.items()
    ]


@pytest.mark.parametrize("name", [kind.name for kind in KINDS.values() if kind.name])
def test_each_type_is_explained(name: str) -> None:
    assert f"\n- `{name}`: " in (ROOT / "docs" / "problems.md").read_text()


@pytest.mark.parametrize(
    ("request_", "field", "location"),
    [
        ({"body": {"items": [{"name": "a"}, {"name": ""}]}}, "items[1].name", "body"),
        ({"body": {}}, "items", "body"),
        ({"body": "{"}, "body", "body"),
        ({"query": "limit=10"}, "limit", "query"),
        ({"query": "limit=many"}, "limit", "query"),
        ({"headers": {"x-key": "long"}}, "X-Key", "header"),
        ({"path": "/things/one"}, "number", "path"),
    ],
)
def test_each_error_names_its_field_and_where_that_is(
    request_: dict[str, Any], field: str, location: str
) -> None:
    answer = post(**request_)
    assert answer["statusCode"] == 422
    problem = json_body(answer)
    assert problem["type"] == "urn:customerai:problem:invalid-request"
    [error] = problem["errors"]
    assert (error["field"], error["location"]) == (field, location)
    assert error["message"] in problem["detail"]


def test_all_that_is_wrong_is_told_at_once() -> None:
    answer = post(body={"items": [{}]}, query="limit=10", path="/things/x")
    found = {(each["location"], each["field"]) for each in json_body(answer)["errors"]}
    assert found == {("path", "number"), ("query", "limit"), ("body", "items[0].name")}


def test_an_item_of_a_batch_is_a_part_of_the_body() -> None:
    problem = invalid([{"loc": ("name",), "msg": "Field required"}], "items[3]")
    [error] = problem.errors
    assert (error.field, error.location, error.message) == (
        "items[3].name",
        "body",
        "Field required",
    )


@pytest.mark.parametrize(
    ("request_", "status", "title"),
    [
        ({"path": "/nothing"}, 404, "Not Found"),
        ({"method": "GET"}, 405, "Method Not Allowed"),
        ({"body": json.dumps("x" * MAX_BODY_BYTES)}, 413, "Content Too Large"),
    ],
)
def test_what_http_itself_says_is_blank(request_: dict[str, Any], status: int, title: str) -> None:
    answer = post(**request_)
    problem = json_body(answer)
    assert (problem["type"], problem["status"], problem["title"]) == ("about:blank", status, title)
    assert answer["headers"].get("allow") == ("POST" if status == 405 else None)
