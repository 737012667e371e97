"""One OpenAPI document for the whole API, merged from the documents of the HTTP functions.

`python -m functions openapi` writes it into the folder of the function that serves it.
"""

import importlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from customerai.domain.new_interaction import NewInteraction
from customerai_http.problems import FieldError, Problem

FUNCTIONS = Path(__file__).parents[1]
DOCUMENT = FUNCTIONS / "interactions_api" / "openapi.json"
_FOR_CLIENTS = ("AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
"""A client is not made without a region, and looks for credentials on the network."""
_NOT_ANY = {
    "CACHE_URL": "redis://openapi",
    "CACHE_READER_URL": "redis://openapi",
    "CACHE_IAM_NAME": "",
}
"""What is looked at before anything is called."""
_DESCRIPTION = """\
Send in what customers say, and ask what it means.

Every request carries a bearer token of your OpenID Connect issuer; its tenant is the only one that
the request can see. Errors are `application/problem+json` (RFC 9457) and name the field at fault.
A POST that carries an `Idempotency-Key` may be repeated as often as needed."""


def build() -> dict[str, Any]:
    """The merged document; the same whatever the environment."""
    documents = [app.openapi() for app in map(_app, _functions_with_routes()) if app is not None]
    paths: dict[str, Any] = {}
    components: dict[str, dict[str, Any]] = {}
    for document in documents:
        paths |= document["paths"]
        for kind, named in document["components"].items():
            components[kind] = components.get(kind, {}) | named
    schemas = components["schemas"]
    for model in (NewInteraction, Problem, FieldError):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= schema.pop("$defs", {})
        schemas[model.__name__] = schema
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "CustomerAI Insights API",
            "version": version("customerai"),
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": dict(sorted(paths.items())),
        "components": {
            kind: dict(sorted(named.items())) for kind, named in sorted(components.items())
        },
    }


def render() -> str:
    return json.dumps(build(), indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    DOCUMENT.write_text(render())
    print(f"wrote {DOCUMENT.relative_to(FUNCTIONS.parent)}")  # noqa: T201 - this is a command


def _functions_with_routes() -> Iterator[str]:
    for routes in sorted(FUNCTIONS.glob("*/routes.py")):
        yield routes.parent.name


def _app(function: str) -> FastAPI | None:
    """None where its routes are not HTTP's.

    Composing a function needs its environment, but calls nothing that the names stand for.
    """
    settings = importlib.import_module(f"functions.{function}.settings").Settings
    needed = [each.name.upper() for each in fields(settings)]
    with _environment([*needed, *_FOR_CLIENTS, "POWERTOOLS_METRICS_NAMESPACE"]):
        handler = importlib.import_module(f"functions.{function}.handler")
    app: FastAPI | None = getattr(handler, "app", None)
    return app


@contextmanager
def _environment(names: Iterable[str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ |= {name: os.environ.get(name, _NOT_ANY.get(name, "openapi")) for name in names}
    try:
        yield
    finally:
        os.environ.clear()
        os.environ |= before
