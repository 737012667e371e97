"""The bounded queue between the event loop and the predictor."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from customerai.domain.sentiment import SentimentLabel
from models.serving.errors import OverloadedError
from models.serving.predictor import Predictor
from models.serving.settings import ServerSettings

Answer = Sequence[Mapping[SentimentLabel, float]]


class InferenceQueue:
    """Runs the predictor off the event loop and refuses what it cannot get to.

    To be used from one event loop.
    """

    def __init__(self, predictor: Predictor, settings: ServerSettings) -> None:
        self._predictor = predictor
        self._settings = settings
        self._threads = ThreadPoolExecutor(settings.concurrent_requests, "inference")
        self._pending = 0
        self._answered_at = -math.inf

    async def predict(self, texts: Sequence[str]) -> Answer:
        """Return each text's scores, in order.

        Raises:
            OverloadedError: too many requests are pending.
        """
        if self._pending >= self._settings.pending_requests:
            raise OverloadedError(f"{self._pending} requests are pending; try again later")
        self._pending += 1
        try:
            return await self._ask(texts)
        finally:
            self._pending -= 1

    async def is_healthy(self) -> bool:
        """Tell whether the model answers: it did lately, or does within the ping's time."""
        if time.monotonic() - self._answered_at < self._settings.ping_trust_seconds:
            return True
        try:
            async with asyncio.timeout(self._settings.ping_seconds):
                await self._ask(["ping"])
        except Exception:  # noqa: BLE001  whatever stops the model from answering makes it unhealthy
            return False
        return True

    def close(self) -> None:
        """Let running predictions finish, then close the predictor."""
        self._threads.shutdown()
        self._predictor.close()

    async def _ask(self, texts: Sequence[str]) -> Answer:
        loop = asyncio.get_running_loop()
        try:
            answer = await loop.run_in_executor(self._threads, self._predictor.predict, texts)
        except Exception:
            self._answered_at = -math.inf
            raise
        self._answered_at = time.monotonic()
        return answer
