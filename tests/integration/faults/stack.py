"""The functions' worker processes, and what they need: the real parts, each behind a proxy."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from functions._runner.application import read_application
from functions._runner.assembly import load_assembly
from functions._runner.pool import Pool
from functions._runner.settings import Settings
from tests.integration.faults.proxies import Proxy, http_request, whatever_comes

FUNCTIONS = ("interactions_api", "sentiment_api", "analytics_api", "analysis_queue")


@dataclass(frozen=True)
class Stack:
    """One worker of each function; they share nothing but the parts."""

    workers: Mapping[str, Pool]
    cache: Proxy
    store: Proxy
    model: Proxy

    async def invoke(self, function: str, event: Any) -> tuple[Any, float]:
        """The function's result, and how many seconds it took."""
        began = time.monotonic()
        result = await self.workers[function].invoke(event)
        return result, time.monotonic() - began


@contextlib.asynccontextmanager
async def started(parts: Settings) -> AsyncIterator[Stack]:
    """``parts`` are where the real ones listen."""
    async with contextlib.AsyncExitStack() as stack:
        cache = await stack.enter_async_context(Proxy(parts.cache_port, whatever_comes))
        store = await stack.enter_async_context(Proxy(parts.database_port, http_request))
        model = await stack.enter_async_context(Proxy(parts.model_port, http_request))
        seen = replace(
            parts, cache_port=cache.port, database_port=store.port, model_port=model.port
        )
        functions = read_application(load_assembly(seen)).functions
        workers = await asyncio.gather(
            *(stack.enter_async_context(Pool(functions[name], seen, size=1)) for name in FUNCTIONS)
        )
        yield Stack(dict(zip(FUNCTIONS, workers, strict=True)), cache, store, model)
