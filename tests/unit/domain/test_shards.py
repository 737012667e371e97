from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from customerai.domain.ids import make_id, random_entropy
from customerai.domain.shards import SCHEDULE, all_shards, shard_of

RESIZED = datetime(2026, 6, 1, tzinfo=UTC)
SCHEDULE_OF_TWO = ((datetime(1970, 1, 1, tzinfo=UTC), 4), (RESIZED, 5))


def test_there_is_one_shard_at_first() -> None:
    assert list(all_shards()) == [0]
    assert shard_of(make_id(RESIZED, random_entropy()), SCHEDULE) == 0


@given(st.integers(1, 10_000_000), st.binary(min_size=10, max_size=10))
def test_a_resize_moves_no_row_that_came_before(seconds: int, entropy: bytes) -> None:
    earlier = make_id(RESIZED - timedelta(seconds=seconds), entropy)
    assert shard_of(earlier, SCHEDULE_OF_TWO) == shard_of(earlier, SCHEDULE_OF_TWO[:1])


def test_rows_spread_evenly_and_new_ones_reach_the_new_shard() -> None:
    later = [make_id(RESIZED, n.to_bytes(10)) for n in range(5_000)]
    load = Counter(shard_of(each, SCHEDULE_OF_TWO) for each in later)
    assert set(load) == set(all_shards(SCHEDULE_OF_TWO))
    assert all(0.9 < count / 1_000 < 1.1 for count in load.values())


def test_a_resize_would_move_only_its_share() -> None:
    instant = RESIZED - timedelta(days=1)
    made = [make_id(instant, n.to_bytes(10)) for n in range(5_000)]
    four, five = ((datetime(1970, 1, 1, tzinfo=UTC), n) for n in (4, 5))
    moved = sum(shard_of(each, (four,)) != shard_of(each, (five,)) for each in made)
    assert 0.17 < moved / 5_000 < 0.23
