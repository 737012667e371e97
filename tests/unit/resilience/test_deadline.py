"""The deadline: only ever shortened, seen by all that is called, enforced by who waits."""

import asyncio
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customerai.domain.errors import UnavailableError
from customerai.resilience import deadline
from customerai.resilience.refusal import RefusedError
from tests.unit.resilience.clock import Clock

SECONDS = st.floats(min_value=0, max_value=1e6)


def test_without_a_deadline_there_is_time_without_end() -> None:
    assert deadline.current() is None
    assert deadline.remaining() == math.inf
    assert deadline.remaining_milliseconds() is None
    deadline.require("store")


@given(st.lists(SECONDS, min_size=1, max_size=6))
def test_nesting_only_ever_shortens(lengths: list[float]) -> None:
    clock = Clock(0.0)

    def nest(rest: list[float], shortest: float) -> None:
        if not rest:
            return
        with deadline.within(rest[0], clock):
            shortest = min(shortest, rest[0])
            assert deadline.remaining() == shortest
            nest(rest[1:], shortest)
            assert deadline.remaining() == shortest  # what was inside has left nothing behind

    nest(lengths, math.inf)
    assert deadline.current() is None


def test_time_passes_and_does_not_go_below_zero() -> None:
    clock = Clock()
    with deadline.within(2.0, clock):
        clock.advance(1.2345)
        assert deadline.remaining_milliseconds() == 765
        clock.advance(5)
        assert deadline.remaining() == 0
        assert deadline.remaining_milliseconds() == 0
        with pytest.raises(RefusedError) as raised:
            deadline.require("store")
    assert raised.value.part == "store"


def test_a_client_has_left_where_its_own_deadline_has_passed() -> None:
    clock = Clock()
    assert not deadline.client_has_left()
    with deadline.within(2.0, clock, of_client=True):
        with deadline.within(5.0, clock):
            assert not deadline.client_has_left()
            clock.advance(2.0)
            assert deadline.client_has_left()
        with deadline.within(0.0, clock):
            assert deadline.client_has_left()
    with deadline.within(0.0, clock), deadline.within(5.0, clock, of_client=True):
        assert not deadline.client_has_left()


async def test_tasks_inherit_it() -> None:
    clock = Clock()

    async def left() -> float:
        return deadline.remaining()

    with deadline.within(3.0, clock):
        assert await asyncio.create_task(left()) == 3.0


async def test_two_requests_side_by_side_have_their_own() -> None:
    both = asyncio.Barrier(2)

    async def request(seconds: float) -> float:
        with deadline.within(seconds, Clock()):
            await both.wait()
            return deadline.remaining()

    assert list(await asyncio.gather(request(1.0), request(9.0))) == [1.0, 9.0]


async def test_what_hangs_is_cancelled_at_the_deadline() -> None:
    cancelled = asyncio.Event()

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    with deadline.within(0.001), pytest.raises(UnavailableError) as raised:
        async with deadline.timeout("store"):
            await hang()
    assert raised.value.part == "store"
    assert cancelled.is_set()
    await asyncio.sleep(0)  # the cancellation was spent: this task is not cancelled itself


async def test_a_part_is_given_its_own_time_and_knows_it() -> None:
    async def ask() -> None:
        async with deadline.timeout("store", 0.001):
            assert deadline.remaining() <= 0.001
            await asyncio.Event().wait()

    with pytest.raises(UnavailableError):
        await ask()
    assert deadline.current() is None


async def test_a_part_is_given_all_of_its_own_time() -> None:
    async with deadline.timeout("store", 600.0):
        assert 500 < deadline.remaining() <= 600


async def test_a_part_gets_no_more_than_is_left() -> None:
    with deadline.within(5.0, Clock()):
        async with deadline.timeout("store", 60.0):
            assert deadline.remaining() == 5.0


async def test_nothing_is_begun_without_time() -> None:
    clock, begun = Clock(), False
    with deadline.within(1.0, clock):
        clock.advance(1.0)
        with pytest.raises(RefusedError):
            async with deadline.timeout("store"):
                begun = True
        with pytest.raises(RefusedError):
            async with deadline.timeout("store", 3.0):
                begun = True
    assert not begun
    with pytest.raises(RefusedError):
        async with deadline.timeout("store", 0):
            begun = True
    assert not begun
    assert deadline.current() is None


async def test_what_is_inside_may_time_out_by_itself() -> None:
    with pytest.raises(TimeoutError):
        async with deadline.timeout("store", 60):
            raise TimeoutError
    with pytest.raises(LookupError):
        async with deadline.timeout("store"):
            raise LookupError


async def test_a_cancelled_request_stays_cancelled() -> None:
    async def request() -> None:
        async with deadline.timeout("store", 60):
            await asyncio.Event().wait()

    task = asyncio.create_task(request())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@given(st.integers(min_value=0, max_value=999_999_999))
def test_milliseconds_are_read_as_they_are_written(milliseconds: int) -> None:
    assert deadline.seconds_of(str(milliseconds)) == milliseconds / 1000


@pytest.mark.parametrize("text", ["", "-1", "1.5", "1e3", " 5", "٣", "²", "1000000000", "inf"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a number of milliseconds"):
        deadline.seconds_of(text)
