"""How the time for an answer is divided; what the answers are is told by the sentiment API."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from customerai.adapters.memory.taxonomies import MemoryTaxonomies
from customerai.adapters.memory.text_analyser import LexiconTextAnalyser
from customerai.domain.analysis import Analysis, AnalysisOptions, Feature, RequestedTier
from customerai.domain.errors import UnavailableError
from customerai.domain.taxonomy import Taxonomy
from customerai.usecases.analyse_texts import Answers, analyse_texts


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class SlowStore(MemoryTaxonomies):
    def __init__(self, clock: Clock, seconds: float) -> None:
        super().__init__()
        self.clock, self.seconds = clock, seconds

    async def get(self, tenant: str) -> Taxonomy | None:
        self.clock.now += self.seconds
        return await super().get(tenant)


class Hanging(LexiconTextAnalyser):
    """Takes all the time it is given, and answers nothing."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock, self.seconds = clock, list[float]()

    async def analyse(
        self, texts: Sequence[str], options: AnalysisOptions, seconds: float
    ) -> list[Analysis]:
        self.seconds.append(seconds)
        self.clock.now += max(0.0, seconds)
        raise UnavailableError("model")


class Fallback(LexiconTextAnalyser):
    def __init__(self) -> None:
        super().__init__("fallback-1")
        self.stood_by, self.seconds = False, list[float]()

    @asynccontextmanager
    async def standing_by(self, patience: float) -> AsyncIterator[None]:
        self.stood_by = True
        yield

    async def analyse(
        self, texts: Sequence[str], options: AnalysisOptions, seconds: float
    ) -> list[Analysis]:
        self.seconds.append(seconds)
        return await super().analyse(texts, options, seconds)


@pytest.mark.parametrize("store_seconds", [0.0, 0.5, 1.0])
async def test_what_hangs_is_given_up_while_there_is_time_for_the_fallback(
    store_seconds: float,
) -> None:
    clock, fallback = Clock(), Fallback()
    analyser = Hanging(clock)
    answers = await answer(analyser, fallback, SlowStore(clock, store_seconds), clock)
    assert answers.outage is not None
    assert answers.analyses[0].sentiment.model == "fallback-1"
    assert analyser.seconds == [pytest.approx(1.7 - store_seconds)]
    assert fallback.stood_by
    assert fallback.seconds == [pytest.approx(0.3)]
    assert clock.now <= 102


async def test_what_answers_needs_no_fallback() -> None:
    fallback, clock = Fallback(), Clock()
    answers = await answer(LexiconTextAnalyser(), fallback, MemoryTaxonomies(), clock)
    assert answers.outage is None
    assert fallback.seconds == []


async def answer(
    analyser: LexiconTextAnalyser, fallback: Fallback, taxonomies: MemoryTaxonomies, clock: Clock
) -> Answers:
    return await analyse_texts(
        "acme",
        ["great"],
        RequestedTier.FULL,
        frozenset({Feature.TOPICS}),
        analyser=analyser,
        fallback=fallback,
        taxonomies=taxonomies,
        seconds=2,
        clock=clock,
    )
