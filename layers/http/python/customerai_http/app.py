"""The FastAPI application that every HTTP function is made of, and its way into Lambda."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from http import HTTPStatus
from importlib import import_module
from typing import Any

from fastapi import APIRouter, FastAPI
from mangum import Mangum
from mangum.types import LambdaContext

import customerai.event_loop  # noqa: F401 - Mangum runs the application on that loop
from customerai.observability.request_line import write_request_line
from customerai.observability.telemetry import logger
from customerai.resilience import deadline
from customerai.snapshots import before
from customerai_http import problems
from customerai_http.compression import compress
from customerai_http.parameters import InvalidHeaderError

MAX_BODY_BYTES = 4 * 1024 * 1024
"""As it comes in the event. Lambda takes 6 MB with everything around it escaped."""
TIMEOUT_HEADER = "x-timeout-ms"
HEALTH_PATH = "/health"
"""Its answer is given to others too, so nobody's haste may decide what it says."""
_ANSWER_SECONDS = 0.5
"""What is kept of the function's own time to say that it did not suffice."""
_TEXT = ["application/json", problems.MEDIA_TYPE, "text/"]
"""What the gateway gets as it is; any other media type goes through it in base 64."""

Event = dict[str, Any]
Answer = dict[str, Any]
Handler = Callable[[Event, LambdaContext], Answer]


class _Application(FastAPI):
    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            from customerai_http.documentation import completed  # of no use to a request

            self.openapi_schema = completed(super().openapi(), self.routes)
        return self.openapi_schema


def create_app(title: str, *routers: APIRouter) -> FastAPI:
    """An application with problem details, and the routes of all ``routers`` in their order.

    It serves no document of its own: one build step merges the documents of all functions.
    """
    app = _Application(
        title=title,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    problems.install(app)
    # Its own way of including keeps routers nested, and looks through each on every request.
    for router in routers:
        app.router.routes.extend(router.routes)
    return app


def lambda_handler(app: FastAPI, *, first_needed: Sequence[str] = ()) -> Handler:
    """The Lambda handler of ``app``: payload format 2.0 in and out, one line a request.

    ``first_needed`` are modules that are imported when a request first needs them, and before a
    snapshot is taken: whoever starts from that has them already.

    Whatever a request needs is waited for until the client does not wait any more, which it may say
    by ``X-Timeout-Ms``, and no longer than the function itself may run. An answer that the client
    does not wait for is not an error of the service, and is counted apart.
    """
    for module in first_needed:
        before(partial(import_module, module))
    respond = Mangum(app, lifespan="off", text_mime_types=_TEXT)

    @logger.inject_lambda_context
    def handler(event: Event, context: LambdaContext) -> Answer:
        began = time.perf_counter()
        try:
            time_limit = _time_limit(event, context)
            _check_size(event)
        except (InvalidHeaderError, problems.ContentTooLargeError) as error:
            answer = _refused(problems.problem_of(error))
        else:
            with time_limit:
                answer = compress(event, respond(event, context))
        request = event["requestContext"]
        status = answer["statusCode"]
        is_late = status == HTTPStatus.GATEWAY_TIMEOUT
        write_request_line(
            {
                "Requests": 1,
                "ServerErrors": int(status >= HTTPStatus.INTERNAL_SERVER_ERROR and not is_late),
                "DeadlinesExceeded": int(is_late),
                "RequestMilliseconds": round((time.perf_counter() - began) * 1_000, 3),
            },
            {
                "request_id": context.aws_request_id,
                "tenant": _tenant(request),
                "method": request["http"]["method"],
                "path": request["http"]["path"],
                "status": status,
            },
        )
        return answer

    return handler


def _tenant(request: Mapping[str, Any]) -> str | None:
    tenant: str | None = (request.get("authorizer", {}).get("lambda") or {}).get("tenant")
    return tenant


def _time_limit(event: Event, context: LambdaContext) -> AbstractContextManager[object]:
    """The client's, where that is the shorter one. Raises ``InvalidHeaderError``."""
    mine = context.get_remaining_time_in_millis() / 1_000 - _ANSWER_SECONDS
    theirs = event.get("headers", {}).get(TIMEOUT_HEADER)
    if theirs is None or event["rawPath"] == HEALTH_PATH:
        return deadline.within(mine)
    try:
        seconds = deadline.seconds_of(theirs)
    except ValueError:
        raise InvalidHeaderError("X-Timeout-Ms", "is no number of milliseconds") from None
    return deadline.within(min(mine, seconds), of_client=seconds < mine)


def _check_size(event: Event) -> None:
    body = event.get("body") or ""
    # A character has a byte at the least, and four at the most.
    if len(body) * 4 > MAX_BODY_BYTES and len(body.encode()) > MAX_BODY_BYTES:
        raise problems.ContentTooLargeError(f"body: is larger than {MAX_BODY_BYTES} bytes")


def _refused(problem: problems.Problem) -> Answer:
    return {
        "statusCode": problem.status,
        "headers": {"content-type": problems.MEDIA_TYPE},
        "body": problem.model_dump_json(exclude_defaults=True),
        "isBase64Encoded": False,
    }
