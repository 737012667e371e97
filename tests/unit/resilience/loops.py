"""What an event loop has to complain about."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def without_complaint() -> AsyncIterator[None]:
    """Fails where a callback raised, or a task's error was seen by nobody."""
    complaints = list[object]()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    yield
    for _ in range(3):
        await asyncio.sleep(0)
    gc.collect()
    loop.set_exception_handler(None)
    assert not complaints
