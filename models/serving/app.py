"""The HTTP surface: SageMaker's container paths, and the runtime API's path for direct clients."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from operator import itemgetter

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from models.serving.errors import BodyTooLargeError, OverloadedError, RequestError
from models.serving.inference import InferenceQueue
from models.serving.predictor import Predictor
from models.serving.request import parse_texts
from models.serving.settings import ServerSettings

logger = logging.getLogger(__name__)


def create_app(predictor: Predictor, settings: ServerSettings) -> Starlette:
    """Return the ASGI application; it closes `predictor` when it shuts down.

    - `GET /ping`: 200 while the model answers, else 503.
    - `POST /invocations`, and `POST /endpoints/{name}/invocations` as the SageMaker runtime API has
      it: `{"texts": [...]}` to `{"model": ..., "results": [{"label": ..., "scores": {...}}]}`.
    """
    queue = InferenceQueue(predictor, settings)

    async def ping(_: Request) -> Response:
        if await queue.is_healthy():
            return _json(200, {"status": "healthy", "model": predictor.version})
        return _error(503, "ServiceUnavailable", "the model does not answer")

    async def invoke(request: Request) -> Response:
        texts = parse_texts(await _read_body(request, settings.most_body_bytes), settings)
        results = [
            {"label": max(scores.items(), key=itemgetter(1))[0], "scores": scores}
            for scores in await queue.predict(texts)
        ]
        return _json(200, {"model": predictor.version, "results": results})

    async def refuse(request: Request, error: Exception) -> Response:
        if not isinstance(error, RequestError):
            raise error
        headers = {}
        if isinstance(error, OverloadedError):
            headers["Retry-After"] = str(settings.retry_after_seconds)
        return _failure(request, error.status, error.code, str(error), headers)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        queue.close()

    return Starlette(
        routes=[
            Route("/ping", ping, methods=["GET"]),
            Route("/invocations", invoke, methods=["POST"]),
            Route("/endpoints/{name}/invocations", invoke, methods=["POST"]),
        ],
        exception_handlers={
            RequestError: refuse,
            HTTPException: _no_such_route,
            Exception: _internal_failure,
        },
        lifespan=lifespan,
    )


async def _read_body(request: Request, most_bytes: int) -> bytes:
    too_large = BodyTooLargeError(f"body: must be at most {most_bytes} bytes")
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > most_bytes:
        raise too_large
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most_bytes:
            raise too_large
    return bytes(body)


async def _no_such_route(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    code = "MethodNotAllowed" if error.status_code == 405 else "NotFound"
    return _error(error.status_code, code, error.detail, error.headers)


async def _internal_failure(request: Request, error: Exception) -> Response:
    logger.error("prediction failed", exc_info=error)
    return _failure(request, 500, "InternalFailure", "the model failed on this request")


def _failure(
    request: Request,
    status: int,
    code: str,
    message: str,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The container's own answer; on the runtime API's path, what that API makes of it.

    Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
    """
    if "name" not in request.path_params:
        return _error(status, code, message, headers)
    wrapped = {"Message": message, "OriginalStatusCode": status, "OriginalMessage": message}
    return _json(424, wrapped, {"x-amzn-errortype": "ModelError"})


def _error(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> Response:
    return _json(status, {"code": code, "message": message}, headers)


def _json(status: int, content: object, headers: Mapping[str, str] | None = None) -> Response:
    body = orjson.dumps(content, option=orjson.OPT_NON_STR_KEYS)
    return Response(body, status, headers, "application/json")
