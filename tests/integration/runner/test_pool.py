from __future__ import annotations

import asyncio
import os
import signal
import time

import pytest

from functions._runner.application import Application
from functions._runner.pool import FunctionError, FunctionTimeoutError, Pool, WorkerLostError
from functions._runner.settings import Settings

GOOD = {"rawPath": "/x"}


async def process_of(pool: Pool) -> int:
    body = (await pool.invoke(GOOD))["body"]
    return int(body.split('"process": ')[1].split(",")[0])


async def test_an_idle_worker_that_is_killed_is_replaced(
    application: Application, settings: Settings
) -> None:
    async with Pool(application.functions["http_api"], settings, 1) as pool:
        first = await process_of(pool)
        os.kill(first, signal.SIGKILL)
        # Blocks the event loop, so that the pool hears of it no sooner than we do.
        os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)  # noqa: ASYNC222
        begun = time.monotonic()
        second = await process_of(pool)
        assert second != first
        assert time.monotonic() - begun < 5


async def test_a_worker_that_dies_fails_only_its_own_event(
    application: Application, settings: Settings
) -> None:
    async with Pool(application.functions["http_api"], settings, 2) as pool:
        await pool.invoke(GOOD)
        outcomes = await asyncio.gather(
            pool.invoke({"rawPath": "/exit"}),
            *(pool.invoke(GOOD) for _ in range(5)),
            return_exceptions=True,
        )
        assert isinstance(outcomes[0], WorkerLostError)
        assert all(outcome["statusCode"] == 200 for outcome in outcomes[1:])  # type: ignore[index]


async def test_more_workers_come_while_all_are_busy_and_never_too_many(
    application: Application, settings: Settings
) -> None:
    async with Pool(application.functions["slow_api"], settings, 2) as pool:
        first = await process_of(pool)
        sleeping = asyncio.create_task(pool.invoke({"rawPath": "/sleep"}))
        await asyncio.sleep(0)
        others = {await process_of(pool) for _ in range(3)}
        assert len(others) == 1
        assert others != {first}
        sleeping.cancel()


async def test_a_functions_own_timeout_ends_it(
    application: Application, settings: Settings
) -> None:
    async with Pool(application.functions["http_api"], settings, 1) as pool:
        first = await process_of(pool)
        with pytest.raises(FunctionTimeoutError, match=r"timed out after 1\.00 seconds"):
            await pool.invoke({"rawPath": "/sleep"})
        assert await process_of(pool) != first


async def test_what_a_handler_raises_is_told_and_logged(
    application: Application, settings: Settings
) -> None:
    async with Pool(application.functions["http_api"], settings, 1) as pool:
        with pytest.raises(FunctionError, match="ValueError: as asked") as caught:
            await pool.invoke({"rawPath": "/raise"})
    assert caught.value.payload["stackTrace"]
    assert "ValueError: as asked" in (settings.logs / "http_api.log").read_text()


async def test_a_module_that_does_not_import_is_told_to_each_caller(
    application: Application, settings: Settings
) -> None:
    async with Pool(application.functions["broken"], settings, 1) as pool:
        for _ in range(2):
            with pytest.raises(FunctionError, match="has no attribute 'missing'"):
                await pool.invoke(GOOD)


async def test_a_large_event_comes_through(application: Application, settings: Settings) -> None:
    async with Pool(application.functions["http_api"], settings, 1) as pool:
        body = "x" * 8 * 2**20
        assert body in (await pool.invoke(GOOD | {"body": body}))["body"]
