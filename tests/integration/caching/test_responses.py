"""Answers that processes share by a real Redis: one exchange a hit, and nothing that is not so."""

import asyncio
import random
import time

import pytest

from customerai.domain.cache_tags import GENERATION_SECONDS
from customerai_http.response_cache import FRESH_SECONDS, KEPT_SECONDS, ResponseCache
from tests.integration.caching.conftest import Start
from tests.integration.redis.servers import Server, wait_for
from tests.unit.caching.world import TAG, Store, outcome, question


async def ask(process: ResponseCache, store: Store, tenant: str = "acme") -> str:
    answer = await process.answer(question(tenant), store.compute, strong=False)
    return f"{bytes(answer.body).decode()} ({outcome(answer)})"


def commands(primary: Server) -> dict[str, int]:
    return {name: primary.calls(name) for name in ("mget", "get", "set", "eval")}


def since(primary: Server, before: dict[str, int]) -> dict[str, int]:
    return {name: count - before[name] for name, count in commands(primary).items()}


async def test_a_hit_is_one_exchange_and_a_miss_two(
    primary: Server, processes: list[ResponseCache]
) -> None:
    store = Store()
    here, there = processes
    before = commands(primary)
    assert await ask(here, store) == "first (miss)"
    # The answer, and the generation that nobody knew yet.
    assert since(primary, before) == {"mget": 1, "get": 0, "eval": 1, "set": 2}
    before = commands(primary)
    assert await ask(there, store) == "first (hit)"
    assert since(primary, before) == {"mget": 1, "get": 0, "eval": 0, "set": 0}
    await here.invalidate([TAG])
    before = commands(primary)
    assert await ask(there, store) == "first (miss)"
    assert since(primary, before) == {"mget": 1, "get": 0, "eval": 1, "set": 1}


async def test_nothing_stays_for_longer_than_it_is_told(
    primary: Server, processes: list[ResponseCache]
) -> None:
    """So much of it may be wrong where an invalidation did not get through."""
    await ask(processes[0], Store())
    assert 0 < primary.admin.pttl(question().key) <= KEPT_SECONDS * 1_000
    assert 0 < primary.admin.pttl(TAG) <= GENERATION_SECONDS * 1_000


async def test_what_one_process_changes_no_other_gives(processes: list[ResponseCache]) -> None:
    store = Store()
    here, there = processes
    for number in range(20):
        await ask(here, store)
        assert await ask(there, store) == f"{store.value} (hit)"
        store.value = str(number)
        await here.invalidate([TAG])
        assert await ask(there, store) == f"{number} (miss)"


async def test_a_replica_that_is_behind_hides_no_change(
    primary: Server, replica: Server, start: Start
) -> None:
    store = Store()
    reader = ResponseCache(await start(primary.url, replica.url))
    writer = ResponseCache(await start())
    await ask(reader, store)
    wait_for(lambda: bool(replica.admin.exists(question().key)))
    with replica.held():
        store.value = "second"
        await writer.invalidate([TAG])
        assert await ask(reader, store) == "second (miss)"


async def test_another_tenant_never_sees_it(processes: list[ResponseCache]) -> None:
    store = Store()
    await ask(processes[0], store)
    store.value = "theirs"
    assert await ask(processes[1], store, "globex") == "theirs (miss)"
    assert await ask(processes[1], store, "acme") == "first (hit)"


async def test_a_stampede_is_one_computation(processes: list[ResponseCache]) -> None:
    store = Store()
    store.gate = asyncio.Event()
    waiting = [asyncio.create_task(ask(processes[0], store)) for _ in range(50)]
    await store.begun.acquire()
    await asyncio.sleep(0.05)
    store.gate.set()
    assert await asyncio.gather(*waiting) == ["first (miss)"] * 50
    assert store.reads == 1


async def test_of_all_processes_one_computes_an_old_answer_anew(
    primary: Server, start: Start
) -> None:
    later = 0.0
    processes = [ResponseCache(await start(), clock=lambda: time.time() + later) for _ in range(4)]
    store = Store()
    await ask(processes[0], store)
    later = FRESH_SECONDS
    store.value, store.gate = "second", asyncio.Event()
    waiting = [asyncio.create_task(ask(each, store)) for each in processes for _ in range(10)]
    for _ in range(2):
        await store.begun.acquire()
    done, _ = await asyncio.wait(waiting, timeout=0.5)
    store.gate.set()
    answers = await asyncio.gather(*waiting)
    assert store.reads == 2
    assert len(done) == 39
    assert sorted(answers) == ["first (stale)"] * 39 + ["second (miss)"]


async def test_a_redis_that_begins_anew_knows_nothing(
    primary: Server, processes: list[ResponseCache]
) -> None:
    store = Store()
    await ask(processes[0], store)
    primary.admin.flushall()
    store.value = "second"
    assert await ask(processes[1], store) == "second (miss)"


@pytest.mark.parametrize("seed", range(3))
async def test_in_a_crowd_nobody_gets_what_was_changed_before_he_asked(
    start: Start, seed: int
) -> None:
    chance = random.Random(seed)
    processes = [ResponseCache(await start()) for _ in range(3)]
    store = Store("0")
    written = answered = 0

    async def write() -> None:
        nonlocal written, answered
        written += 1
        mine = written
        store.value = str(mine)
        await chance.choice(processes).invalidate([TAG])
        answered = max(answered, mine)

    async def read() -> None:
        least = answered
        answer = await ask(chance.choice(processes), store)
        assert int(answer.split()[0]) >= least

    async def act() -> None:
        for _ in range(20):
            await (write() if chance.random() < 0.15 else read())
            await asyncio.sleep(chance.random() * 0.004)

    await asyncio.gather(*(act() for _ in range(12)))
    assert await ask(processes[0], store) in {f"{written} (hit)", f"{written} (miss)"}
