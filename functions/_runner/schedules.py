"""Schedules: wakes a function at its rate, and once at every start."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import logging
import uuid
from typing import Any

from functions._runner.application import Schedule
from functions._runner.pool import FunctionError, Pool
from functions._runner.settings import ACCOUNT, REGION

_FAILED_PAUSE = 1.0

_log = logging.getLogger(__name__)


class Clock:
    """One schedule. What it wakes sweeps up after a crash, so it begins at once."""

    def __init__(self, schedule: Schedule, pool: Pool) -> None:
        self._schedule = schedule
        self._pool = pool
        self._now = asyncio.Event()

    def wake(self) -> None:
        """Run now instead of at the end of the period."""
        self._now.set()

    async def run(self) -> None:
        while True:
            self._now.clear()
            pause = self._schedule.period
            try:
                await self._pool.invoke(scheduled_event(self._schedule))
            except FunctionError as error:
                _log.warning("%s failed: %s", self._pool.function.name, error)
                pause = _FAILED_PAUSE  # AWS retries an asynchronous event too
            try:
                async with asyncio.timeout(pause):
                    await self._now.wait()
            except TimeoutError:
                pass


def scheduled_event(schedule: Schedule) -> Any:
    """EventBridge's event, or the input that the rule gives instead."""
    if schedule.input is not None:
        return json.loads(schedule.input)
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [schedule.arn],
        "detail": {},
    }
