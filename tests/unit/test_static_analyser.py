"""When the static tier loads its model: not before it is needed, and not after."""

import asyncio
from collections.abc import Sequence
from threading import Event

from customerai.adapters.static_analyser import StaticAnalyser
from customerai.domain.analysis import AnalysisOptions

GENEROUS = 10.0
PLAIN = AnalysisOptions()


class Model:
    version = "small-1"
    abstain_below = 0.5

    def probabilities(self, texts: Sequence[str]) -> list[list[float]]:
        return [[0.7, 0.2, 0.1] for _ in texts]


class Loading:
    def __init__(self) -> None:
        self.times = 0
        self.begun = Event()

    def __call__(self) -> Model:
        self.times += 1
        self.begun.set()
        return Model()


async def test_it_is_loaded_once_and_when_it_is_needed() -> None:
    load = Loading()
    analyser = StaticAnalyser(load)
    assert load.times == 0
    for _ in range(2):
        (answer,) = await analyser.analyse(["It broke."], PLAIN, GENEROUS)
        assert answer.sentiment.model == "small-1"
    assert load.times == 1


async def test_what_takes_long_has_it_loaded_meanwhile() -> None:
    load = Loading()
    analyser = StaticAnalyser(load)
    async with analyser.standing_by(0):
        assert await asyncio.to_thread(load.begun.wait, GENEROUS)
    async with analyser.standing_by(0):
        await analyser.analyse(["It broke."], PLAIN, GENEROUS)
    assert load.times == 1


async def test_what_is_done_soon_does_not() -> None:
    load = Loading()
    analyser = StaticAnalyser(load)
    for _ in range(3):
        async with analyser.standing_by(3_600):
            pass
    # One thread stands by: once the last has been let go, so have those before it.
    async with analyser.standing_by(0):
        assert await asyncio.to_thread(load.begun.wait, GENEROUS)
    assert load.times == 1
