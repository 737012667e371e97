"""Whether the server can be relied on."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from models.serving.deadlines import within
from models.serving.engine import Engine
from models.serving.settings import ServerSettings
from models.serving.tickets import Caller


class Health:
    """Judges each lane by its runs of late, and makes one of its own only where they don't tell.

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
        return await self._probe([lane for lane in self._probes if not self._proved(lane, now)])

    def _proved(self, lane: str, now: float) -> bool:
        at, well = self._engine.last_run.get(lane, (0.0, False))
        return well and now - at < self._settings.trust_seconds

    async def _probe(self, lanes: list[str]) -> str | None:
        deadline = time.monotonic() + self._settings.ping_seconds
        units = [(lane, self._probes[lane]) for lane in lanes]
        try:
            await within(deadline, self._engine.run(units, Caller(deadline), urgent=True))
        except Exception:  # noqa: BLE001  whatever stops the model from answering makes it unhealthy
            return "the model does not answer"
        return None
