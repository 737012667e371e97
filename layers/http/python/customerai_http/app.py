"""The FastAPI application that every HTTP function is made of, and its way into Lambda."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, FastAPI
from mangum import Mangum
from mangum.types import LambdaContext

from customerai.observability.telemetry import MetricUnit, logger, metrics
from customerai_http import problems

MAX_BODY_BYTES = 4 * 1024 * 1024
"""As it comes in the event. Lambda takes 6 MB with everything around it escaped."""
_TEXT = ["application/json", problems.MEDIA_TYPE, "text/"]
"""What the gateway gets as it is; any other media type goes through it in base 64."""

Event = dict[str, Any]
Handler = Callable[[Event, LambdaContext], dict[str, Any]]


_TOO_LARGE: dict[str, Any] = {
    "statusCode": 413,
    "headers": {"content-type": problems.MEDIA_TYPE},
    "body": problems.Problem(
        type="about:blank",
        title="Content Too Large",
        status=413,
        detail=f"body: is larger than {MAX_BODY_BYTES} bytes",
    ).model_dump_json(exclude_defaults=True),
    "isBase64Encoded": False,
}


def create_app(title: str, router: APIRouter) -> FastAPI:
    """An application with problem details.

    It serves no document of its own: one build step merges the documents of all functions.
    """
    app = FastAPI(
        title=title, openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False
    )
    problems.install(app)
    app.include_router(router)
    return app


def lambda_handler(app: FastAPI) -> Handler:
    """The Lambda handler of ``app``: payload format 2.0 in and out, one log line a request."""
    respond = Mangum(app, lifespan="off", text_mime_types=_TEXT)

    @logger.inject_lambda_context
    @metrics.log_metrics
    def handler(event: Event, context: LambdaContext) -> dict[str, Any]:
        if len((event.get("body") or "").encode()) > MAX_BODY_BYTES:
            answer = _TOO_LARGE
        else:
            answer = respond(event, context)
        http = event["requestContext"]["http"]
        status = answer["statusCode"]
        metrics.add_metric("Requests", MetricUnit.Count, 1)
        if status >= 500:
            metrics.add_metric("ServerErrors", MetricUnit.Count, 1)
        logger.info("request", method=http["method"], path=http["path"], status=status)
        return answer

    return handler
