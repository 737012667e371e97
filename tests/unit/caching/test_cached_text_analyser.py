"""What the models are asked for, and what is known already."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from customerai.adapters.cached_text_analyser import (
    KEPT_SECONDS,
    MODELS_SECONDS,
    REJECTED_SECONDS,
    CachedTextAnalyser,
)
from customerai.adapters.memory.cache import MemoryCache
from customerai.adapters.memory.text_analyser import LexiconTextAnalyser
from customerai.domain.analysis import Analysis, AnalysisOptions, Feature, RequestedTier, Tier
from customerai.domain.errors import ModelRejectedError, UnavailableError
from customerai.domain.taxonomy import Taxonomy, Topic

PLAIN = AnalysisOptions()
TENTS = Taxonomy.of([Topic("tents", "Tents", ())])
BAGS = Taxonomy.of([Topic("bags", "Bags", ())])
EVERYTHING = AnalysisOptions(include=frozenset(Feature), taxonomy=TENTS)
DIGEST = "0123456789abcdef"


@dataclass
class Answers:
    analyses: list[Analysis]
    models: str | None


@dataclass
class Models:
    """The lexicon as an endpoint that tells its digest."""

    digest: str | None = DIGEST
    lexicon: LexiconTextAnalyser = field(default_factory=LexiconTextAnalyser)
    asked: list[list[str]] = field(default_factory=list)
    error: Exception | None = None
    tier: Tier | None = None
    gate: asyncio.Event | None = None
    seconds: float = 0.0

    async def ask(self, texts: Sequence[str], options: AnalysisOptions, seconds: float) -> Answers:
        self.asked.append(list(texts))
        self.seconds = seconds
        digest = self.digest
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        found = await self.lexicon.analyse(texts, options, seconds)
        if self.tier is not None:
            found = [replace(each, tier=self.tier) for each in found]
        return Answers(found, digest)


class World:
    """Two processes over one shared cache."""

    def __init__(self) -> None:
        self.now = 0.0
        self.models = Models()
        self.shared = MemoryCache(clock=lambda: self.now)
        self.here, self.there = (
            CachedTextAnalyser(
                self.models,
                "live",
                answers=self.shared,
                digests=self.shared,
                clock=lambda: self.now,
            )
            for _ in range(2)
        )


@pytest.fixture
def world() -> World:
    return World()


async def test_an_answer_is_whole_when_it_comes_again(world: World) -> None:
    texts = ["The tent is great!", "I want a refund, urgent", "🙂"]
    expected = await world.models.lexicon.analyse(texts, EVERYTHING, 1)
    assert await world.here.analyse(texts, EVERYTHING, 1) == expected
    assert await world.there.analyse(texts, EVERYTHING, 1) == expected
    assert world.models.asked == [texts]


async def test_only_what_is_not_known_is_asked_for_and_once(world: World) -> None:
    await world.here.analyse(["good"], PLAIN, 1)
    found = await world.here.analyse(["bad", "good", "bad", "so so"], PLAIN, 1)
    assert world.models.asked == [["good"], ["bad", "so so"]]
    assert found == await world.models.lexicon.analyse(["bad", "good", "bad", "so so"], PLAIN, 1)


@pytest.mark.parametrize(
    "options",
    [
        AnalysisOptions(RequestedTier.FAST),
        AnalysisOptions(include=frozenset({Feature.INTENT})),
        AnalysisOptions(include=frozenset({Feature.TOPICS}), taxonomy=TENTS),
        AnalysisOptions(include=frozenset({Feature.TOPICS}), taxonomy=BAGS),
    ],
)
async def test_other_options_are_another_question(world: World, options: AnalysisOptions) -> None:
    await world.here.analyse(["good"], PLAIN, 1)
    await world.here.analyse(
        ["good"], AnalysisOptions(include=frozenset(Feature), taxonomy=TENTS), 1
    )
    await world.here.analyse(["good"], options, 1)
    assert len(world.models.asked) == 3
    await world.here.analyse(["good"], options, 1)
    assert len(world.models.asked) == 3


async def test_new_models_are_asked_anew_within_a_minute(world: World) -> None:
    await world.here.analyse(["good"], PLAIN, 1)
    world.models.digest = "f" * 16
    world.models.lexicon = LexiconTextAnalyser(version="lexicon-2")
    [kept] = await world.here.analyse(["good"], PLAIN, 1)
    assert kept.sentiment.model == "lexicon-1"
    world.now += MODELS_SECONDS
    [anew] = await world.there.analyse(["good"], PLAIN, 1)
    assert anew.sentiment.model == "lexicon-2"
    [known] = await world.here.analyse(["good"], PLAIN, 1)
    assert known == anew
    assert len(world.models.asked) == 2


async def test_any_answer_tells_all_of_the_new_models(world: World) -> None:
    await world.here.analyse(["good"], PLAIN, 1)
    world.models.digest = "f" * 16
    await world.there.analyse(["something else"], PLAIN, 1)
    await world.here.analyse(["good"], PLAIN, 1)
    assert world.models.asked == [["good"], ["something else"], ["good"]]


async def test_the_models_that_come_back_are_remembered(world: World) -> None:
    await world.here.analyse(["good"], PLAIN, 1)
    world.models.digest = "f" * 16
    await world.here.analyse(["bad"], PLAIN, 1)
    world.models.digest = DIGEST
    await world.here.analyse(["so so"], PLAIN, 1)
    await world.here.analyse(["good"], PLAIN, 1)
    assert world.models.asked == [["good"], ["bad"], ["so so"]]


async def test_the_models_in_service_are_told_of_now_and_then_while_they_answer(
    world: World,
) -> None:
    told: list[str] = []

    class Told(MemoryCache):
        async def set(self, key: str, value: bytes, ttl: float) -> None:
            told.append(key)
            await super().set(key, value, ttl)

    digests = Told(clock=lambda: world.now)
    analyser = CachedTextAnalyser(
        world.models, "live", answers=world.shared, digests=digests, clock=lambda: world.now
    )
    for text in range(100):
        await analyser.analyse([str(text)], PLAIN, 1)
        world.now += 1
        assert await digests.get("models:live") == DIGEST.encode()
    assert len(told) == 10


async def test_a_shared_cache_that_forgot_the_models_is_told_at_once(world: World) -> None:
    await world.here.analyse(["good"], PLAIN, 1)
    await world.shared.delete("models:live")
    await world.here.analyse(["bad"], PLAIN, 1)
    await world.there.analyse(["good", "bad"], PLAIN, 1)
    assert world.models.asked == [["good"], ["bad"]]


async def test_an_answer_lies_under_the_models_that_gave_it(world: World) -> None:
    """Though others answered somebody else meanwhile."""
    await world.here.analyse(["good"], PLAIN, 1)
    gate = world.models.gate = asyncio.Event()
    slow = asyncio.create_task(world.here.analyse(["slow"], PLAIN, 1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    world.models.digest, world.models.gate = "f" * 16, None
    await world.there.analyse(["bad"], PLAIN, 1)
    gate.set()
    await slow
    keys = [key for key in world.shared._kept if key.startswith("prediction:")]
    assert sorted(key.split(":")[1] for key in keys) == [DIGEST, DIGEST, "f" * 16]


async def test_models_that_do_not_tell_who_they_are_are_asked_every_time(world: World) -> None:
    world.models.digest = None
    for _ in range(2):
        await world.here.analyse(["good"], PLAIN, 1)
    assert len(world.models.asked) == 2
    assert len(world.shared) == 0


async def test_an_answer_that_lacks_something_is_not_kept(world: World) -> None:
    world.models.lexicon = LexiconTextAnalyser(serves=frozenset({Feature.INTENT}))
    for _ in range(2):
        await world.here.analyse(["good"], EVERYTHING, 1)
    assert len(world.models.asked) == 2


async def test_an_answer_of_a_lesser_tier_is_not_kept(world: World) -> None:
    world.models.tier = Tier.STATIC
    for _ in range(2):
        await world.here.analyse(["good"], PLAIN, 1)
    assert len(world.models.asked) == 2
    for _ in range(2):
        await world.here.analyse(["good"], AnalysisOptions(RequestedTier.CASCADE), 1)
    assert len(world.models.asked) == 3


async def test_an_outage_is_raised_and_not_kept(world: World) -> None:
    await world.here.analyse(["good"], PLAIN, 1)
    world.models.error = UnavailableError("model")
    with pytest.raises(UnavailableError):
        await world.here.analyse(["good", "bad"], PLAIN, 1)
    assert await world.here.analyse(["good"], PLAIN, 1)
    world.models.error = None
    assert len(await world.here.analyse(["good", "bad"], PLAIN, 1)) == 2


async def test_a_refused_text_is_not_sent_again_soon(world: World) -> None:
    await world.here.analyse(["good"], PLAIN, 1)
    world.models.error = ModelRejectedError("It is not text.")
    for each in (["\0"], ["\0"], ["good", "\0"]):
        with pytest.raises(ModelRejectedError, match="not text"):
            await world.there.analyse(each, PLAIN, 1)
    assert world.models.asked == [["good"], ["\0"]]
    world.now += REJECTED_SECONDS
    world.models.error = None
    assert await world.here.analyse(["\0"], PLAIN, 1)


async def test_nobody_knows_which_text_of_several_is_refused(world: World) -> None:
    await world.here.analyse(["good"], PLAIN, 1)
    world.models.error = ModelRejectedError("It is not text.")
    with pytest.raises(ModelRejectedError):
        await world.here.analyse(["bad", "\0"], PLAIN, 1)
    world.models.error = None
    assert len(await world.here.analyse(["bad", "\0"], PLAIN, 1)) == 2


async def test_what_it_can_not_read_is_asked_for(world: World) -> None:
    await world.here.analyse(["good"], PLAIN, 1)
    [key] = [key for key in world.shared._kept if key.startswith("prediction:")]
    for value in (b"\xff", b"", b"\x80", b"\xc0"):
        await world.shared.set(key, value, KEPT_SECONDS)
        assert await world.here.analyse(["good"], PLAIN, 1)
    assert len(world.models.asked) == 5


async def test_equal_calls_at_the_same_time_are_one(world: World) -> None:
    world.models.gate = asyncio.Event()
    waiting = [asyncio.create_task(world.here.analyse(["good"], PLAIN, 1)) for _ in range(50)]
    await asyncio.sleep(0.01)
    world.models.gate.set()
    answers = await asyncio.gather(*waiting)
    assert world.models.asked == [["good"]]
    assert all(each == answers[0] for each in answers)


async def test_the_models_get_what_is_left_of_the_time() -> None:
    world = World()

    class Slow(MemoryCache):
        async def get(self, key: str, *, fresh: bool = False) -> bytes | None:
            world.now += 0.4
            return await super().get(key, fresh=fresh)

    analyser = CachedTextAnalyser(
        world.models, "live", answers=Slow(), digests=Slow(), clock=lambda: world.now
    )
    await analyser.analyse(["good"], PLAIN, 1.5)
    assert world.models.seconds == pytest.approx(1.1)


async def test_each_endpoint_has_models_of_its_own(world: World) -> None:
    await world.here.analyse(["good"], PLAIN, 1)
    other = CachedTextAnalyser(world.models, "canary", answers=world.shared, digests=world.shared)
    await other.analyse(["good"], PLAIN, 1)
    assert len(world.models.asked) == 2


async def test_the_process_remembers_while_the_shared_cache_is_out(world: World) -> None:
    analyser = CachedTextAnalyser.over(world.models, "live", MemoryCache(0))
    for _ in range(2):
        await analyser.analyse(["good"], PLAIN, 1)
    assert len(world.models.asked) == 1


async def test_no_texts_are_no_question(world: World) -> None:
    assert await world.here.analyse([], PLAIN, 1) == []
    assert world.models.asked == []
