"""Many calls at once, but not too many."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar, cast

A = TypeVar("A")
T = TypeVar("T")


async def fan_out(call: Callable[[A], Awaitable[T]], items: Sequence[A], *, limit: int) -> list[T]:
    """``call`` of each item, ``limit`` of them at a time; the answers in the items' order.

    The first error cancels what still runs, starts nothing more, and is raised once all have ended.
    """
    if limit < 1:
        raise ValueError("at least one at a time")
    if len(items) == 1:
        return [await call(items[0])]
    answers: list[T | None] = [None] * len(items)
    places = iter(range(len(items)))

    async def work() -> None:
        try:
            for place in places:  # shared by all workers: each place is taken once
                answers[place] = await call(items[place])
        except BaseException as error:
            # The others are told a moment later: by then there must be nothing left to take.
            for _ in places:
                pass
            me = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and me and not me.cancelling():
                # Of something that the call waited for: a group would take it for an end.
                raise RuntimeError("a call was cancelled from within") from error
            raise

    try:
        async with asyncio.TaskGroup() as workers:
            for _ in range(min(limit, len(items))):
                workers.create_task(work())
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return cast("list[T]", answers)
