"""The committed API document is the one that the functions make, and says enough."""

import json
from typing import Any

from functions._runner import openapi

DOCUMENT: dict[str, Any] = json.loads(openapi.DOCUMENT.read_text())
OPEN = {"/health"}
EVERYWHERE = {"401", "403", "405", "422", "503", "504"}
"""Statuses of whatever needs a token."""


def operations() -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
    }


def test_the_document_is_up_to_date() -> None:
    assert openapi.render() == openapi.DOCUMENT.read_text(), "run `make openapi`"


def test_every_operation_of_the_api_is_there() -> None:
    assert set(operations()) == {
        "GET /health",
        "GET /v1/analytics/summary",
        "GET /v1/analytics/timeseries",
        "GET /v1/interactions",
        "GET /v1/interactions/batch",
        "GET /v1/interactions/{interaction_id}",
        "POST /v1/interactions",
        "POST /v1/interactions/batch",
        "DELETE /v1/interactions/batch",
        "DELETE /v1/interactions/{interaction_id}",
        "POST /v1/sentiment",
        "POST /v1/sentiment/batch",
        "GET /v1/taxonomy",
        "PUT /v1/taxonomy",
    }


def test_every_operation_says_what_it_does_and_needs_a_token() -> None:
    for name, operation in operations().items():
        assert operation["description"], name
        assert bool(operation.get("security")) == (name.split()[1] not in OPEN), name
        if name.split()[1] not in OPEN:
            assert set(operation["responses"]) >= EVERYWHERE, name
            assert {"$ref": "#/components/parameters/X-Timeout-Ms"} in operation["parameters"], name


def test_references_lead_somewhere() -> None:
    for kind, named in DOCUMENT["components"].items():
        for part in openapi.DOCUMENT.read_text().split(f'"#/components/{kind}/')[1:]:
            assert part.partition('"')[0] in named


def test_what_is_described_once_is_used() -> None:
    text = openapi.DOCUMENT.read_text()
    for kind in ("headers", "parameters"):
        for name in DOCUMENT["components"][kind]:
            assert f'"#/components/{kind}/{name}"' in text


def test_bodies_have_examples() -> None:
    schemas = DOCUMENT["components"]["schemas"]

    def has_example(schema: dict[str, Any]) -> bool:
        while "$ref" in schema:
            schema = schemas[schema["$ref"].rpartition("/")[2]]
        found = "examples" in schema or "example" in schema
        parts = [*schema.get("properties", {}).values(), schema.get("items", {})]
        return found or any(part and has_example(part) for part in parts)

    for name, operation in operations().items():
        bodies = [operation.get("requestBody", {})]
        bodies += [r for status, r in operation["responses"].items() if status.startswith("2")]
        for body in bodies:
            for content in body.get("content", {}).values():
                assert "example" in content or has_example(content["schema"]), name
