"""What the watch makes of what a replica shows."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customerai.adapters.redis.replica import ReplicaWatch
from tests.unit.resilience.clock import Clock

MAX_LAG = 0.2


class Replication:
    """Numbers arrive on the replica ``delay`` seconds after they were written, while it is up."""

    def __init__(self, delay: float = 0.0) -> None:
        self.clock = Clock()
        self.delay = delay
        self.cut_at: float | None = None
        self.others: list[bytes | None] = []
        self.fails = False
        self.reads = 0
        self._log: list[tuple[float, int]] = []
        self.watch = ReplicaWatch(
            self.write, self.read, max_lag=MAX_LAG, clock=self.clock, sleep=self.sleep
        )

    async def write(self, number: int) -> None:
        self._log.append((self.clock.now, number))

    async def read(self) -> Sequence[bytes | None]:
        self.reads += 1
        self.clock.advance(0.0005)
        if self.fails:
            raise OSError
        known = [
            number
            for written, number in self._log
            if written + self.delay <= self.clock.now
            and (self.cut_at is None or written + self.delay <= self.cut_at)
        ]
        return [str(known[-1]).encode() if known else None, *self.others]

    async def sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)

    async def beat(self) -> None:
        await self.watch.beat()
        self.clock.advance(1.0)


async def test_a_replica_is_not_trusted_before_it_was_measured() -> None:
    replication = Replication()
    assert not replication.watch.may_read()
    assert replication.watch.lag is None
    assert replication.watch.is_due()


async def test_one_that_keeps_up_is_read_and_asked_once_a_beat() -> None:
    replication = Replication()
    for beat in range(1, 4):
        await replication.watch.beat()
        assert replication.watch.may_read()
        assert replication.watch.lag == pytest.approx(0.0005)
        assert replication.reads == beat
        assert not replication.watch.is_due()
        replication.clock.advance(1.0)
        assert replication.watch.is_due()


@given(st.floats(min_value=0.0, max_value=3.0))
async def test_the_lag_is_never_understated_and_the_limit_is_respected(delay: float) -> None:
    replication = Replication(delay)
    for _ in range(4):
        await replication.watch.beat()
        lag = replication.watch.lag
        assert lag is not None
        assert lag >= min(delay, MAX_LAG)
        assert replication.watch.may_read() == (lag <= MAX_LAG)
        if delay < MAX_LAG / 3:  # looks are no further apart than what has passed since the first
            assert replication.watch.may_read()
        replication.clock.advance(1.0)


async def test_the_lag_grows_while_the_link_is_cut_and_ends_with_it() -> None:
    replication = Replication()
    await replication.beat()
    replication.cut_at = replication.clock.now
    replication.clock.advance(0.001)
    for seconds in range(200):
        await replication.beat()
        assert not replication.watch.may_read()
        assert replication.watch.lag is not None
        assert seconds < replication.watch.lag < seconds * 2 + 1
    replication.cut_at = None
    await replication.watch.beat()
    assert replication.watch.may_read()


async def test_the_slowest_of_several_counts() -> None:
    replication = Replication()
    replication.others = [b"1", None]
    await replication.beat()
    assert not replication.watch.may_read()
    replication.others = [b"99"]
    await replication.beat()
    assert replication.watch.may_read()


async def test_a_measurement_does_not_hold_for_ever() -> None:
    replication = Replication()
    await replication.watch.beat()
    replication.clock.advance(2.9)
    assert replication.watch.may_read()
    replication.clock.advance(0.2)
    assert not replication.watch.may_read()


async def test_a_failure_takes_the_trust_and_a_beat_gives_it_back() -> None:
    replication = Replication()
    await replication.beat()
    replication.watch.suspect()
    assert not replication.watch.may_read()
    await replication.beat()
    assert replication.watch.may_read()
    replication.fails = True
    with pytest.raises(OSError):  # noqa: PT011 any
        await replication.watch.beat()
    assert not replication.watch.may_read()
    assert replication.watch.lag is None
    assert not replication.watch.is_due()  # what fails is not asked more often
