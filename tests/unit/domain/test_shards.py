"""Where things lie, how evenly, and what a raise moves: nothing that is stored."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customerai.domain.ids import first_id_at, id_before, instant_of, make_id
from customerai.domain.rollup import AggregateKey, aggregates_of, shard_of_aggregate
from customerai.domain.shards import SINGLE, Raise, Schedule, rendezvous, shard_of
from customerai.domain.windows import Interval

START = datetime(2026, 6, 1, tzinfo=UTC)
ENTROPY = st.binary(min_size=10, max_size=10)
NAMES = [make_id(START, n.to_bytes(10)) for n in range(4_000)]


@st.composite
def schedules(draw: st.DrawFn, most: int = 8) -> Schedule:
    """Any number of raises in the days around START, down to a millisecond apart."""
    counts = sorted(draw(st.sets(st.integers(2, most), max_size=4)))
    milliseconds = draw(
        st.lists(
            st.integers(-(10**9), 10**9), unique=True, min_size=len(counts), max_size=len(counts)
        )
    )
    instants = [START + timedelta(milliseconds=each) for each in sorted(milliseconds)]
    return Schedule(tuple(map(Raise, instants, counts)))


INSTANTS = st.integers(-(2 * 10**9), 2 * 10**9).map(lambda ms: START + timedelta(milliseconds=ms))
IDS = st.builds(make_id, INSTANTS, ENTROPY)


def test_a_tenant_has_one_shard_until_it_is_raised() -> None:
    assert SINGLE.count == 1
    assert list(SINGLE.shards_up_to(None)) == [0]
    assert {shard_of(each, SINGLE) for each in NAMES[:100]} == {0}


@pytest.mark.parametrize(
    "raises",
    [
        [(START, 1)],
        [(START, 2), (START, 3)],
        [(START, 3), (START + timedelta(hours=1), 3)],
        [(START, 3), (START + timedelta(hours=1), 2)],
        [(START, 2), (START - timedelta(hours=1), 3)],
    ],
    ids=["to one", "at once", "to the same", "to fewer", "back in time"],
)
def test_shards_are_only_ever_added(raises: Sequence[tuple[datetime, int]]) -> None:
    with pytest.raises(ValueError, match="later"):
        Schedule(tuple(Raise(*each) for each in raises))


@given(schedules(), IDS)
def test_the_number_in_force_is_that_of_the_last_raise_before_an_id(
    schedule: Schedule, made: str
) -> None:
    counts = [each.count for each in schedule.raises if each.since <= instant_of(made)]
    assert schedule.count_of(made) == (counts[-1] if counts else 1)
    assert 0 <= shard_of(made, schedule) < schedule.count_of(made)


@given(schedules(), IDS, IDS)
def test_a_read_up_to_an_id_asks_every_shard_that_holds_one_as_old(
    schedule: Schedule, made: str, last: str
) -> None:
    made, last = sorted((made, last))
    assert shard_of(made, schedule) in schedule.shards_up_to(last)
    assert shard_of(made, schedule) in schedule.shards_up_to(None)


@given(schedules(), st.integers(9, 64), IDS)
def test_a_raise_moves_nothing_that_comes_before_it(
    schedule: Schedule, count: int, made: str
) -> None:
    since = START + timedelta(milliseconds=10**9 + 1)
    raised = Schedule((*schedule.raises, Raise(since, count)))
    if instant_of(made) < since:
        assert shard_of(made, raised) == shard_of(made, schedule)
    assert list(raised.shards_up_to(id_before(first_id_at(since)))) == list(
        schedule.shards_up_to(None)
    )


@pytest.mark.parametrize("count", range(2, 17))
def test_names_spread_evenly(count: int) -> None:
    load = Counter(rendezvous(name, count) for name in NAMES)
    expected = len(NAMES) / count
    chi_square = sum((load[shard] - expected) ** 2 / expected for shard in range(count))
    # Beyond the 99.99th percentile of its distribution for so many degrees of freedom, by the
    # approximation of Wilson and Hilferty (1931).
    freedom = count - 1
    spread = 2 / (9 * freedom)
    assert chi_square < freedom * (1 - spread + 3.72 * spread**0.5) ** 3


@pytest.mark.parametrize("count", range(1, 17))
def test_one_more_takes_its_share_and_moves_nothing_else(count: int) -> None:
    places = [(rendezvous(name, count), rendezvous(name, count + 1)) for name in NAMES]
    moved = [after for before, after in places if before != after]
    assert set(moved) == {count}
    share = 1 / (count + 1)
    deviation = (share * (1 - share) / len(NAMES)) ** 0.5
    assert abs(len(moved) / len(NAMES) - share) < 4 * deviation


@given(schedules(), st.lists(IDS, max_size=40))
def test_shards_that_are_merged_are_in_the_order_of_all(
    schedule: Schedule, made: list[str]
) -> None:
    stored: dict[int, list[str]] = {shard: [] for shard in schedule.shards_up_to(None)}
    for each in sorted(made):
        stored[shard_of(each, schedule)].append(each)
    merged = sorted((each for shard in stored.values() for each in shard), reverse=True)
    assert merged == sorted(made, reverse=True)


@given(schedules(), IDS, st.text("0123456789abcdef-", min_size=1, max_size=40))
def test_all_that_a_shard_of_the_stream_adds_to_a_window_lies_together(
    schedule: Schedule, made: str, stream_shard: str
) -> None:
    """Whatever else of the window it is, and wherever a read of that window looks."""
    for key in aggregates_of("acme", made):
        start = key.interval.window_start(key.window)
        of_window = shard_of_aggregate(key, stream_shard, schedule)
        assert of_window < schedule.count_of(first_id_at(start))
        others = aggregates_of("acme", make_id(start + key.interval.length / 2, bytes(10)))
        same = next(each for each in others if each.interval is key.interval)
        assert same == key
        assert shard_of_aggregate(same, stream_shard, schedule) == of_window
        last = id_before(first_id_at(start + key.interval.length))
        assert of_window in schedule.shards_up_to(last)


def test_shards_of_the_stream_spread_over_those_of_the_tenant() -> None:
    raised = Schedule((Raise(START, 4),))
    before = AggregateKey("acme", Interval.DAY, "2026-05-31")
    after = AggregateKey("acme", Interval.DAY, "2026-06-01")
    names = [f"shardId-{n:020}-{n * 7919:08x}" for n in range(400)]
    assert {shard_of_aggregate(before, name, raised) for name in names} == {0}
    load = Counter(shard_of_aggregate(after, name, raised) for name in names)
    assert set(load) == {0, 1, 2, 3}
    assert min(load.values()) > 60
