"""What the functions compute themselves, the static tier, leaves the event loop free.

As with the parts, no clock decides: the real model goes on with its work only once the loop has had
turns for something else.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence

import pytest

from customerai.adapters.static_analyser import StaticAnalyser
from customerai.domain.analysis import Analysis, AnalysisOptions
from customerai_static.predictor import StaticSentiment
from tests.integration.loop.gates import Turns

TURNS = 3
GENEROUS = 10.0
BLOCKED_SECONDS = 0.2
"""How long the one that blocks waits for turns that can't come."""


class BlockedError(Exception):
    pass


class Held:
    """The real model; it loads, and answers, when the loop has had turns since it was asked."""

    def __init__(self, turns: Turns, patience: float) -> None:
        self._turns = turns
        self._patience = patience
        self._model = StaticSentiment.load()
        self.version = self._model.version
        self.abstain_below = self._model.abstain_below

    def load(self) -> "Held":
        self._wait()
        return self

    def probabilities(self, texts: Sequence[str]) -> Iterable[Iterable[float]]:
        self._wait()
        return self._model.probabilities(texts)

    def _wait(self) -> None:
        until, ends = self._turns.count + TURNS, time.monotonic() + self._patience
        while self._turns.count < until:
            if time.monotonic() > ends:
                raise BlockedError
            time.sleep(0.001)


async def analysed(model: Held) -> list[Analysis]:
    texts = [f"It broke {number} times." for number in range(100)]
    return await StaticAnalyser(model.load).analyse(texts, AnalysisOptions(), GENEROUS)


def test_the_fallback_loads_and_computes_while_the_loop_runs() -> None:
    loop, turns = asyncio.get_event_loop(), Turns()
    with turns.taken(loop):
        found = loop.run_until_complete(analysed(Held(turns, GENEROUS)))
    assert len(found) == 100


def test_who_computes_on_the_loop_is_found() -> None:
    loop, turns = asyncio.get_event_loop(), Turns()
    held = Held(turns, BLOCKED_SECONDS)

    async def blocking() -> None:
        held.probabilities(["It broke."])

    with turns.taken(loop), pytest.raises(BlockedError):
        loop.run_until_complete(blocking())
