"""Everything but HTTP that wakes functions: table streams, queues and schedules, in one process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Iterable

from functions._runner.application import (
    QueueMapping,
    Schedule,
    StreamMapping,
    read_application,
)
from functions._runner.assembly import load_assembly
from functions._runner.pool import Pool
from functions._runner.queues import QueuePoller
from functions._runner.schedules import Clock
from functions._runner.settings import Settings
from functions._runner.streams import StreamPoller


async def serve(settings: Settings) -> None:
    """Poll until SIGTERM. SIGHUP runs the schedules at once: the emulator has lost its queues."""
    application = read_application(load_assembly(settings))
    async with contextlib.AsyncExitStack() as stack:
        woken: list[StreamMapping | QueueMapping | Schedule] = [
            *application.stream_mappings,
            *application.queue_mappings,
            *application.schedules,
        ]
        pools = {
            name: await stack.enter_async_context(
                Pool(application.functions[name], settings, size=1)
            )
            for name in sorted({source.function.name for source in woken})
        }
        clocks = [Clock(s, pools[s.function.name]) for s in application.schedules]
        loops: list[StreamPoller | QueuePoller | Clock] = [
            *(
                StreamPoller(m, pools[m.function.name], settings)
                for m in application.stream_mappings
            ),
            *(QueuePoller(m, pools[m.function.name], settings) for m in application.queue_mappings),
            *clocks,
        ]
        tasks = asyncio.gather(*(loop.run() for loop in loops))
        running = asyncio.get_running_loop()
        running.add_signal_handler(signal.SIGTERM, tasks.cancel)
        running.add_signal_handler(signal.SIGHUP, _wake, clocks)
        with contextlib.suppress(asyncio.CancelledError):
            await tasks


def _wake(clocks: Iterable[Clock]) -> None:
    for clock in clocks:
        clock.wake()


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("botocore").setLevel(logging.WARNING)
    asyncio.run(serve(Settings.from_environment()))


if __name__ == "__main__":
    main()
