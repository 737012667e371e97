"""The HTTP surface: SageMaker's container paths, and the runtime API's path for direct clients.

- `GET /ping`: 200 while the models answer, else 503; 503 from the moment of a SIGTERM.
- `POST /invocations`, and `POST /endpoints/{name}/invocations` as the SageMaker runtime API has it.
- `POST /models/{name}/invocations`: one model by itself; also `/invocations?model={name}`.
- `GET /models`: what is loaded. `GET /metrics`: for Prometheus.
"""

from __future__ import annotations

import logging
import math
import re
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any
from urllib.parse import parse_qs

import msgspec

from models.serving import wire
from models.serving.analysis import Analyser
from models.serving.deadlines import due, within
from models.serving.engine import Engine
from models.serving.errors import NotFoundError, OverloadedError, RequestError
from models.serving.health import Health
from models.serving.messages import Request, Response
from models.serving.metrics import Gauge, ServerMetrics
from models.serving.registry import LoadedModel, digest
from models.serving.settings import ServerSettings
from models.serving.tickets import Caller

logger = logging.getLogger(__name__)

_RUNTIME_PATH = re.compile(r"/endpoints/[^/]+/invocations")
_MODEL_PATH = re.compile(r"/models/([^/]+)/invocations")
_ATTRIBUTES = wire.ATTRIBUTES.lower()

_Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class Application:
    """Answers requests from the loaded models. To be used from one event loop."""

    def __init__(self, loaded: Mapping[str, LoadedModel], settings: ServerSettings) -> None:
        self.draining = False
        """Set on SIGTERM: what was accepted is answered, the rest refused."""
        self.drained_by = math.inf
        """When what was accepted must be answered, on `time.monotonic`; for every port."""
        self.metrics = ServerMetrics()
        self._loaded = loaded
        self._answered_by = f"models={digest(loaded.values())}"
        self._settings = settings
        lanes = {
            name: lane
            for each in loaded.values()
            for name, lane in getattr(each.model, "lanes", {}).items()
        }
        self.engine = Engine(
            lanes, workers=settings.workers, limits=settings.queue, metrics=self.metrics
        )
        for each in loaded.values():
            for run in each.runs:
                self.engine.learn(run.lane, run.tokens, run.seconds)
        self.analyser = Analyser(loaded, self.engine, settings.light_characters)
        self._health = Health(self.engine, _probes(loaded), settings)
        self.metrics.gauges += [
            Gauge("serving_queued_sequences", "What waits.", lambda: self.engine.queued_items),
            Gauge("serving_queued_tokens", "What waits.", lambda: self.engine.queued_tokens),
        ]
        self._routes: Mapping[str, tuple[str, _Handler]] = {
            "/invocations": ("POST", self._invoke),
            "/ping": ("GET", self._ping),
            "/models": ("GET", self._models),
            "/metrics": ("GET", self._metrics),
        }

    def start(self) -> None:
        """Start the workers, on the running event loop."""
        self.engine.start()

    def drain(self, seconds: float) -> None:
        """Take on nothing new, and have so many seconds for what was accepted."""
        self.draining = True
        self.drained_by = time.monotonic() + seconds

    def close(self) -> None:
        """Let running batches end and stop all threads."""
        self.engine.close()
        self.analyser.close()

    async def unwell(self) -> str | None:
        """Return why clients should go elsewhere; None where they need not."""
        return "the server is shutting down" if self.draining else await self._health.check()

    async def handle(self, request: Request) -> Response:
        """Return the response, whatever happens, but for being cancelled."""
        response = await self._answer(request)
        self.metrics.requests.add(str(response.status))
        return response

    async def _answer(self, request: Request) -> Response:
        wrapped = _RUNTIME_PATH.fullmatch(request.path) is not None
        try:
            return await self._route(request, wrapped=wrapped)
        except RequestError as error:
            headers = {}
            if error.retry_seconds is not None:
                headers["Retry-After"] = str(error.retry_seconds)
            return failure(error, str(error), headers, wrapped=wrapped)
        except Exception:
            logger.exception("the request failed")
            message = "the model failed on this request"
            return _failure(500, "InternalFailure", message, {}, wrapped=wrapped)

    async def _route(self, request: Request, *, wrapped: bool) -> Response:
        if wrapped:
            method, handler = self._routes["/invocations"]
        elif request.path in self._routes:
            method, handler = self._routes[request.path]
        elif _MODEL_PATH.fullmatch(request.path):
            method, handler = "POST", self._invoke_model
        else:
            raise NotFoundError(f"no such path: {request.path}")
        if request.method != method:
            message = f"{request.path} takes {method} only"
            return _failure(405, "MethodNotAllowed", message, {"Allow": method}, wrapped=False)
        return await handler(request)

    async def _invoke(self, request: Request) -> Response:
        if request.query:
            names = parse_qs(request.query, keep_blank_values=True).get("model")
            if names:
                return await self._answer_by(names[-1], request)
        media_type = wire.answer_type(request.headers.get("accept"))
        caller = self._caller(request)
        asked = wire.read_analysis(request.body, request.headers.get("content-type"))
        answer = await within(caller.deadline, self.analyser.analyse(asked, caller))
        return self._answered(answer, media_type, caller)

    async def _invoke_model(self, request: Request) -> Response:
        found = _MODEL_PATH.fullmatch(request.path)
        return await self._answer_by(found[1] if found else "", request)

    async def _answer_by(self, name: str, request: Request) -> Response:
        media_type = wire.answer_type(request.headers.get("accept"))
        caller = self._caller(request)
        self.analyser.batched(name)
        texts = wire.read_texts(request.body, request.headers.get("content-type"))
        answer = await within(caller.deadline, self.analyser.answer(name, texts, caller))
        return self._answered(answer, media_type, caller)

    def _caller(self, request: Request) -> Caller:
        if self.draining and not request.accepted:
            error = OverloadedError("the server is shutting down")
            error.retry_seconds = 1
            raise error
        attributes = request.headers.get(_ATTRIBUTES)
        timeout, priority = wire.read_attributes(attributes, self._settings.timeout_seconds)
        return Caller(due(request.arrived, timeout), request.client, request.source, priority)

    def _answered(self, answer: object, media_type: str, caller: Caller) -> Response:
        """An answer, from which models, and where its time went.

        https://www.w3.org/TR/server-timing/
        """
        timing = caller.timing
        told = (
            f"queue;dur={timing.queue * 1000:.2f}, compute;dur={timing.compute * 1000:.2f},"
            f" batch;desc={timing.batch}"
        )
        headers = {"server-timing": told, wire.ATTRIBUTES: self._answered_by}
        return Response(200, wire.write(answer, media_type), media_type, headers)

    async def _ping(self, _: Request) -> Response:
        wrong = await self.unwell()
        if wrong is not None:
            return _failure(503, "ServiceUnavailable", wrong, {}, wrapped=False)
        version = next((each.version for each in self._loaded.values()), "")
        return _json(200, {"status": "healthy", "model": version})

    async def _models(self, _: Request) -> Response:
        return _json(
            200,
            {
                "models": [
                    {
                        "name": each.name,
                        "version": each.version,
                        "bytes": each.memory_bytes,
                        "limit_bytes": each.limit_bytes,
                    }
                    for each in self._loaded.values()
                ]
            },
        )

    async def _metrics(self, _: Request) -> Response:
        return Response(200, self.metrics.text().encode(), "text/plain; version=0.0.4")


def failure(
    error: RequestError,
    message: str,
    headers: Mapping[str, str] | None = None,
    *,
    wrapped: bool = False,
) -> Response:
    """Return what an error is to a client; see `_failure`."""
    return _failure(error.status, error.code, message, headers or {}, wrapped=wrapped)


def _failure(
    status: int, code: str, message: str, headers: Mapping[str, str], *, wrapped: bool
) -> Response:
    """The container's own answer; on the runtime API's path, what that API makes of it.

    Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
    """
    if not wrapped:
        return _json(status, {"code": code, "message": message}, headers)
    body = {"Message": message, "OriginalStatusCode": status, "OriginalMessage": message}
    return _json(424, body, {**headers, "x-amzn-errortype": "ModelError"})


def _json(status: int, content: object, headers: Mapping[str, str] | None = None) -> Response:
    return Response(status, msgspec.json.encode(content), headers=headers or {})


def _probes(loaded: Mapping[str, LoadedModel]) -> dict[str, object]:
    """Return a unit for each lane."""
    probes: dict[str, object] = {}
    for each in loaded.values():
        if hasattr(each.model, "lanes"):
            (units,) = each.model.units(["ping"])
            probes.update(dict.fromkeys(each.model.lanes, units[0]))
    return probes
