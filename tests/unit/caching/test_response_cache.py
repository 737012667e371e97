"""Answers that are kept, and when they are not given."""

import asyncio

import pytest

from customerai.domain.errors import UnavailableError
from customerai.observability import cache_layers
from customerai.observability.plan import explaining
from customerai_http.readings import SETTLED_SECONDS
from customerai_http.response_cache import (
    FRESH_SECONDS,
    KEPT_SECONDS,
    REFRESH_SECONDS,
)
from tests.unit.caching.world import OTHER_TAG, TAG, World, outcome, question


@pytest.fixture
def world() -> World:
    cache_layers.drained()
    return World()


async def test_an_answer_is_given_again_as_it_was(world: World) -> None:
    first, again = await world.ask(), await world.ask(process=1)
    assert world.store.reads == 1
    assert (first.body, first.status_code) == (again.body, again.status_code)
    for name in ("etag", "content-type", "content-length"):
        assert first.headers[name] == again.headers[name]
    assert (outcome(first), outcome(again)) == ("miss", "hit")
    assert cache_layers.drained() == {"ResponsesSharedMiss": 1, "ResponsesSharedHit": 1}


async def test_the_edge_and_browsers_keep_nothing(world: World) -> None:
    for strong in (False, False, True):
        assert (await world.ask(strong=strong)).headers["cache-control"] == "private, no-store"


async def test_an_answer_says_how_old_it_is(world: World) -> None:
    assert "age" not in (await world.ask()).headers
    world.now += 3
    assert (await world.ask()).headers["age"] == "3"


async def test_a_clock_that_is_behind_makes_no_answer_younger_than_new(world: World) -> None:
    await world.ask()
    world.now -= 2
    again = await world.ask()
    assert (outcome(again), again.headers["age"]) == ("hit", "0")


@pytest.mark.parametrize(
    "other",
    [
        question("globex"),
        question("acme", "x"),
        question("acme", None),
        question("acme:things"),
    ],
)
async def test_another_question_is_another_answer(world: World, other: object) -> None:
    await world.ask(question())
    world.store.value = "second"
    assert await world.body(other) == "second"  # type: ignore[arg-type]


def test_a_tenant_can_not_be_made_to_look_like_another() -> None:
    assert question("a", "b", "c").key != question("a", "b,c").key
    assert question("a:b").key != question("a", "b").key
    assert question("acme").key.startswith("response:acme:")


async def test_a_strong_read_neither_takes_nor_leaves(world: World) -> None:
    await world.ask()
    world.store.value = "second"
    strong = await world.ask(strong=True)
    assert (bytes(strong.body), outcome(strong)) == (b"second", "bypass")
    assert await world.body() == "first"
    await world.processes[0].invalidate([TAG])
    await world.ask(strong=True)
    assert outcome(await world.ask()) == "miss"


async def test_a_plan_is_told_what_would_have_been_given(world: World) -> None:
    with explaining() as plan:
        assert outcome(await world.ask()) == "bypass"
    assert plan.caches == {"responses.shared": {"miss": 1}}
    await world.ask()
    world.store.value = "second"
    with explaining() as plan:
        assert bytes((await world.ask()).body) == b"second"
    assert plan.caches == {"responses.shared": {"hit": 1}}
    assert plan.milliseconds["cache"] > 0
    assert await world.body() == "first"  # the plan's reader has left nothing


async def test_what_is_invalidated_is_never_given_again(world: World) -> None:
    await world.ask()
    world.store.value = "second"
    await world.processes[1].invalidate([TAG])
    assert await world.body() == "second"
    assert await world.body(process=1) == "second"
    assert world.store.reads == 2


async def test_one_tag_of_several_is_enough(world: World) -> None:
    asked = question(tags=(OTHER_TAG, TAG))
    await world.ask(asked)
    await world.ask(asked)
    assert world.store.reads == 1
    await world.processes[0].invalidate([TAG])
    await world.ask(asked)
    assert world.store.reads == 2


async def test_other_tags_leave_it_alone(world: World) -> None:
    await world.ask()
    await world.processes[0].invalidate([OTHER_TAG])
    assert outcome(await world.ask()) == "hit"


async def test_a_lost_generation_makes_no_old_answer_good(world: World) -> None:
    await world.ask()
    world.store.value = "second"
    await world.processes[0].invalidate([TAG])
    await world.cache.delete(TAG)
    assert await world.body() == "second"


async def test_a_change_while_it_is_computed_spoils_it(world: World) -> None:
    """Whether its tag had a generation before or not."""
    for _ in range(2):
        world.store.gate = asyncio.Event()
        reading = asyncio.create_task(world.ask())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        world.store.value = f"{world.store.value}, changed"
        await world.processes[1].invalidate([TAG])
        world.store.gate.set()
        assert bytes((await reading).body).decode() != world.store.value
        world.store.gate = None
        assert await world.body() == world.store.value
        await world.processes[0].invalidate([TAG])


async def test_who_comes_after_a_change_does_not_join_who_came_before(world: World) -> None:
    world.store.gate = asyncio.Event()
    before = asyncio.create_task(world.ask())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    world.store.value = "second"
    await world.processes[0].invalidate([TAG])
    after = asyncio.create_task(world.ask())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    world.store.gate.set()
    assert bytes((await before).body) == b"first"
    assert bytes((await after).body) == b"second"


async def test_a_stampede_is_one_computation(world: World) -> None:
    world.store.gate = asyncio.Event()
    waiting = [asyncio.create_task(world.ask()) for _ in range(50)]
    await asyncio.sleep(0.01)
    world.store.gate.set()
    answers = await asyncio.gather(*waiting)
    assert world.store.reads == 1
    assert {bytes(each.body) for each in answers} == {b"first"}
    assert len({id(each) for each in answers}) == 50  # each its own, whose headers may be changed


async def test_while_one_computes_anew_all_others_get_the_old_one(world: World) -> None:
    await world.ask()
    world.now += FRESH_SECONDS
    world.store.value, world.store.gate = "second", asyncio.Event()
    refreshing = asyncio.create_task(world.ask())
    await asyncio.sleep(0.01)
    others = [await world.ask(process=n % 2) for n in range(10)]
    assert {(bytes(each.body), outcome(each)) for each in others} == {(b"first", "stale")}
    world.store.gate.set()
    assert bytes((await refreshing).body) == b"second"
    assert world.store.reads == 2
    last = await world.ask(process=1)
    assert (bytes(last.body), outcome(last)) == (b"second", "hit")


async def test_one_who_died_while_computing_is_relieved(world: World) -> None:
    await world.ask()
    world.now += FRESH_SECONDS
    world.store.gate = asyncio.Event()
    dying = asyncio.create_task(world.ask())
    await asyncio.sleep(0.01)
    dying.cancel()
    assert outcome(await world.ask(process=1)) == "stale"
    world.now += REFRESH_SECONDS
    world.store.gate = None
    assert outcome(await world.ask(process=1)) == "miss"


async def test_what_is_old_is_given_while_the_store_is_down(world: World) -> None:
    await world.ask()
    world.now += FRESH_SECONDS
    world.store.is_down = True
    for _ in range(2):
        answer = await world.ask()
        assert (bytes(answer.body), outcome(answer)) == (b"first", "stale")
    world.now += KEPT_SECONDS - FRESH_SECONDS
    with pytest.raises(UnavailableError):
        await world.ask()


async def test_nothing_is_given_that_was_invalidated_though_the_store_is_down(
    world: World,
) -> None:
    await world.ask()
    await world.processes[0].invalidate([TAG])
    world.store.is_down = True
    with pytest.raises(UnavailableError):
        await world.ask()


async def test_an_error_is_not_kept(world: World) -> None:
    world.store.is_down = True
    with pytest.raises(UnavailableError):
        await world.ask()
    world.store.is_down = False
    assert await world.body() == "first"


async def test_what_it_can_not_read_is_not_there(world: World) -> None:
    await world.ask()
    await world.cache.set(question().key, b"of another version", ttl=60)
    assert outcome(await world.ask()) == "miss"


async def test_without_room_everything_is_computed() -> None:
    world = World(capacity=0)
    for _ in range(3):
        assert outcome(await world.ask()) == "miss"
    assert world.store.reads == 3


def test_a_token_outlives_every_answer_from_before_its_write() -> None:
    assert KEPT_SECONDS < SETTLED_SECONDS
