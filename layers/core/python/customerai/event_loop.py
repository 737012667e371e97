"""The event loop of this process: connections are kept on it from one event to the next."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

# Made when a function is imported. Mangum runs its application on the same one.
asyncio.set_event_loop(asyncio.new_event_loop())


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """What ``coroutine`` returns or raises, run on this thread's loop until then."""
    return asyncio.get_event_loop().run_until_complete(coroutine)
