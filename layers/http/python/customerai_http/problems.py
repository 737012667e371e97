"""Errors on the wire: application/problem+json (RFC 9457), one table from exception to problem."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from http import HTTPStatus
from itertools import islice
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from customerai.domain.errors import (
    DomainError,
    IdempotencyKeyReusedError,
    InvalidParameterError,
    ModelRejectedError,
    NotFoundError,
    UnavailableError,
    VersionConflictError,
)
from customerai.observability.telemetry import logger
from customerai_http.auth import ForbiddenError, UnauthorizedError
from customerai_http.preconditions import PreconditionRequiredError
from customerai_http.readings import UnknownFieldsError

MEDIA_TYPE = "application/problem+json"
_TYPE_PREFIX = "urn:customerai:problem:"


class FieldError(BaseModel):
    field: str = Field(description="Path of the field, such as `items[3].text`.")
    message: str


class Problem(BaseModel):
    """A problem detail (RFC 9457); ``errors`` names each field that is at fault."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": _TYPE_PREFIX + "invalid-request",
                    "title": "The request is not valid",
                    "status": 422,
                    "detail": "text: String should have at least 1 character",
                    "errors": [
                        {"field": "text", "message": "String should have at least 1 character"}
                    ],
                }
            ]
        }
    )

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldError] = []

    def told(self) -> dict[str, Any]:
        """Its members, less an empty list of fields."""
        return self.model_dump(mode="json", exclude_defaults=True)


_KINDS: Mapping[type[Exception], tuple[int, str, str]] = {
    UnknownFieldsError: (400, "unknown-fields", "No such field"),
    InvalidParameterError: (422, "invalid-request", "The request is not valid"),
    UnauthorizedError: (401, "unauthorized", "Authentication is needed"),
    ForbiddenError: (403, "forbidden", "The token does not allow this"),
    NotFoundError: (404, "not-found", "Not found"),
    IdempotencyKeyReusedError: (422, "idempotency-key-reused", "Idempotency-Key reused"),
    VersionConflictError: (412, "precondition-failed", "Changed by somebody else"),
    PreconditionRequiredError: (428, "precondition-required", "A precondition is needed"),
    ModelRejectedError: (422, "model-rejected", "The model refuses this input"),
    UnavailableError: (503, "unavailable", "Temporarily unavailable"),
}
# An answer must fit into what Lambda returns, whatever the request held: a batch has 100 of these.
_MOST_ERRORS = 20
_MOST_TOLD = 3
_PATH_LENGTH = 100
_MESSAGE_LENGTH = 200
_INTERNAL = (500, "internal", "Something went wrong on our side")


def problem_of(error: Exception) -> Problem:
    """Any exception as a problem; what is not in the table tells nothing of itself."""
    kind = next((kind for kind in type(error).__mro__ if kind in _KINDS), None)
    if kind is None:
        status, name, title = _INTERNAL
        return Problem(type=_TYPE_PREFIX + name, title=title, status=status, detail=title + ".")
    status, name, title = _KINDS[kind]
    errors: list[FieldError] = []
    if isinstance(error, InvalidParameterError | UnknownFieldsError):
        errors.append(FieldError(field=error.field, message=str(error)))
    if isinstance(error, IdempotencyKeyReusedError):
        errors.append(FieldError(field="Idempotency-Key", message=str(error)))
    detail = f"{errors[0].field}: {errors[0].message}" if errors else str(error)
    return Problem(
        type=_TYPE_PREFIX + name, title=title, status=status, detail=detail, errors=errors
    )


def invalid(errors: Iterable[Mapping[str, Any]], prefix: str = "") -> Problem:
    """pydantic's errors as one problem, the first few of them; ``prefix`` is the path above."""
    found = [
        FieldError(
            field=_short(_path(prefix, error["loc"]), _PATH_LENGTH),
            message=_short(error["msg"].removeprefix("Value error, "), _MESSAGE_LENGTH),
        )
        for error in islice(errors, _MOST_ERRORS)
    ]
    return Problem(
        type=_TYPE_PREFIX + "invalid-request",
        title="The request is not valid",
        status=422,
        detail="; ".join(f"{each.field}: {each.message}" for each in found[:_MOST_TOLD]),
        errors=found,
    )


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[:length] + "…"


def _path(prefix: str, location: Iterable[str | int]) -> str:
    path = prefix
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += f".{part}" if path else part
    return path or "body"


def respond(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    return Response(
        problem.model_dump_json(exclude_defaults=True),
        problem.status,
        dict(headers or {}),
        MEDIA_TYPE,
    )


async def _domain_error(_: Request, error: Exception) -> Response:
    headers = {}
    if isinstance(error, UnavailableError):
        # Without a trace, which would say the same each time, and fill the log in an outage.
        logger.warning("unavailable", part=error.part, reason=repr(error.__cause__))
        headers["retry-after"] = str(error.retry_after)
    if isinstance(error, UnauthorizedError):
        headers["www-authenticate"] = 'Bearer error="invalid_token"'
    return respond(problem_of(error), headers)


async def _request_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type
    return respond(invalid({**each, "loc": _location(each)} for each in error.errors()))


def _location(error: Mapping[str, Any]) -> tuple[str | int, ...]:
    """Without its first part, where FastAPI looked: body, query, header, path."""
    if error["type"] == "json_invalid":  # then the second part is an offset into the text
        return ()
    location: tuple[str | int, ...] = error["loc"][1:]
    return location


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type
    if error.status_code == 400:  # FastAPI's word for a body that it can't even begin to read
        return respond(invalid([{"loc": (), "msg": str(error.detail)}]))
    problem = Problem(
        type="about:blank",
        title=str(error.detail),
        status=error.status_code,
        detail=str(error.detail),
    )
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return respond(problem, {"allow": _methods(request)})
    return respond(problem, error.headers)


def _methods(request: Request) -> str:
    """Of all routes of the path: the router itself names the first one's."""
    found: set[str] = set()
    for route in request.app.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            found |= route.methods
    return ", ".join(sorted(found))


async def _unexpected(_: Request, error: Exception) -> Response:
    logger.error("unexpected", exc_info=error)
    return respond(problem_of(error))


_Handler = Callable[[Request, Exception], Awaitable[Response]]


def install(app: FastAPI) -> None:
    handlers: Mapping[type[Exception], _Handler] = {
        DomainError: _domain_error,
        UnauthorizedError: _domain_error,
        ForbiddenError: _domain_error,
        PreconditionRequiredError: _domain_error,
        RequestValidationError: _request_error,
        HTTPException: _http_error,
        Exception: _unexpected,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's ``responses`` for these problems."""
    problem = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {
            "description": _DESCRIPTIONS[status],
            "content": problem | (_GATEWAY if status in _ANSWERED_BY_THE_GATEWAY_TOO else {}),
        }
        for status in statuses
    }


_ANSWERED_BY_THE_GATEWAY_TOO = (401, 403)
_GATEWAY: dict[str, Any] = {
    "application/json": {
        "schema": {"type": "object", "properties": {"message": {"type": "string"}}},
        "example": {"message": "Unauthorized"},
    }
}


_DESCRIPTIONS = {
    400: "`fields` names what there is not; `errors` lists it",
    401: "No valid token",
    403: "The token lacks the scope",
    404: "Not found",
    412: "It is of another version than `If-Match` names",
    413: "The body is too large",
    422: "A field is not valid; `errors` names it",
    428: "`If-Match` is missing",
    503: "A part is unavailable; try again",
}
