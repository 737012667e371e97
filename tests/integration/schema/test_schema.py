"""Whatever is sent, the API answers as its document says: schemathesis thinks of what to send."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
import schemathesis
from schemathesis.checks import CheckFunction
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi import checks

from functions._runner.openapi import DOCUMENT
from tests.integration.schema.described import undocumented
from tests.integration.schema.front import TOKEN, Front

EXAMPLES = 40
"""Of each operation, beside the document's own and one for each border of each schema."""

HURRIED_MS = 1_000

ANSWER: tuple[CheckFunction, ...] = (
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
)
NO_SCHEMA_SAYS: Mapping[str, str] = {
    "must lie before `to`": "two parameters",
    "the range holds more than": "three parameters",
    "lies outside the calendar": "with its offset",
    "is longer than": "a map of values of several kinds",
    "is an integer beyond": "the same",
    "lies outside 1970 to 2200": "instants have no bounds in JSON Schema",
    "lies before 1970": "the same",
    "lies more than a day in the future": "the same, and a clock",
    "is not a cursor of this list": "signed by the server",
    "can't be combined with a cursor": "two parameters",
    "is given twice": "two parameters, of which one is an alias",
    "no such field": "a list in one string",
    "holds none, or more than": "a list in one string",
    "This Idempotency-Key was used": "an earlier request",
    "If-Match is needed": "428 has a meaning of its own",
    "is neither * nor a list of entity tags": "a list in one string",
    "The taxonomy has been changed meanwhile": "an earlier request",
    "repeat the id": "unique by one member",
    "hold more than": "a sum",
    "holds nothing but white space": "regular expressions differ on what that is",
}
"""How valid requests may be refused, by the beginnings of messages, and why no schema says so."""

_config = SchemathesisConfig.from_dict(
    {
        "seed": 20_261_123,
        "auth": {"openapi": {"HTTPBearer": {"bearer": TOKEN.removeprefix("Bearer ")}}},
        "generation": {"max-examples": EXAMPLES, "deterministic": True},
    }
)
Case = schemathesis.Case[Any]
schema = schemathesis.openapi.from_path(DOCUMENT, config=_config)
schema.app = Front()


@schemathesis.deserializer("application/msgpack")
def _unpacked(_: schemathesis.DeserializationContext, response: schemathesis.Response) -> Any:
    return msgspec.msgpack.decode(response.content)


@pytest.fixture(autouse=True)
def _behind(front: Front) -> None:
    """The document is read before any fixture is there."""
    schema.app.router, schema.app.handlers = front.router, front.handlers


@schema.parametrize()
def test_it_answers_as_documented(case: Case) -> None:
    response = case.call()
    assert response.status_code < 500 or _was_hurried(case, response), response.text
    operation = case.operation
    surplus = undocumented(operation.method, operation.path, response.status_code, response.headers)
    assert surplus == set()
    wanted = [*ANSWER, checks.missing_required_header, checks.ignored_auth]
    if not _is_allowed_to_be_refused(response):
        wanted.append(checks.positive_data_acceptance)
    if not _refuses_some(response):
        wanted.append(checks.negative_data_rejection)
    case.validate_response(response, checks=wanted)


def _was_hurried(case: Case, response: schemathesis.Response) -> bool:
    """The client waits for less than any answer takes."""
    return response.status_code == 504 and int(case.headers["x-timeout-ms"]) < HURRIED_MS


def _is_allowed_to_be_refused(response: schemathesis.Response) -> bool:
    if not 400 <= response.status_code < 500:
        return False
    problem = response.json()
    messages = [each["message"] for each in problem.get("errors", [])] or [
        str(problem.get("detail"))
    ]
    return all(each.startswith(tuple(NO_SCHEMA_SAYS)) for each in messages)


def _refuses_some(response: schemathesis.Response) -> bool:
    """Items of a batch stand on their own: the batch is taken, though not all that is in it."""
    if response.status_code != 207:
        return False
    return any(each.get("status") == 422 for each in response.json()["results"])


ALL = "id,customer_id,channel,text,occurred_at,received_at,product,rating,language,metadata"


@pytest.mark.parametrize("accept", ["application/json", "application/msgpack"])
@pytest.mark.parametrize(
    "query",
    [
        {},
        {"fields": ALL},
        {"fields": "text,sentiment"},
        {"fields[interactions]": "analysis"},
        {"explain": "true"},
        {"fields": "text", "explain": "true"},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "path", ["/v1/interactions/{interaction_id}", "/v1/interactions", "/v1/interactions/batch"]
)
def test_what_is_stored_is_read_as_documented(
    path: str, query: Mapping[str, Any], accept: str, analysed: str
) -> None:
    named = {"ids": f"{analysed},missing"} if path.endswith("batch") else {}
    case = schema[path]["GET"].Case(
        path_parameters={"interaction_id": analysed} if "{" in path else {},
        query={**query, **named},
        headers={"accept": accept, "authorization": TOKEN},
    )
    response = case.call()
    assert response.status_code in (200, 207), response.text
    assert response.headers["content-type"] == [accept]
    case.validate_response(response, checks=list(ANSWER))


@pytest.mark.parametrize(
    ("header", "value"),
    [("consistency", "after=" + "9" * 5_000), ("x-timeout-ms", "9" * 5_000)],
    ids=["consistency", "x-timeout-ms"],
)
def test_a_number_of_any_length_is_refused(header: str, value: str) -> None:
    """Python does not read numbers that are so long."""
    case = schema["/v1/interactions"]["GET"].Case(headers={header: value, "authorization": TOKEN})
    response = case.call()
    assert response.status_code == 422, response.text
    case.validate_response(response, checks=list(ANSWER))
