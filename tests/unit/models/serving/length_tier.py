"""A model without weights: texts of even length are positive, of odd length negative."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from models.serving.adapters.sentiment import sentiment
from models.serving.app import Application
from models.serving.model import Lane
from models.serving.registry import LoadedModel
from models.serving.settings import ServerSettings
from models.serving.tickets import LaneLimits


class LengthTier:
    """Works like an encoder's tier; holds on to a gate, and breaks when told to."""

    field = "results"
    finds_aspects = False
    abstain_below = 0.6

    def __init__(self, name: str = "full", top: float = 0.75) -> None:
        self.name = name
        self.version = f"length-{name}"
        self.gate = threading.Event()
        self.gate.set()
        self.started = threading.Semaphore(0)
        self.broken = False
        self.tokenise_seconds = self.run_seconds = self.join_seconds = 0.0
        self.seen: list[list[str]] = []
        self._top = top
        self.lanes: Mapping[str, Lane] = {name: Lane(self._run, LaneLimits())}

    def sure_above_beside(self, full: str) -> float:
        return 0.9

    def units(self, texts: Sequence[str]) -> list[list[str]]:
        time.sleep(self.tokenise_seconds)
        return [[text] for text in texts]

    def scores(self, units: Sequence[str], answers: Sequence[list[float]]) -> list[float]:
        time.sleep(self.join_seconds)
        return answers[0]

    def join(self, units: Sequence[str], answers: Sequence[list[float]]) -> dict[str, Any]:
        return sentiment(answers[0])

    def _run(self, texts: Sequence[str]) -> list[list[float]]:
        self.seen.append(list(texts))
        self.started.release()
        self.gate.wait()
        time.sleep(self.run_seconds)
        if self.broken or "poison" in texts:
            raise RuntimeError("no weights")
        low, high = 1.0 - self._top, self._top
        return [[low, 0.0, high] if len(text) % 2 == 0 else [high, 0.0, low] for text in texts]


def loaded(*tiers: Any) -> dict[str, LoadedModel]:
    return {
        tier.name: LoadedModel(tier.name, tier, tier.version, 2**20, 2**21, []) for tier in tiers
    }


@asynccontextmanager
async def running(*tiers: Any, settings: ServerSettings) -> AsyncIterator[Application]:
    """The application over these models, with its workers running."""
    app = Application(loaded(*tiers), settings)
    app.start()
    try:
        yield app
    finally:
        for tier in tiers:
            if hasattr(tier, "gate"):
                tier.gate.set()
        app.close()
