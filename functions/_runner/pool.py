"""The worker processes of one function, replaced when they end, each with one event at a time."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
import uuid
from collections import deque
from collections.abc import Mapping
from typing import Any, Self

from functions._runner import frames
from functions._runner.application import Function
from functions._runner.backoff import backoff
from functions._runner.settings import CHECKOUT, Settings

_START_LIMIT = 60.0
_LONGEST_PAUSE = 5.0


class FunctionError(Exception):
    """The function gave no result. `payload` is what Lambda would answer."""

    def __init__(self, payload: Mapping[str, Any]) -> None:
        super().__init__(f"{payload.get('errorType')}: {payload.get('errorMessage')}")
        self.payload = payload


class WorkerLostError(FunctionError):
    """The worker's process ended in the middle of an event."""

    def __init__(self, function: Function) -> None:
        super().__init__(
            {
                "errorType": "Runtime.ExitError",
                "errorMessage": f"the process of {function.name} ended before it answered",
            }
        )


class FunctionTimeoutError(FunctionError):
    """The function ran into its own timeout and its process was killed."""

    def __init__(self, function: Function) -> None:
        super().__init__(
            {
                "errorType": "Sandbox.Timedout",
                "errorMessage": f"Task timed out after {function.timeout:.2f} seconds",
            }
        )


def worker_environment(function: Function, settings: Settings) -> dict[str, str]:
    """What the handler's process sees: as in Lambda, nothing of the shell behind the runner."""
    inherited = {key: os.environ[key] for key in ("PATH", "HOME", "TMPDIR") if key in os.environ}
    return {
        **inherited,
        "LANG": "C.UTF-8",
        "TZ": ":UTC",
        "PYTHONPATH": str(settings.code),
        "LAMBDA_TASK_ROOT": str(settings.code),
        "AWS_LAMBDA_FUNCTION_NAME": function.physical_name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.physical_name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "local",
        "_HANDLER": function.handler,
        **settings.aws_environment(),
        **function.environment,
        **settings.cache_environment(),
    }


class _Worker(asyncio.Protocol):
    """The runner's end of one process. `answer` is the reply that is awaited now."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._decoder = frames.Decoder()
        self._transport: asyncio.Transport | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self.answer: asyncio.Future[Mapping[str, Any]] = asyncio.get_running_loop().create_future()
        self.lost = False

    async def start(self) -> None:
        """Start the process and wait until its handler is imported; raises FunctionError."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_connection(lambda: self, sock=self._spawn())
        await self._reply(_START_LIMIT)

    def _spawn(self) -> socket.socket:
        """Start the process; our end of its connection."""
        ours, theirs = socket.socketpair()
        function, settings = self._pool.function, self._pool.settings
        with theirs, (settings.logs / f"{function.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "functions._runner.worker"),
                    *(str(theirs.fileno()), str(os.getpid())),
                ],
                cwd=CHECKOUT,
                env=worker_environment(function, settings),
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return ours

    async def run(self, event: Any) -> Any:
        """The handler's result; raises FunctionError. Not for two events at a time."""
        function = self._pool.function
        message = {
            "event": event,
            "request_id": str(uuid.uuid4()),
            "arn": function.arn,
            "deadline": time.time() + function.timeout,
        }
        if self._transport is None:
            raise WorkerLostError(function)
        self.answer = asyncio.get_running_loop().create_future()
        self._transport.write(frames.encode(message))
        return (await self._reply(function.timeout)).get("result")

    async def _reply(self, limit: float) -> Mapping[str, Any]:
        try:
            async with asyncio.timeout(limit):
                reply = await self.answer
        except TimeoutError:
            self.kill()
            raise FunctionTimeoutError(self._pool.function) from None
        if "error" in reply:
            raise FunctionError(reply["error"])
        return reply

    def is_running(self) -> bool:
        """Whether the process is there, asked of the kernel: its connection may tell later."""
        return not self.lost and self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """End the process now. Reaping waits for a process that is already dead or dying."""
        self.lost = True
        if self._transport is not None:
            self._transport.abort()
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def data_received(self, data: bytes) -> None:
        for reply in self._decoder.feed(data):
            if not self.answer.done():
                self.answer.set_result(reply)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 asyncio's signature
        self.kill()
        if not self.answer.done():
            self.answer.set_exception(WorkerLostError(self._pool.function))
            self.answer.exception()  # nobody may be waiting: an idle worker can die too
        self._pool.forget(self)


class Pool:
    """Up to `size` workers of one function: one is kept warm, more come when all are busy."""

    def __init__(self, function: Function, settings: Settings, size: int) -> None:
        self.function = function
        self.settings = settings
        self._size = size
        self._workers: set[_Worker] = set()
        self._idle: deque[_Worker] = deque()
        self._waiting: deque[asyncio.Future[_Worker]] = deque()
        self._starting: set[asyncio.Task[None]] = set()
        self._failures = 0
        self._closed = False

    async def __aenter__(self) -> Self:
        self.settings.logs.mkdir(parents=True, exist_ok=True)
        self._add()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closed = True
        for task in self._starting:
            task.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        for worker in list(self._workers):
            worker.kill()

    async def invoke(self, event: Any) -> Any:
        """The handler's result for one event, waiting for a free worker; raises FunctionError."""
        worker = await self._take()
        try:
            return await worker.run(event)
        except asyncio.CancelledError:
            worker.kill()  # it is still busy with an event that nobody waits for
            raise
        finally:
            self._offer(worker)

    async def _take(self) -> _Worker:
        while self._idle:
            worker = self._idle.popleft()
            if worker.is_running():
                return worker
        # Those who wait already have a worker coming for each, up to the pool's size.
        uncovered = len(self._waiting) >= len(self._starting)
        if uncovered and len(self._workers) + len(self._starting) < self._size:
            self._add()
        free: asyncio.Future[_Worker] = asyncio.get_running_loop().create_future()
        self._waiting.append(free)
        try:
            return await free
        except asyncio.CancelledError:
            if free.done() and not free.cancelled() and free.exception() is None:
                self._offer(free.result())  # handed over in the same moment
            raise

    def _offer(self, worker: _Worker) -> None:
        if worker.lost or self._closed:
            return
        while self._waiting:
            free = self._waiting.popleft()
            if not free.done():
                free.set_result(worker)
                return
        self._idle.append(worker)

    def _add(self, pause: float = 0.0) -> None:
        task = asyncio.create_task(self._start(pause))
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    async def _start(self, pause: float) -> None:
        await asyncio.sleep(pause)
        worker = _Worker(self)
        try:
            await worker.start()
        except FunctionError as error:
            # The module does not import, or the process ends at once. As in Lambda whoever waits
            # is told, and the next attempt comes a little later each time.
            worker.kill()
            self._failures += 1
            while self._waiting:
                free = self._waiting.popleft()
                if not free.done():
                    free.set_exception(error)
            if not self._closed:
                self._add(backoff(0.25, self._failures, _LONGEST_PAUSE))
        except asyncio.CancelledError:
            worker.kill()
            raise
        else:
            self._failures = 0
            self._workers.add(worker)
            self._offer(worker)

    def forget(self, worker: _Worker) -> None:
        """Replace a worker whose process ended, so that the next event finds a warm one."""
        if worker in self._workers:
            self._workers.discard(worker)
            if worker in self._idle:
                self._idle.remove(worker)
            if not self._closed:
                self._add()
