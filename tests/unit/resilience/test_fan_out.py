"""Bounded fan-out."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customerai.domain.errors import UnavailableError
from customerai.resilience.fan_out import fan_out


@given(st.lists(st.integers(0, 5), max_size=30), st.integers(1, 8))
async def test_order_is_kept_and_the_limit_holds(steps: list[int], limit: int) -> None:
    running = most = 0

    async def call(item: tuple[int, int]) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(item[1]):
            await asyncio.sleep(0)
        running -= 1
        return item[0]

    items = list(enumerate(steps))
    assert await fan_out(call, items, limit=limit) == list(range(len(steps)))
    assert most <= min(limit, len(steps))


async def test_as_many_run_as_may() -> None:
    all_here = asyncio.Barrier(4)

    async def call(item: int) -> int:
        await all_here.wait()
        return item

    assert await fan_out(call, range(8), limit=4) == list(range(8))


async def test_a_failure_ends_the_rest() -> None:
    begun, cancelled = list[int](), list[int]()

    async def call(item: int) -> None:
        begun.append(item)
        if item == 2:
            raise UnavailableError("part")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(item)
            raise

    with pytest.raises(UnavailableError):
        await fan_out(call, range(10), limit=3)
    assert begun == [0, 1, 2]
    assert sorted(cancelled) == [0, 1]


async def test_nothing_is_begun_after_a_failure() -> None:
    """Not even by one that ends in the same turn of the loop."""
    begun, go = list[int](), asyncio.Event()

    async def call(item: int) -> None:
        begun.append(item)
        await go.wait()
        if item == 0:
            raise UnavailableError("part")

    asyncio.get_running_loop().call_later(0, go.set)
    with pytest.raises(UnavailableError):
        await fan_out(call, range(10), limit=2)
    assert begun == [0, 1]


async def test_a_caller_that_goes_takes_all_along() -> None:
    cancelled = list[int]()

    async def call(item: int) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(item)
            raise

    task = asyncio.create_task(fan_out(call, range(5), limit=3))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(cancelled) == [0, 1, 2]


async def test_one_item_is_simply_called() -> None:
    async def call(item: str) -> str:
        if item == "bad":
            raise LookupError
        return item.upper()

    assert await fan_out(call, ["a"], limit=9) == ["A"]
    with pytest.raises(LookupError):
        await fan_out(call, ["bad"], limit=9)


async def test_a_limit_must_let_one_run() -> None:
    with pytest.raises(ValueError, match="at least one"):
        await fan_out(asyncio.sleep, [0], limit=0)


async def test_a_call_that_is_cancelled_from_within_is_an_error_and_no_hole() -> None:
    async def call(number: int) -> int:
        if number == 1:
            raise asyncio.CancelledError
        await asyncio.sleep(0)
        return number

    with pytest.raises(RuntimeError, match="cancelled from within"):
        await fan_out(call, range(4), limit=2)
