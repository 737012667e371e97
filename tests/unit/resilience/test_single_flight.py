"""One call for all who want the same."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customerai.domain.errors import UnavailableError
from customerai.resilience import deadline
from customerai.resilience.single_flight import SingleFlight
from tests.unit.resilience.clock import Clock
from tests.unit.resilience.loops import without_complaint


class Part:
    def __init__(self) -> None:
        self.calls = 0
        self.cancelled = 0
        self.go = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self) -> int:
        self.calls += 1
        number = self.calls
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error
        return number


async def start(
    flights: SingleFlight[str, int], key: str, call: Callable[[], Awaitable[int]]
) -> "asyncio.Task[int]":
    task = asyncio.create_task(flights.call(key, call))
    for _ in range(3):
        await asyncio.sleep(0)
    return task


async def test_all_share_one_call_and_nothing_is_kept() -> None:
    flights, part = SingleFlight[str, int](), Part()
    waiting = [await start(flights, "key", part) for _ in range(50)]
    assert len(flights) == 1
    part.go.set()
    assert await asyncio.gather(*waiting) == [1] * 50
    assert len(flights) == 0
    assert flights.shared == 49
    assert await flights.call("key", part) == 2


async def test_other_keys_are_other_calls() -> None:
    flights, part = SingleFlight[str, int](), Part()
    waiting = [await start(flights, key, part) for key in "abc"]
    part.go.set()
    assert await asyncio.gather(*waiting) == [1, 2, 3]


@pytest.mark.parametrize("leaver", [0, 1, 2])
async def test_who_leaves_takes_nobody_along(leaver: int) -> None:
    flights, part = SingleFlight[str, int](), Part()
    waiting = [await start(flights, "key", part) for _ in range(3)]
    left = waiting.pop(leaver)
    left.cancel()
    with pytest.raises(asyncio.CancelledError):
        await left
    part.go.set()
    assert await asyncio.gather(*waiting) == [1, 1]
    assert part.cancelled == 0


@without_complaint()
async def test_when_all_have_left_the_call_ends() -> None:
    flights, part = SingleFlight[str, int](), Part()
    waiting = [await start(flights, "key", part) for _ in range(3)]
    for each in waiting:
        each.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert len(flights) == 0
    await asyncio.sleep(0)
    assert part.cancelled == 1


async def test_who_comes_after_all_have_left_starts_anew() -> None:
    flights, part = SingleFlight[str, int](), Part()
    first = await start(flights, "key", part)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    second = await start(flights, "key", part)
    part.go.set()
    assert await second == 2


async def test_an_error_is_everybodys_and_is_not_kept() -> None:
    flights, part = SingleFlight[str, int](), Part()
    part.error = UnavailableError("part")
    waiting = [await start(flights, "key", part) for _ in range(3)]
    part.go.set()
    for outcome in await asyncio.gather(*waiting, return_exceptions=True):
        assert outcome is part.error
    part.error = None
    assert await flights.call("key", part) == 2


@without_complaint()
async def test_an_error_that_nobody_waits_for_disturbs_nobody() -> None:
    flights = SingleFlight[str, int]()

    async def stubborn() -> int:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise UnavailableError("part") from None
        return 0

    only = await start(flights, "key", stubborn)
    only.cancel()
    await asyncio.gather(only, return_exceptions=True)
    for _ in range(3):
        await asyncio.sleep(0)
    assert len(flights) == 0


async def test_who_has_time_does_not_suffer_from_another_ones_deadline() -> None:
    flights, clock, go = SingleFlight[str, int](), Clock(), asyncio.Event()
    calls = 0

    async def attempt() -> int:
        nonlocal calls
        calls += 1
        await go.wait()
        deadline.require("part")
        return calls

    with deadline.within(1.0, clock):
        hasty = await start(flights, "key", attempt)
    with deadline.within(60.0, clock):
        patient = await start(flights, "key", attempt)
    with deadline.within(1.0, clock):
        other = await start(flights, "key", attempt)
    clock.advance(2.0)
    go.set()
    outcomes = await asyncio.gather(hasty, patient, other, return_exceptions=True)
    assert isinstance(outcomes[0], UnavailableError)
    assert outcomes[1] == 2
    assert isinstance(outcomes[2], UnavailableError)
    assert calls == 2


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=20))
async def test_as_many_calls_as_keys_whoever_leaves(callers: list[tuple[str, bool]]) -> None:
    flights, part = SingleFlight[str, int](), Part()
    waiting = [await start(flights, key, part) for key, _ in callers]
    assert part.calls == len({key for key, _ in callers})
    for task, (_, leaves) in zip(waiting, callers, strict=True):
        if leaves:
            task.cancel()
    part.go.set()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    for outcome, (_, leaves) in zip(outcomes, callers, strict=True):
        assert isinstance(outcome, asyncio.CancelledError if leaves else int)
    assert len(flights) == 0
