"""The circuit breaker's states, and what brings each about."""

import asyncio
import contextlib
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from customerai.domain.errors import NotFoundError, UnavailableError
from customerai.resilience.breaker import CircuitBreaker, State
from customerai.resilience.refusal import RefusedError
from tests.unit.resilience.clock import Clock

CLOSED, OPEN, HALF_OPEN = State.CLOSED, State.OPEN, State.HALF_OPEN


class Guarded:
    """A part behind a breaker: it counts what reaches it and does as it is told."""

    def __init__(self, **options: Any) -> None:
        self.clock = Clock()
        self.changes: list[tuple[State, State]] = []
        self.reached = 0
        self.takes = 0.0
        given = {"minimum_calls": 4, "window": 10.0, "open_seconds": 5.0} | options
        self.breaker = CircuitBreaker(
            "part",
            on_change=lambda old, new: self.changes.append((old, new)),
            clock=self.clock,
            **given,
        )

    async def ask(self, error: Exception | None = None) -> str:
        async def attempt() -> str:
            self.reached += 1
            self.clock.advance(self.takes)
            if error is not None:
                raise error
            return "answer"

        return await self.breaker.call(attempt)

    async def works(self, times: int = 1) -> None:
        for _ in range(times):
            assert await self.ask() == "answer"

    async def fails(self, times: int = 1) -> None:
        for _ in range(times):
            with pytest.raises(UnavailableError) as raised:
                await self.ask(UnavailableError("part"))
            assert not isinstance(raised.value, RefusedError)

    async def refuses(self, retry_after: int | None = None) -> None:
        before = self.reached
        with pytest.raises(RefusedError) as raised:
            await self.ask()
        assert self.reached == before
        assert raised.value.part == "part"
        if retry_after is not None:
            assert raised.value.retry_after == retry_after


async def test_it_opens_at_the_rate_and_refuses_at_once() -> None:
    part = Guarded(failure_rate=0.5)
    await part.works(2)
    await part.fails(1)
    assert part.breaker.state is CLOSED
    await part.fails(1)
    assert part.breaker.state is OPEN
    await part.refuses(retry_after=5)
    part.clock.advance(3.5)
    await part.refuses(retry_after=2)
    assert part.changes == [(CLOSED, OPEN)]


async def test_a_few_calls_tell_nothing() -> None:
    part = Guarded(minimum_calls=10)
    await part.fails(9)
    assert part.breaker.state is CLOSED
    await part.fails(1)
    assert part.breaker.state is OPEN


async def test_a_success_can_complete_the_volume() -> None:
    part = Guarded(minimum_calls=4, failure_rate=0.5)
    await part.fails(3)
    await part.works(1)
    assert part.breaker.state is OPEN


async def test_what_is_long_ago_counts_no_more() -> None:
    part = Guarded(window=10.0)
    await part.fails(3)
    part.clock.advance(11)
    await part.fails(3)
    assert part.breaker.state is CLOSED
    await part.fails(1)
    assert part.breaker.state is OPEN


async def test_the_window_slides() -> None:
    part = Guarded(window=10.0)
    for _ in range(40):  # a failure in 3 seconds: never four within ten
        await part.fails(1)
        part.clock.advance(3.4)
    assert part.breaker.state is CLOSED


async def test_a_probe_that_works_closes_it() -> None:
    part = Guarded()
    await part.fails(4)
    part.clock.advance(5)
    assert part.breaker.state is HALF_OPEN
    await part.works(1)
    assert part.breaker.state is CLOSED
    assert part.changes == [(CLOSED, OPEN), (OPEN, HALF_OPEN), (HALF_OPEN, CLOSED)]
    await part.fails(3)  # what was before is forgotten
    assert part.breaker.state is CLOSED


async def test_a_probe_that_fails_opens_it_for_the_whole_time_again() -> None:
    part = Guarded()
    await part.fails(4)
    part.clock.advance(5)
    await part.fails(1)
    await part.refuses(retry_after=5)
    part.clock.advance(4.9)
    await part.refuses(retry_after=1)
    part.clock.advance(0.1)
    await part.works(1)
    assert part.breaker.state is CLOSED


async def test_all_probes_have_to_work() -> None:
    part = Guarded(probes=3)
    await part.fails(4)
    part.clock.advance(5)
    await part.works(2)
    assert part.breaker.state is HALF_OPEN
    await part.fails(1)
    assert part.breaker.state is OPEN


async def test_no_more_probes_than_that_run_at_once() -> None:
    part = Guarded(probes=2)
    await part.fails(4)
    part.clock.advance(5)
    go = asyncio.Event()

    async def probe() -> str:
        await go.wait()
        return "answer"

    probes = [asyncio.create_task(part.breaker.call(probe)) for _ in range(2)]
    await asyncio.sleep(0)
    await part.refuses()
    go.set()
    assert await asyncio.gather(*probes) == ["answer", "answer"]
    assert part.breaker.state is CLOSED


async def test_a_probe_that_has_worked_leaves_no_room_for_another() -> None:
    part = Guarded(probes=2)
    await part.fails(4)
    part.clock.advance(5)
    await part.works(1)
    go = asyncio.Event()
    last = asyncio.create_task(part.breaker.call(go.wait))
    await asyncio.sleep(0)
    await part.refuses()
    go.set()
    await last
    assert part.breaker.state is CLOSED


async def test_it_may_take_a_part_that_never_works() -> None:
    part = Guarded(failure_rate=1.0)
    await part.works(1)
    await part.fails(9)
    assert part.breaker.state is CLOSED
    part.clock.advance(20)
    await part.fails(4)
    assert part.breaker.state is OPEN


async def test_a_probe_that_is_given_up_frees_its_place() -> None:
    part = Guarded(slow_seconds=1.0)
    await part.fails(4)
    part.clock.advance(5)

    probe = asyncio.create_task(part.breaker.call(asyncio.Event().wait))
    await asyncio.sleep(0)
    await part.refuses()
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    assert part.breaker.state is HALF_OPEN
    await part.works(1)
    assert part.breaker.state is CLOSED


async def test_what_is_slow_has_failed() -> None:
    part = Guarded(slow_seconds=1.0)
    part.takes = 0.99
    await part.works(4)
    assert part.breaker.state is CLOSED
    part.takes = 1.0
    await part.works(4)
    assert part.breaker.state is OPEN


async def test_a_part_that_hangs_is_seen_though_all_stop_waiting() -> None:
    part = Guarded(slow_seconds=1.0)
    for waited, expected in ((0.9, CLOSED), (1.0, OPEN)):
        for _ in range(4):
            call = asyncio.create_task(part.breaker.call(asyncio.Event().wait))
            await asyncio.sleep(0)
            part.clock.advance(waited)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
        assert part.breaker.state is expected


async def test_an_answer_that_says_no_is_an_answer() -> None:
    part = Guarded()
    for _ in range(9):
        with pytest.raises(NotFoundError):
            await part.ask(NotFoundError())
    assert part.breaker.state is CLOSED


async def test_a_call_from_before_the_outage_does_not_end_it() -> None:
    part = Guarded()
    go = asyncio.Event()
    early = asyncio.create_task(part.breaker.call(go.wait))
    await asyncio.sleep(0)
    await part.fails(4)
    part.clock.advance(5)
    assert part.breaker.state is HALF_OPEN
    go.set()
    await early
    assert part.changes == [(CLOSED, OPEN)]
    await part.fails(1)
    assert part.breaker.state is OPEN


@pytest.mark.parametrize("wrong", [{"failure_rate": 0}, {"minimum_calls": 0}, {"probes": 0}])
def test_a_breaker_must_make_sense(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="breaker"):
        CircuitBreaker("part", **wrong)


class AnyHistory(RuleBasedStateMachine):
    """Whatever happens in whatever order."""

    @initialize(probes=st.integers(1, 3), minimum=st.integers(1, 6))
    def begin(self, probes: int, minimum: int) -> None:
        self.part = Guarded(probes=probes, minimum_calls=minimum)
        self.opened_at = 0.0
        self.loop = asyncio.new_event_loop()

    def teardown(self) -> None:
        self.loop.close()

    def ask(self, error: Exception | None) -> bool:
        """Whether the call reached the part."""
        before = self.part.reached
        with contextlib.suppress(UnavailableError):
            self.loop.run_until_complete(self.part.ask(error))
        if self.part.changes and self.part.changes[-1][1] is OPEN and self.part.reached > before:
            self.opened_at = self.part.clock()
        return self.part.reached > before

    @rule(fails=st.booleans())
    def call(self, fails: bool) -> None:
        state = self.part.breaker.state
        reached = self.ask(UnavailableError("part") if fails else None)
        assert reached == (state is not OPEN)
        if state is HALF_OPEN and fails:
            assert self.part.breaker.state is OPEN

    @rule(seconds=st.floats(min_value=0, max_value=20))
    def wait(self, seconds: float) -> None:
        self.part.clock.advance(seconds)

    @invariant()
    def changes_follow_each_other(self) -> None:
        if not hasattr(self, "part"):
            return
        state = CLOSED
        for old, new in self.part.changes:
            assert old is state
            assert (old, new) in {
                (CLOSED, OPEN),
                (OPEN, HALF_OPEN),
                (HALF_OPEN, OPEN),
                (HALF_OPEN, CLOSED),
            }
            state = new

    @invariant()
    def an_open_circuit_does_not_stay_so(self) -> None:
        if hasattr(self, "part") and self.part.breaker.state is OPEN:
            assert self.part.clock() - self.opened_at < 5.0


TestAnyHistory = AnyHistory.TestCase
TestAnyHistory.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)


async def test_what_was_refused_within_tells_nothing_of_the_part() -> None:
    clock = Clock()
    breaker = CircuitBreaker("part", minimum_calls=1, open_seconds=1, clock=clock)

    async def fail() -> None:
        raise UnavailableError("part")

    async def refuse() -> None:
        raise RefusedError("another")

    with pytest.raises(UnavailableError):
        await breaker.call(fail)
    clock.advance(1)
    with pytest.raises(RefusedError):
        await breaker.call(refuse)
    assert breaker.state is State.HALF_OPEN
