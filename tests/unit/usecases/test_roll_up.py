"""Rollups equal a full recount, whatever is retried, repeated, cut short or lost on the way."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customerai.adapters.memory.analysis_queue import MemoryAnalysisQueue
from customerai.adapters.memory.rollups import MemoryRollups
from customerai.domain.ids import make_id
from customerai.domain.interaction import InteractionRef
from customerai.domain.rollup import AggregateKey, State, aggregates_of
from customerai.ports import SequencedChange
from customerai.usecases.roll_up import InteractionChange, roll_up

START = datetime(2026, 11, 1, tzinfo=UTC)


class CrashError(Exception):
    pass


class CrashingRollups(MemoryRollups):
    """Applies the changes of the first few windows, then dies: before, between or after them."""

    survive: int | None = None

    async def apply(
        self, shard: str, changes: Mapping[AggregateKey, Sequence[SequencedChange]]
    ) -> None:
        if self.survive is None:
            return await super().apply(shard, changes)
        await super().apply(shard, dict(list(changes.items())[: self.survive]))
        raise CrashError


def pad(sequence: int) -> str:
    return str(sequence).zfill(40)


@st.composite
def streams(draw: st.DrawFn) -> list[InteractionChange]:
    """The changes of a few interactions: stored, analysed, analysed again, deleted."""
    refs = [
        InteractionRef(tenant, make_id(START + timedelta(hours=7 * n), bytes(10)))
        for n in range(3)
        for tenant in ("acme", "globex")
    ]
    states: dict[InteractionRef, State | None] = dict.fromkeys(refs)
    changes = []
    for sequence in range(1, draw(st.integers(1, 25)) + 1):
        ref = draw(st.sampled_from(refs))
        old = states[ref]
        if old is None:
            new: State | None = State(draw(st.sampled_from(["chat", "email"])))
        else:
            label = draw(st.sampled_from([None, "negative", "positive"]))
            score = draw(st.integers(-9, 9))
            new = State(old.channel, label, score) if label else None
        states[ref] = new
        changes.append(InteractionChange(pad(sequence), ref, old, new))
    return changes


def recount(changes: Sequence[InteractionChange]) -> dict[AggregateKey, Counter[str]]:
    last = {change.ref: change.new for change in changes}
    totals: dict[AggregateKey, Counter[str]] = {}
    for ref, state in last.items():
        for key in aggregates_of(ref.tenant, ref.id):
            totals.setdefault(key, Counter()).update(state.contribution() if state else {})
    return totals


def live(counters: Mapping[str, int]) -> dict[str, int]:
    return {name: n for name, n in counters.items() if n}


@dataclass(frozen=True)
class Delivery:
    """One batch: its size, the windows it survives (None: all), the records repeated after it."""

    size: int
    survive: int | None
    repeated: int


deliveries = st.builds(
    Delivery, st.integers(1, 12), st.none() | st.integers(0, 12), st.integers(0, 3)
)


@given(streams(), st.lists(deliveries, max_size=12))
async def test_any_order_of_crashes_and_repeats_equals_a_recount(
    changes: list[InteractionChange], plan: list[Delivery]
) -> None:
    rollups, queue = CrashingRollups(), MemoryAnalysisQueue()
    start = 0
    for delivery in [*plan, Delivery(len(changes), None, 0)]:
        rollups.survive = delivery.survive
        end = min(start + delivery.size, len(changes))
        with suppress(CrashError):
            await roll_up("shard", changes[start:end], rollups=rollups, queue=queue)
            # The checkpoint may be lost, and an overlapping batch delivered again.
            start = max(0, end - delivery.repeated)
    for key, counters in recount(changes).items():
        aggregate = rollups.aggregates.get((key, "shard"))
        assert live(aggregate.counters if aggregate else {}) == live(counters)


@given(streams())
async def test_everything_stored_reaches_the_queue(changes: list[InteractionChange]) -> None:
    queue = MemoryAnalysisQueue()
    await roll_up("shard", changes, rollups=MemoryRollups(), queue=queue)
    assert Counter(queue.sent) == Counter(c.ref for c in changes if c.old is None)


async def test_a_lost_queue_is_no_excuse_to_go_on() -> None:
    class Broken(MemoryAnalysisQueue):
        async def send(self, refs: Sequence[InteractionRef]) -> None:
            raise CrashError

    ref = InteractionRef("acme", make_id(START, bytes(10)))
    change = InteractionChange(pad(1), ref, None, State("chat"))
    rollups = MemoryRollups()
    with pytest.raises(CrashError):
        await roll_up("shard", [change], rollups=rollups, queue=Broken())
    queue = MemoryAnalysisQueue()
    await roll_up("shard", [change], rollups=rollups, queue=queue)
    assert queue.sent == [ref]
    assert {a.counters["n_chat_pending"] for a in rollups.aggregates.values()} == {1}


async def test_what_expires_stays_counted() -> None:
    ref = InteractionRef("acme", make_id(START, bytes(10)))
    rollups, queue = MemoryRollups(), MemoryAnalysisQueue()
    stored = InteractionChange(pad(1), ref, None, State("chat"))
    expired = InteractionChange(pad(2), ref, State("chat"), None, expired=True)
    await roll_up("shard", [stored, expired], rollups=rollups, queue=queue)
    assert {a.counters["n_chat_pending"] for a in rollups.aggregates.values()} == {1}


async def test_shards_are_fenced_apart() -> None:
    rollups, queue = MemoryRollups(), MemoryAnalysisQueue()
    for shard, sequence in (("one", 9), ("two", 1)):
        ref = InteractionRef("acme", make_id(START, sequence.to_bytes(10)))
        change = InteractionChange(pad(sequence), ref, None, State("chat"))
        await roll_up(shard, [change], rollups=rollups, queue=queue)
    assert sum(a.counters["n_chat_pending"] for a in rollups.aggregates.values()) == 4
