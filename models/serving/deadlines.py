"""When an answer is due, and the gate that no late one passes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from typing import TypeVar

from models.serving.errors import DeadlineError

T = TypeVar("T")

_REPLY_SECONDS = 0.03
"""Kept for writing the answer, and for an event loop that is busy when it is there. A share of
the run's time would not do: at the end of a long queue runs end all alike just before they must."""


def due(arrived: float, timeout: float) -> float:
    """Return when, on `time.monotonic`, the work for a request must be done.

    Args:
        arrived: when its first byte came.
        timeout: seconds from then on that its client waits.
    """
    return arrived + timeout - min(_REPLY_SECONDS, timeout / 4)


async def within(deadline: float, work: Awaitable[T]) -> T:
    """Return what `work` does; stop it at the deadline.

    Raises:
        DeadlineError: it was not done by then, or the event loop came late to see it.
    """
    try:
        async with asyncio.timeout_at(deadline):
            done = await work
    except TimeoutError:
        raise DeadlineError from None
    if time.monotonic() > deadline:
        raise DeadlineError
    return done
