"""Whether the server can be relied on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from models.serving.engine import Engine
from models.serving.settings import ServerSettings


class Health:
    """Judges by the runs of late, and makes one of its own only where they don't tell.

    While there is work its runs are the proof, so a backlog can't make a healthy server look bad;
    a probe goes before all that waits.
    """

    def __init__(self, engine: Engine, probes: Mapping[str, Any], settings: ServerSettings) -> None:
        """`probes` holds a unit to run for each lane."""
        self._engine = engine
        self._probes = probes
        self._settings = settings

    async def check(self) -> str | None:
        """Return what is wrong; None where nothing is."""
        now = time.monotonic()
        if not self._engine.alive:
            return "a worker has ended"
        busy = [since for since in self._engine.busy_since if since is not None]
        if busy and now - min(busy) > self._settings.stall_seconds:
            return "a worker hangs"
        runs = self._engine.last_run
        failing = [lane for lane, (_, well) in runs.items() if not well]
        fresh = any(now - at < self._settings.trust_seconds for at, well in runs.values() if well)
        if fresh and not failing:
            return None
        return await self._probe(failing or list(self._probes)[:1])

    async def _probe(self, lanes: list[str]) -> str | None:
        seconds = self._settings.ping_seconds
        units = [(lane, self._probes[lane]) for lane in lanes]
        try:
            async with asyncio.timeout(seconds):
                await self._engine.run(units, timeout=seconds, urgent=True)
        except Exception:  # noqa: BLE001  whatever stops the model from answering makes it unhealthy
            return "the model does not answer"
        return None
