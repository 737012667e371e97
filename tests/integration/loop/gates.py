"""Parts that answer only to who has let the event loop run meanwhile.

An answer is held back until a coroutine on the caller's loop has had some turns since the request
came. Who waits on the loop gets it; who blocks the loop while waiting never does, and gives up.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

from functions._runner.settings import Settings
from tests.integration.faults.proxies import Proxy, http_request

_TURNS = 3
_TURN_SECONDS = 0.002
_LOOK_SECONDS = 0.002


class Turns:
    """How often the loop of the code under test has had time for something else."""

    def __init__(self) -> None:
        self.count = 0
        self.requests = 0
        """Those that were held back until then."""

    @contextlib.contextmanager
    def taken(self, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        """While the block runs ``loop``, turns are counted on it."""
        task = loop.create_task(self._take())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                loop.run_until_complete(task)

    async def passed(self) -> bytes | None:
        """For a proxy on any other loop: nothing to say, once there were some turns."""
        until = self.count + _TURNS
        while self.count < until:  # noqa: ASYNC110 - another thread's loop counts
            await asyncio.sleep(_LOOK_SECONDS)
        self.requests += 1
        return None

    async def _take(self) -> None:
        while True:
            self.count += 1
            await asyncio.sleep(_TURN_SECONDS)


@contextlib.contextmanager
def gated(parts: Settings, turns: Turns) -> Iterator[Settings]:
    """Where everything that speaks HTTP is reached through a gate, in a thread of its own."""
    opened: Future[Settings] = Future()
    over = asyncio.Event()

    async def serve() -> None:
        async with contextlib.AsyncExitStack() as stack:
            ports = (parts.database_port, parts.emulator_port, parts.model_port)
            gates = [await stack.enter_async_context(Proxy(port, http_request)) for port in ports]
            for gate in gates:
                gate.meddle = turns.passed
            database, emulator, model = (gate.port for gate in gates)
            opened.set_result(
                replace(parts, database_port=database, emulator_port=emulator, model_port=model)
            )
            await over.wait()

    loop = asyncio.new_event_loop()
    with ThreadPoolExecutor(1) as thread:
        serving = thread.submit(loop.run_until_complete, serve())
        try:
            yield opened.result(timeout=10)
        finally:
            loop.call_soon_threadsafe(over.set)
            serving.result()
            loop.close()
