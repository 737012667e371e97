"""The protocol's service, over the same models and the same queue as the HTTP server's."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from itertools import chain
from typing import Any

import grpc

from models.serving.app import Application
from models.serving.deadlines import due, within
from models.serving.errors import OverloadedError, RequestError
from models.serving.rpc import inference_pb2 as protocol
from models.serving.rpc.tensors import TEXT, answer_of, texts_of
from models.serving.settings import ServerSettings
from models.serving.tickets import Caller

logger = logging.getLogger(__name__)

SERVICE = "inference.GRPCInferenceService"

_CODES: Mapping[int, grpc.StatusCode] = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    404: grpc.StatusCode.NOT_FOUND,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}

_Output = tuple[str, str, list[int], Any]


@asynccontextmanager
async def serving(app: Application, settings: ServerSettings, port: int) -> AsyncIterator[int]:
    """Speak the protocol on a port of the settings' host until the block ends; gives the port.

    At the end no call is let in any more, and those that were have until `app.drained_by`.
    """
    server = grpc.aio.server(
        options=[("grpc.max_receive_message_length", settings.most_body_bytes)]
    )
    server.add_generic_rpc_handlers((_handlers(_Service(app, settings.timeout_seconds)),))
    bound = server.add_insecure_port(f"{settings.host}:{port}")
    await server.start()
    try:
        yield bound
    finally:
        left = app.drained_by - time.monotonic()
        await server.stop(grace=max(0.0, min(left, settings.drain_seconds)))


class _Service:
    """One method for each call; `_handlers` wraps them."""

    def __init__(self, app: Application, timeout_seconds: float) -> None:
        self._app = app
        self._timeout = timeout_seconds

    async def server_live(self, _: Any, context: Any) -> Any:  # noqa: ARG002
        return protocol.ServerLiveResponse(live=True)

    async def server_ready(self, _: Any, context: Any) -> Any:  # noqa: ARG002
        return protocol.ServerReadyResponse(ready=await self._app.unwell() is None)

    async def model_ready(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        self._model(request.name, request.version)
        return protocol.ModelReadyResponse(ready=await self._app.unwell() is None)

    async def server_metadata(self, _: Any, context: Any) -> Any:  # noqa: ARG002
        return protocol.ServerMetadataResponse(name="customerai-serving", version="1")

    async def model_metadata(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        model = self._model(request.name, request.version)
        tensor = protocol.ModelMetadataResponse.TensorMetadata
        if model.field == "embeddings":
            outputs = [tensor(name="embedding", datatype="FP32", shape=[-1, -1])]
        else:
            outputs = [
                tensor(name="label", datatype="BYTES", shape=[-1]),
                tensor(name="scores", datatype="FP32", shape=[-1, 3]),
            ]
        return protocol.ModelMetadataResponse(
            name=model.name,
            versions=[model.version],
            platform="onnxruntime",
            inputs=[tensor(name=TEXT, datatype="BYTES", shape=[-1])],
            outputs=outputs,
        )

    async def model_infer(self, request: Any, context: Any) -> Any:
        arrived = time.monotonic()
        if self._app.draining:
            raise OverloadedError("the server is shutting down")
        model = self._model(request.model_name, request.model_version)
        texts = texts_of(request)
        # What is left of the client's deadline; None or a huge number where it set none.
        left = context.time_remaining()
        deadline = due(arrived, self._timeout if left is None else min(left, self._timeout))
        caller = Caller(deadline, client=context.peer().rpartition(":")[0])
        answer = await within(deadline, self._app.analyser.answer(model.name, texts, caller))
        return answer_of(request, model.version, _outputs(answer[model.field], model.field))

    def _model(self, name: str, version: str) -> Any:
        model = self._app.analyser.batched(name)
        if version not in {"", model.version}:
            error = RequestError(f"version: {name!r} is {model.version!r} here")
            error.status = 404
            raise error
        return model


def _outputs(results: list[Any], field: str) -> list[_Output]:
    if field == "embeddings":
        shape = [len(results), len(results[0])]
        return [("embedding", "FP32", shape, list(chain.from_iterable(results)))]
    labels = [result["label"].encode() for result in results]
    scores = [score for result in results for score in result["scores"].values()]
    return [
        ("label", "BYTES", [len(results)], labels),
        ("scores", "FP32", [len(results), len(scores) // len(results)], scores),
    ]


def _handlers(service: _Service) -> grpc.GenericRpcHandler:
    calls: dict[str, tuple[Any, Any]] = {
        "ServerLive": (service.server_live, protocol.ServerLiveRequest),
        "ServerReady": (service.server_ready, protocol.ServerReadyRequest),
        "ModelReady": (service.model_ready, protocol.ModelReadyRequest),
        "ServerMetadata": (service.server_metadata, protocol.ServerMetadataRequest),
        "ModelMetadata": (service.model_metadata, protocol.ModelMetadataRequest),
        "ModelInfer": (service.model_infer, protocol.ModelInferRequest),
    }
    methods = {
        name: grpc.unary_unary_rpc_method_handler(
            _told(call), kind.FromString, lambda message: message.SerializeToString()
        )
        for name, (call, kind) in calls.items()
    }
    return grpc.method_handlers_generic_handler(SERVICE, methods)


def _told(call: Callable[[Any, Any], Awaitable[Any]]) -> Callable[[Any, Any], Awaitable[Any]]:
    """Turn errors into the protocol's status codes."""

    async def answer(request: Any, context: Any) -> Any:
        try:
            return await call(request, context)
        except RequestError as error:
            code = _CODES.get(error.status, grpc.StatusCode.INTERNAL)
            await context.abort(code, str(error))
        except grpc.aio.AbortError:
            raise
        except Exception:
            logger.exception("the call failed")
            await context.abort(grpc.StatusCode.INTERNAL, "the model failed on this request")

    return answer
