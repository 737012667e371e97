"""API Gateway on loopback: routes, the authorizer, and the functions behind them.

Reference for the answers: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-troubleshooting-lambda.html
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import uvicorn

from functions._runner.application import Application, Authorizer, Function, read_application
from functions._runner.assembly import load_assembly
from functions._runner.http_events import (
    MalformedAnswerError,
    Request,
    Response,
    authorizer_event,
    http_response,
    identity_values,
    message,
    proxy_event,
)
from functions._runner.pool import FunctionError, Pool
from functions._runner.routing import Match, Router
from functions._runner.settings import HOST, Settings

_BODY_LIMIT = 10 * 1024 * 1024
_WORKERS = 2
_CACHED_DECISIONS = 10_000
_WITHOUT_BODY = frozenset({204, 304})
"""Statuses whose answers have no length either (RFC 9110, section 8.6)."""

_log = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Gateway:
    """An ASGI application. `pools` has the workers of every function that a route names."""

    def __init__(self, application: Application, pools: Mapping[str, Pool]) -> None:
        self._router = Router(application.routes)
        self._pools = pools
        self._decisions: dict[tuple[str, ...], tuple[float, Any]] = {}
        self._running: set[asyncio.Task[Any]] = set()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        response = await self._respond(scope, receive)
        headers = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in response.headers]
        if response.status not in _WITHOUT_BODY:
            headers.append((b"content-length", str(len(response.body)).encode()))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})

    async def _respond(self, scope: Message, receive: Receive) -> Response:
        body = await _read_body(receive)
        if body is None:
            return message(413, "Request Entity Too Large")
        request = Request(
            method=scope["method"],
            path=scope["raw_path"].decode("latin-1"),
            query=scope["query_string"].decode("latin-1"),
            headers=[(k.decode("latin-1"), v.decode("latin-1")) for k, v in scope["headers"]],
            body=body,
            client=scope["client"][0] if scope.get("client") else HOST,
            protocol=f"HTTP/{scope['http_version']}",
        )
        match = self._router.match(request.method, request.decoded_path)
        if match is None:
            return message(404, "Not Found")
        try:
            async with asyncio.timeout(match.route.timeout):
                return await self._integrate(request, match)
        except TimeoutError:
            return message(503, "Service Unavailable")
        except (FunctionError, MalformedAnswerError) as error:
            _log.warning("%s %s: %s", request.method, request.path, error)
            return message(500, "Internal Server Error")

    async def _integrate(self, request: Request, match: Match) -> Response:
        granted = None
        if match.route.authorizer is not None:
            identity = identity_values(request, match.route.authorizer.identity_sources)
            if identity is None:
                return message(401, "Unauthorized")
            decision = await self._authorize(request, match, match.route.authorizer, identity)
            if not isinstance(decision, dict) or decision.get("isAuthorized") is not True:
                return message(403, "Forbidden")
            granted = decision.get("context") or {}
        event = proxy_event(request, match, granted)
        return http_response(await self._invoke(match.route.function, event))

    async def _authorize(
        self, request: Request, match: Match, authorizer: Authorizer, identity: list[str]
    ) -> Any:
        """The authorizer's decision, kept for its time to live by the identity sources' values."""
        key = (authorizer.function.name, *identity)
        until, decision = self._decisions.get(key, (0.0, None))
        if time.monotonic() < until:
            return decision
        event = authorizer_event(request, match, identity)
        decision = await self._invoke(authorizer.function, event)
        if authorizer.ttl > 0:
            if len(self._decisions) >= _CACHED_DECISIONS:
                self._decisions.clear()
            self._decisions[key] = (time.monotonic() + authorizer.ttl, decision)
        return decision

    async def _invoke(self, function: Function, event: Any) -> Any:
        """Shielded: as in AWS a function runs on when the gateway or the client stops waiting."""
        task = asyncio.create_task(self._pools[function.name].invoke(event))
        self._running.add(task)
        task.add_done_callback(self._settle)
        return await asyncio.shield(task)

    def _settle(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # seen, even where nobody waits any more


async def _read_body(receive: Receive) -> bytes | None:
    """The whole body, or None where it is longer than an HTTP API takes."""
    parts: list[bytes] = []
    length = 0
    while True:
        part = await receive()
        if part["type"] == "http.disconnect":
            return b"".join(parts)
        parts.append(part.get("body", b""))
        length += len(parts[-1])
        if length > _BODY_LIMIT:
            return None
        if not part.get("more_body", False):
            return b"".join(parts)


async def serve(settings: Settings) -> None:
    """Serve the synthesised routes until a signal ends it."""
    application = read_application(load_assembly(settings))
    called = {route.function.name for route in application.routes}
    called |= {route.authorizer.function.name for route in application.routes if route.authorizer}
    async with contextlib.AsyncExitStack() as stack:
        pools = {
            name: await stack.enter_async_context(
                Pool(application.functions[name], settings, _WORKERS)
            )
            for name in sorted(called)
        }
        server = uvicorn.Server(
            uvicorn.Config(
                Gateway(application, pools),
                host=HOST,
                port=settings.port,
                lifespan="off",
                access_log=False,
                log_level="warning",
                server_header=False,
                timeout_graceful_shutdown=2,
            )
        )
        await server.serve()


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    # uvicorn stops for a signal and then raises it again: by then only the workers are left.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    asyncio.run(serve(Settings.from_environment()))


if __name__ == "__main__":
    main()
