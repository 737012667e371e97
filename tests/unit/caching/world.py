"""Handlers that share a cache, a store that counts what it is asked, and the time."""

import asyncio
from collections.abc import Iterable

from starlette.responses import Response

from customerai.adapters.memory.cache import MemoryCache
from customerai.domain.errors import UnavailableError
from customerai_http.response_cache import Question, ResponseCache

TAG, OTHER_TAG = "tag:one", "tag:other"


def question(tenant: str = "acme", *asked: object, tags: Iterable[str] = (TAG,)) -> Question:
    return Question(tenant, "things", asked, tuple(tags))


class Store:
    """What is read: ``value``, or that it is down."""

    def __init__(self, value: str = "first") -> None:
        self.value = value
        self.is_down = False
        self.reads = 0
        self.begun = asyncio.Semaphore(0)
        """Can be acquired once for each read that has begun."""
        self.gate: asyncio.Event | None = None

    async def compute(self) -> Response:
        self.reads += 1
        self.begun.release()
        value = self.value
        if self.gate is not None:
            await self.gate.wait()
        if self.is_down:
            raise UnavailableError("store")
        return Response(value, 200, {"etag": f'"{value}"'}, "text/plain")


class World:
    def __init__(self, processes: int = 2, capacity: int = 1024) -> None:
        self.now = 1_000.0
        self.cache = MemoryCache(capacity, clock=lambda: self.now)
        self.processes = [
            ResponseCache(self.cache, clock=lambda: self.now) for _ in range(processes)
        ]
        self.store = Store()

    async def ask(
        self, asked: Question | None = None, process: int = 0, *, strong: bool = False
    ) -> Response:
        return await self.processes[process].answer(
            asked or question(), self.store.compute, strong=strong
        )

    async def body(self, asked: Question | None = None, process: int = 0) -> str:
        return bytes((await self.ask(asked, process)).body).decode()


def outcome(response: Response) -> str:
    return response.headers["server-timing"].removeprefix("cache;desc=")
