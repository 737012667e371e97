"""Errors on the wire: application/problem+json (RFC 9457), one table from exception to problem.

A problem that says more than its status has a type of its own, which ``docs/problems.md`` explains;
all others are ``about:blank`` (section 4.2.1), with the status's own name for a title.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from http import HTTPStatus
from itertools import islice
from typing import Any, Literal, NamedTuple

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from customerai.domain.errors import (
    ConflictError,
    DeadlineExceededError,
    DomainError,
    IdempotencyKeyReusedError,
    InvalidParameterError,
    ModelRejectedError,
    NotFoundError,
    UnavailableError,
    VersionConflictError,
)
from customerai.observability.telemetry import logger
from customerai.resilience import deadline
from customerai_http.auth import ForbiddenError, UnauthorizedError
from customerai_http.parameters import InvalidHeaderError
from customerai_http.preconditions import PreconditionRequiredError
from customerai_http.readings import UnknownFieldsError

MEDIA_TYPE = "application/problem+json"
_TYPE_PREFIX = "urn:customerai:problem:"
_BLANK = "about:blank"

Location = Literal["body", "query", "header", "path"]


class FieldError(BaseModel):
    field: str = Field(description="Path of the field, such as `items[3].text`.")
    location: Location = Field(description="The part of the request that the field is in.")
    message: str


class Problem(BaseModel):
    """A problem detail (RFC 9457); ``errors`` names each field that is at fault, and where it is.

    The type is `about:blank` where there is no more to it than the status.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": _TYPE_PREFIX + "invalid-request",
                    "title": "The request is not valid",
                    "status": 422,
                    "detail": "text: String should have at least 1 character",
                    "errors": [
                        {
                            "field": "text",
                            "location": "body",
                            "message": "String should have at least 1 character",
                        }
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


class ContentTooLargeError(Exception):
    """The body is larger than is taken."""


class Kind(NamedTuple):
    """How an exception is told; one without a ``name`` says no more than its status does."""

    status: int
    title: str
    name: str = ""

    @property
    def type(self) -> str:
        return _TYPE_PREFIX + self.name if self.name else _BLANK


KINDS: Mapping[type[Exception], Kind] = {
    UnknownFieldsError: Kind(400, "No such field", "unknown-fields"),
    UnauthorizedError: Kind(401, "Unauthorized"),
    ForbiddenError: Kind(403, "Forbidden"),
    NotFoundError: Kind(404, "Not Found"),
    ConflictError: Kind(409, "Conflict"),
    VersionConflictError: Kind(412, "Precondition Failed"),
    ContentTooLargeError: Kind(413, "Content Too Large"),
    InvalidParameterError: Kind(422, "The request is not valid", "invalid-request"),
    IdempotencyKeyReusedError: Kind(422, "Idempotency-Key reused", "idempotency-key-reused"),
    ModelRejectedError: Kind(422, "The model refuses this input", "model-rejected"),
    PreconditionRequiredError: Kind(428, "Precondition Required"),
    Exception: Kind(500, "Internal Server Error"),
    UnavailableError: Kind(503, "Temporarily unavailable", "unavailable"),
    DeadlineExceededError: Kind(504, "Deadline exceeded", "deadline-exceeded"),
}
# An answer must fit into what Lambda returns, whatever the request held: a batch has 100 of these.
_MOST_ERRORS = 20
_MOST_TOLD = 3
_PATH_LENGTH = 100
_MESSAGE_LENGTH = 200


def problem_of(error: Exception) -> Problem:
    """Any exception as a problem; what is not in the table tells nothing of itself.

    Where the client's own time is up that is the reason, whichever part was asked by then.
    """
    if isinstance(error, UnavailableError) and deadline.client_has_left():
        error = DeadlineExceededError(
            f"The time that X-Timeout-Ms gave had passed before the {error.part} answered."
        )
    kind = next(KINDS[each] for each in type(error).__mro__ if each in KINDS)
    detail = str(error) if kind is not KINDS[Exception] else "Something went wrong on our side."
    errors = _errors_of(error)
    if errors:
        detail = f"{errors[0].field}: {errors[0].message}"
    return Problem(
        type=kind.type, title=kind.title, status=kind.status, detail=detail, errors=errors
    )


def _errors_of(error: Exception) -> list[FieldError]:
    match error:
        case InvalidHeaderError():
            return [FieldError(field=error.field, location="header", message=str(error))]
        case InvalidParameterError() | UnknownFieldsError():
            return [FieldError(field=error.field, location="query", message=str(error))]
        case IdempotencyKeyReusedError():
            return [FieldError(field="Idempotency-Key", location="header", message=str(error))]
        case _:
            return []


def invalid(errors: Iterable[Mapping[str, Any]], prefix: str = "") -> Problem:
    """pydantic's errors in a part of the body as one problem; ``prefix`` is the path to it."""
    return _invalid(("body", _path(prefix, each["loc"]), each["msg"]) for each in errors)


def _invalid(errors: Iterable[tuple[Location, str, str]]) -> Problem:
    """The first few of the errors: where each is, the field's path, and what is wrong with it."""
    found = [
        FieldError(
            field=_short(path or location, _PATH_LENGTH),
            location=location,
            message=_short(message.removeprefix("Value error, "), _MESSAGE_LENGTH),
        )
        for location, path, message in islice(errors, _MOST_ERRORS)
    ]
    kind = KINDS[InvalidParameterError]
    return Problem(
        type=kind.type,
        title=kind.title,
        status=kind.status,
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
    return path


def respond(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    return Response(
        problem.model_dump_json(exclude_defaults=True),
        problem.status,
        dict(headers or {}),
        MEDIA_TYPE,
    )


async def _domain_error(_: Request, error: Exception) -> Response:
    problem = problem_of(error)
    headers = {}
    if isinstance(error, UnavailableError) and problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
        # Without a trace, which would say the same each time, and fill the log in an outage.
        logger.warning("unavailable", part=error.part, reason=repr(error.__cause__))
        headers["retry-after"] = str(error.retry_after)
    if isinstance(error, UnauthorizedError):
        headers["www-authenticate"] = 'Bearer error="invalid_token"'
    return respond(problem, headers)


async def _request_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type
    return respond(
        _invalid((each["loc"][0], _path("", _within(each)), each["msg"]) for each in error.errors())
    )


def _within(error: Mapping[str, Any]) -> tuple[str | int, ...]:
    """The location less its first part, where FastAPI looked: body, query, header, path."""
    if error["type"] == "json_invalid":  # then the second part is an offset into the text
        return ()
    location: tuple[str | int, ...] = error["loc"][1:]
    return location


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type
    if error.status_code == 400:  # FastAPI's word for a body that it can't even begin to read
        return respond(_invalid([("body", "", str(error.detail))]))
    problem = Problem(
        type=_BLANK,
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
    405: "The path has no such method; `Allow` lists those that it has",
    409: "What there is now does not allow it",
    412: "It is of another version than `If-Match` names",
    413: "The body is too large",
    422: "A field is not valid; `errors` names it",
    428: "`If-Match` is missing",
    503: "A part is unavailable; try again",
    504: "The time that `X-Timeout-Ms` gave has passed",
}
