"""Blocking calls, on threads of their own: the event loop waits for nobody."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import cache, partial
from typing import TypeVar

from customerai.adapters import aws
from customerai.resilience import deadline

T = TypeVar("T")


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(aws.CONCURRENCY, thread_name_prefix="store")


async def off_the_loop(call: Callable[[], T]) -> T:
    """What ``call`` returns or raises; ``aws.CONCURRENCY`` of them run at once.

    Raises ``UnavailableError`` at the deadline. The call goes on then, until its own time-outs end
    it, and nobody knows what it did: whoever asks again has to do so under the same key.
    """
    loop = asyncio.get_running_loop()
    async with deadline.timeout("store"):
        return await loop.run_in_executor(_threads(), partial(copy_context().run, call))


async def all_off_the_loop(calls: Sequence[Callable[[], T]]) -> list[T | Exception]:
    """One outcome each, in order: what it returned, or the exception that it raised."""
    outcomes = await asyncio.gather(*map(off_the_loop, calls), return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, Exception):
            raise outcome  # a cancellation is nobody's outcome
    return outcomes  # type: ignore[return-value] # by the loop above
