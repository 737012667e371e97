"""The FastAPI application that every HTTP function is made of, and its way into Lambda."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, FastAPI
from mangum import Mangum
from mangum.types import LambdaContext
from starlette.types import ASGIApp, Receive, Scope, Send

from customerai.observability.telemetry import MetricUnit, logger, metrics
from customerai_http import problems

MAX_BODY_BYTES = 5 * 1024 * 1024
_TEXT = ["application/json", problems.MEDIA_TYPE, "text/"]
"""What the gateway gets as it is; any other media type goes through it in base 64."""

Event = dict[str, Any]
Handler = Callable[[Event, LambdaContext], dict[str, Any]]


def create_app(title: str, router: APIRouter) -> FastAPI:
    """An application with problem details and a body limit.

    It serves no document of its own: one build step merges the documents of all functions.
    """
    app = FastAPI(title=title, openapi_url=None, docs_url=None, redoc_url=None)
    problems.install(app)
    app.include_router(router)
    app.add_middleware(BodyLimit)
    return app


class BodyLimit:
    """Refuses larger bodies with 413. The gateway hands bodies over whole, with their length."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        length = dict(scope.get("headers", ())).get(b"content-length", b"0")
        if length.isdigit() and int(length) > MAX_BODY_BYTES:
            problem = problems.Problem(
                type="about:blank",
                title="Content Too Large",
                status=413,
                detail=f"body: is larger than {MAX_BODY_BYTES} bytes",
            )
            await problems.respond(problem)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def lambda_handler(app: FastAPI) -> Handler:
    """The Lambda handler of ``app``: payload format 2.0 in and out, one log line a request."""
    respond = Mangum(app, lifespan="off", text_mime_types=_TEXT)

    @logger.inject_lambda_context
    @metrics.log_metrics
    def handler(event: Event, context: LambdaContext) -> dict[str, Any]:
        answer: dict[str, Any] = respond(event, context)
        http = event["requestContext"]["http"]
        status = answer["statusCode"]
        metrics.add_metric("Requests", MetricUnit.Count, 1)
        if status >= 500:
            metrics.add_metric("ServerErrors", MetricUnit.Count, 1)
        logger.info("request", method=http["method"], path=http["path"], status=status)
        return answer

    return handler
