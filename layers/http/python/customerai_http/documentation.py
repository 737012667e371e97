"""What the documents of all operations have in common, added to what FastAPI knows of each.

Each header is described once, here. Which of them an answer has is read off its operation: a status
has some, a model may name some as its ``headers``, what takes ``Consistency`` may be answered from
the cache unless it reads by ids, and what needs a scope that writes gives a token.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from customerai.resilience import deadline
from customerai_http.app import HEALTH_PATH
from customerai_http.auth import Require
from customerai_http.preconditions import IF_NONE_MATCH
from customerai_http.problems import MEDIA_TYPE, documented
from customerai_http.readings import CONSISTENCY
from customerai_http.representations import MSGPACK

_TIMEOUT: Mapping[str, Any] = {
    "name": "X-Timeout-Ms",
    "in": "header",
    "schema": {"type": "integer", "minimum": 0, "maximum": 10**deadline.MOST_DIGITS - 1},
    "description": "For how many milliseconds you wait. Whatever is not done by then is given up, "
    "and the answer a 504. A write may have been done all the same.",
}
_TEXT = {"type": "string"}
_HEADERS: Mapping[str, Mapping[str, Any]] = {
    "Age": {
        "description": "How many seconds ago the answer was made, where it was kept.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "Allow": {"description": "The methods of the path.", "required": True, "schema": _TEXT},
    "Cache-Control": {"description": "Nobody but you may keep the answer.", "schema": _TEXT},
    "Consistency": {
        "description": "Send it with a read, and that shows at least this write. It is not there "
        "where nothing was written.",
        "schema": {"type": "string", "pattern": "^after=[0-9]{1,15}$"},
    },
    "Content-Encoding": {
        "description": "Of a large answer to whoever accepts one that is compressed.",
        "schema": _TEXT,
    },
    "ETag": {"description": "The version, in quotes.", "required": True, "schema": _TEXT},
    "Link": {
        "description": "The `first` page, and the `next` where there is one (RFC 8288).",
        "required": True,
        "schema": _TEXT,
    },
    "Location": {"description": "Path of what was made.", "required": True, "schema": _TEXT},
    "Retry-After": {
        "description": "After how many seconds it may work.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "Server-Timing": {
        "description": "`cache` with what the cache had: `hit`, `stale`, `miss`; `bypass` where it "
        "was not asked.",
        "schema": _TEXT,
    },
    "Vary": {
        "description": "The request headers that the answer depends on.",
        "required": True,
        "schema": _TEXT,
    },
    "WWW-Authenticate": {"description": "How to authenticate.", "schema": _TEXT},
}
_OF_STATUS: Mapping[str, tuple[str, ...]] = {
    "201": ("Location",),
    "401": ("WWW-Authenticate",),
    "405": ("Allow",),
    "503": ("Retry-After",),
}
_OF_KEPT = ("Age", "Server-Timing")
_UNCHANGED = {"description": "It is still of a version that `If-None-Match` names"}

Document = dict[str, Any]


def completed(document: Document, routes: Iterable[BaseRoute]) -> Document:
    """FastAPI's ``document`` of these ``routes``, with what it does not know of them."""
    components = document.setdefault("components", {})
    components["parameters"] = {str(_TIMEOUT["name"]): dict(_TIMEOUT)}
    used: set[str] = set()
    for route, operation in _operations(document, routes):
        _add_answers(route, operation)
        for status, answer in operation["responses"].items():
            names = sorted(_headers_of(route, operation, status, answer))
            if names:
                answer["headers"] = {name: _reference("headers", name) for name in names}
            used.update(names)
    components["headers"] = {name: dict(_HEADERS[name]) for name in sorted(used)}
    return document


def _operations(
    document: Document, routes: Iterable[BaseRoute]
) -> Iterator[tuple[APIRoute, Document]]:
    for route in routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in route.methods or ():
                yield route, document["paths"][route.path_format][method.lower()]


def _add_answers(route: APIRoute, operation: Document) -> None:
    """Those that no route has to think of."""
    more: dict[int | str, Any] = {}
    if route.path_format != HEALTH_PATH:  # which nobody hurries, and the gateway takes GET for
        operation.setdefault("parameters", []).append(_reference("parameters", "X-Timeout-Ms"))
        more = documented(405, 504)
    if _takes(operation, IF_NONE_MATCH):
        more[304] = dict(_UNCHANGED)
    answers = operation["responses"] | {str(status): each for status, each in more.items()}
    operation["responses"] = dict(sorted(answers.items()))


def _headers_of(route: APIRoute, operation: Document, status: str, answer: Document) -> set[str]:
    content = answer.get("content", {})
    names = set(getattr(_model_of(route, status), "headers", ()))
    if status in _OF_STATUS and (status < "400" or MEDIA_TYPE in content):
        names.update(_OF_STATUS[status])
    if status >= "400":
        return names
    if MSGPACK in content:
        names |= {"Content-Encoding", "Vary"}
    if status == "304":
        names |= _headers_of(route, operation, "200", {}) | {"Vary"}
    if _takes(operation, CONSISTENCY):
        names.add("Cache-Control")
        names.update(() if status == "207" or route.dependant.path_params else _OF_KEPT)
    if any(scope.endswith(":write") for scope in _scopes(route)):
        names.add("Consistency")
    return names


def _model_of(route: APIRoute, status: str) -> Any:
    declared = {str(each): more.get("model") for each, more in route.responses.items()}
    main = str(route.status_code or 200)
    return declared.get(status) or (route.response_model if status == main else None)


def _takes(operation: Document, parameter: Mapping[str, Any]) -> bool:
    return any(
        each.get("name") == parameter["name"] and each.get("in") == "header"
        for each in operation.get("parameters", ())
    )


def _scopes(route: APIRoute) -> Iterator[str]:
    for each in route.dependant.dependencies:
        if isinstance(each.call, Require):
            yield each.call.scope


def _reference(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}
