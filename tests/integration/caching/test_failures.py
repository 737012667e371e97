"""A Redis that hangs, ends and comes back: answers are late for a moment, and right."""

import asyncio
import time

import pytest

from customerai.adapters.cached_text_analyser import CachedTextAnalyser
from customerai.domain.analysis import AnalysisOptions
from customerai_http.response_cache import ResponseCache
from tests.integration.caching.conftest import Start
from tests.integration.redis.servers import Server, until
from tests.unit.caching.test_cached_text_analyser import Models
from tests.unit.caching.world import TAG, Store, outcome, question

TIMEOUT = 0.05
SLACK = 0.5
"""What a busy machine may add to a call that must take no time."""


@pytest.fixture
async def process(start: Start) -> ResponseCache:
    return ResponseCache(await start(patience=TIMEOUT))


async def ask(process: ResponseCache, store: Store) -> str:
    answer = await process.answer(question(), store.compute, strong=False)
    return f"{bytes(answer.body).decode()} ({outcome(answer)})"


async def test_while_it_hangs_answers_are_computed(primary: Server, process: ResponseCache) -> None:
    store = Store()
    await ask(process, store)
    with primary.held():
        for number in range(10):
            store.value = str(number)
            began = time.monotonic()
            assert (await ask(process, store)).startswith(f"{number} ")
            await process.invalidate([TAG])
            assert time.monotonic() - began < 3 * TIMEOUT + SLACK
        assert await ask(process, store) == "9 (bypass)"


async def test_a_write_that_was_under_way_spoils_nothing_when_it_goes_on(
    primary: Server, start: Start
) -> None:
    """What was sent to a server that hangs is carried out when it goes on."""
    slow, other = ResponseCache(await start(patience=TIMEOUT)), ResponseCache(await start())
    store = Store()
    await ask(slow, store)
    await slow.invalidate([TAG])
    store.gate = asyncio.Event()
    reading = asyncio.create_task(ask(slow, store))
    for _ in range(2):
        await store.begun.acquire()
    with primary.held():
        store.gate.set()
        assert await reading == "first (miss)"  # and could not leave it
        store.value = "second"
        changing = asyncio.create_task(other.invalidate([TAG]))
        await asyncio.sleep(0.01)
    await changing
    for _ in range(3):
        assert (await ask(other, store)).startswith("second")


async def test_when_it_ends_in_the_middle_nobody_notices(
    primary: Server, process: ResponseCache
) -> None:
    store = Store()
    answers: list[str] = []

    async def client() -> None:
        while len(answers) < 2_000:
            answers.append(await ask(process, store))
            await asyncio.sleep(0.001)

    async def is_in_the_middle() -> bool:
        return len(answers) >= 500

    clients = [asyncio.create_task(client()) for _ in range(20)]
    await until(is_in_the_middle)
    primary.kill()
    await asyncio.gather(*clients)
    assert {each.partition(" ")[0] for each in answers} == {"first"}
    assert answers[-1] == "first (bypass)"


async def test_it_is_of_use_again_when_it_is_back(primary: Server, process: ResponseCache) -> None:
    store = Store()
    await ask(process, store)
    primary.kill()
    for _ in range(5):
        await ask(process, store)
    store.value = "second"
    await process.invalidate([TAG])
    primary.start()

    async def is_back() -> bool:
        answer = await ask(process, store)
        assert answer.startswith("second ")
        return answer == "second (hit)"

    await until(is_back)


async def test_a_process_that_begins_without_it_answers(primary: Server, start: Start) -> None:
    primary.kill()
    process = ResponseCache(await start(is_cold=True, patience=TIMEOUT))
    store = Store()
    began = time.monotonic()
    assert (await ask(process, store)).startswith("first")
    assert time.monotonic() - began < SLACK
    await process.invalidate([TAG])
    assert (await ask(process, store)).startswith("first")


async def test_a_first_change_is_not_lost_for_want_of_a_connection(start: Start) -> None:
    reader, writer = ResponseCache(await start()), ResponseCache(await start(is_cold=True))
    store = Store()
    await ask(reader, store)
    store.value = "second"
    await writer.invalidate([TAG])
    assert await ask(reader, store) == "second (miss)"


async def test_texts_are_analysed_whatever_happens(primary: Server, start: Start) -> None:
    models = Models()
    here, there = [
        CachedTextAnalyser.over(models, "live", await start(patience=TIMEOUT)) for _ in range(2)
    ]

    async def analyse(analyser: CachedTextAnalyser, text: str) -> None:
        began = time.monotonic()
        [found] = await analyser.analyse([text], AnalysisOptions(), 1)
        assert found.sentiment.label == "positive"
        assert time.monotonic() - began < 4 * TIMEOUT + SLACK

    await analyse(here, "good")
    await analyse(there, "good")
    assert models.asked == [["good"]]
    with primary.held():
        for text in ("good", "great", "good, great", "great"):
            await analyse(here, text)
    assert models.asked == [["good"], ["great"], ["good, great"]]
    primary.kill()
    for text in ("good", "so good"):
        await analyse(there, text)
    assert models.asked[3:] == [["so good"]]
